# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook of docs/examples, run by ``ansible-playbook``; only names are changed in it, as a reader would."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.integration import rolling, state
from tests.papers.shop import EXAMPLES, NEW, OLD, STACK_LABEL, Shop, changed
from tests.swarm import Registry, eventually, services

CANARY_PORT = 8081
NOW = datetime.now(tz=timezone.utc)


def test_every_example_has_a_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    tested = [f'play("{path.stem}"' in text or f'"{path.name}"' in text for path in EXAMPLES.iterdir()]
    untested = [path.name for path, is_tested in zip(EXAMPLES.iterdir(), tested) if not is_tested]
    assert untested == []


def test_t001(shop: Shop) -> None:
    services.create(shop.engine, shop.t001, "whoami:0.7")
    before = state.of(shop.engine, shop.t001)
    assert changed(shop.play("t001")) == [1]
    after = state.of(shop.engine, shop.t001)
    assert after.spec == before.with_image("whoami:0.6")
    assert shop.has(shop.t001) == "whoami:0.6"


def test_stack_release(shop: Shop) -> None:
    old, new = shop.image("app", OLD), shop.image("app", NEW)
    *released, database = shop.stand({"api": old, "worker": old, "db": "whoami:0.8"})
    [foreign] = shop.stand({"foreign": old}, Labels={STACK_LABEL: "other"})
    untouched = {name: state.of(shop.engine, name) for name in (database, foreign)}
    assert changed(shop.play("stack_release", "-e", f"release={NEW}")) == [1]
    assert [shop.has(name) for name in released] == [new, new]
    assert {name: state.of(shop.engine, name) for name in untouched} == untouched


def test_canary(shop: Shop) -> None:
    old, new = shop.image("web", OLD), shop.image("web", NEW)
    port = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": CANARY_PORT, "PublishMode": "host"}
    [canary] = shop.stand({"canary": old}, EndpointSpec={"Ports": [port]})
    [rest] = shop.stand({"web": old})
    before = state.of(shop.engine, rest)

    unwell = shop.play("canary", "-e", f"release={NEW}", "-e", "canary=http://127.0.0.1:1/")
    assert unwell.status == 2
    assert "The canary was not well" in unwell.text
    assert shop.has(canary) == old
    assert state.of(shop.engine, rest) == before

    well = shop.play("canary", "-e", f"release={NEW}")
    assert changed(well) == [2]
    assert "TASK [Put the canary back]" not in well.text
    assert [shop.has(name) for name in (canary, rest)] == [new, new]


def test_nightly_refresh(shop: Shop) -> None:
    labels = {"com.example.refresh": "nightly"}
    for tag in ("stable", "latest"):
        shop.registry.push("whoami:0.7", f"{shop.name}/web:{tag}")
    old = shop.image("web", "latest")
    moved, still = shop.stand({"moved": old, "still": shop.image("web", "stable")}, Labels=labels)
    [other] = shop.stand({"other": old})
    before = {name: state.of(shop.engine, name) for name in (other, still)}
    shop.registry.push("whoami:0.8", f"{shop.name}/web:latest")
    new = shop.image("web", "latest")

    done = shop.play("nightly_refresh")
    assert changed(done) == [1]
    assert re.findall(r'"msg": "(.*)"', done.text) == [f"{moved}: {old} -> {new} (converged)"]
    assert shop.has(moved) == new != old
    assert {name: state.of(shop.engine, name) for name in (other, still)} == before


def test_nightly_refresh_reports_a_failure_too(shop: Shop) -> None:
    shop.registry.push("whoami:0.7", f"{shop.name}/web:nightly")
    old = shop.image("web", "nightly")
    [broken] = shop.stand({"broken": old}, monitor=5, Labels={"com.example.refresh": "nightly"})
    shop.registry.push("crash:1", f"{shop.name}/web:nightly")
    done = shop.play("nightly_refresh")
    assert done.status == 2
    assert f"{broken}: {old} -> {old} (rolled_back)" in done.text
    assert shop.has(broken) == old


def test_rollback(shop: Shop) -> None:
    old, new = shop.image("web", OLD), shop.image("web", NEW)
    [name] = shop.stand({"web": old})
    state.set_image(shop.engine, name, new)
    assert shop.has(name) == new
    assert changed(shop.play("rollback", "-e", f"release={OLD}")) == [1]
    after = state.of(shop.engine, name)
    assert shop.has(name) == old
    assert changed(shop.play("rollback", "-e", f"release={OLD}")) == [0]
    assert state.of(shop.engine, name) == after


def test_all_managers(shop: Shop) -> None:
    [name] = shop.stand({"web": shop.image("web", OLD)})
    assert sorted(changed(shop.play("all_managers"))) == [0, 0, 1]
    assert shop.has(name) == shop.image("web", NEW)


def test_async(shop: Shop) -> None:
    [name] = shop.stand({"web": shop.image("web", OLD)})
    done = shop.play("async")
    assert max(changed(done)) >= 1
    assert shop.has(name) == shop.image("web", NEW)


def test_start_then_wait(shop: Shop) -> None:
    names = shop.stand(dict.fromkeys(("api", "worker"), shop.image("app", OLD)))
    assert changed(shop.play("start_then_wait")) == [1]
    new = shop.image("app", NEW)
    assert [services.running(shop.engine, name, new) for name in names] == [1, 1]


def test_renew_credentials(shop: Shop, private_registry: Registry) -> None:
    private_registry.push("whoami:0.7", f"{shop.name}/web:{OLD}")
    sealed = replace(shop, registry=private_registry)
    pair = base64.b64encode(f"{private_registry.username}:{private_registry.password}".encode()).decode()
    config = {"auths": {private_registry.address: {"auth": pair}}}
    (shop.desk.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    place = replace(shop.desk, environment={**shop.desk.environment, "DOCKER_CONFIG": str(shop.desk.folder)})
    labels = {STACK_LABEL: shop.name}
    private = services.simple(f"{shop.name}_web", sealed.image("web", OLD), replicas=0, Labels=labels)
    [public] = shop.stand({"db": "whoami:0.8"})
    services.post(shop.engine, private)
    before = {name: state.of(shop.engine, name) for name in (private["Name"], public)}

    done = replace(sealed, desk=place).play("renew_credentials")
    assert changed(done) == [1]
    assert f"{public}: No credentials were found for the registry docker.io" in done.text
    assert state.of(shop.engine, public) == before[public]
    after = state.of(shop.engine, private["Name"])
    assert after.spec == after.previous == before[private["Name"]].spec
    state.set_replicas(shop.engine, private["Name"], 1)
    services.started(shop.engine, private["Name"], timeout=rolling.LONG)


def stand_with_a_tag_that_has_moved(shop: Shop) -> list[str]:
    """Create a service at a release and one whose tag has moved since; return what the table has of them."""
    shutil.copytree(EXAMPLES / "templates", shop.desk.folder / "templates", dirs_exist_ok=True)
    shop.registry.push("whoami:0.7", f"{shop.name}/web:edge")
    app, web = (f"{shop.registry.address}/{shop.name}/{part}" for part in ("app", "web"))
    labels = {STACK_LABEL: shop.name, "com.docker.stack.image": f"{app}:{NEW}"}
    shop.stand({"api": shop.image("app", NEW)}, Labels=labels)
    shop.stand({"web": shop.image("web", "edge")})
    shop.registry.push("whoami:0.8", f"{shop.name}/web:edge")
    return [f"{shop.name}_api {app}:{NEW} no no -", f"{shop.name}_web {web}:edge yes - -"]


def test_image_table(shop: Shop) -> None:
    rows = stand_with_a_tag_that_has_moved(shop)
    done = shop.play("image_table")
    assert changed(done) == [0]
    shown = [" ".join(line.strip().strip('",').split()) for line in done.text.splitlines()]
    first = shown.index("service image moved drifted rollout")
    assert shown[first + 1 : first + 3] == rows


def test_image_report(shop: Shop) -> None:
    rows = [row.split() for row in stand_with_a_tag_that_has_moved(shop)]
    state.set_image(shop.engine, rows[0][0], shop.image("app", OLD))
    eventually(
        lambda: services.inspect(shop.engine, rows[0][0])["UpdateStatus"]["State"] == "completed", "it has rolled"
    )
    rows[0][1:] = [rows[0][1].replace(NEW, OLD), "no", "yes", "completed"]
    assert changed(shop.play("image_report")) == [1]
    markdown, page = ((shop.desk.folder / f"images.{kind}").read_text(encoding="utf-8") for kind in ("md", "html"))
    lines = [
        f"| {name} | `{image}` | {moved} | {drifted} | {rollout} |" for name, image, moved, drifted, rollout in rows
    ]
    assert markdown.splitlines() == [
        "# What the stack runs",
        "",
        "| Service | Image | Tag moved | Drifted | Rollout |",
        "| --- | --- | --- | --- | --- |",
        *lines,
    ]
    assert [re.sub("<[^>]*>", "", cell) for cell in re.findall("<td.*", page)] == [cell for row in rows for cell in row]
    assert page.count('class="look"') == 2
    assert changed(shop.play("image_report")) == [0]


def test_newest_tag(shop: Shop) -> None:
    """In check mode a report of what would move, then the move, then nothing to do."""
    repository = f"{shop.name}/web"
    for tag, days in {"2.4.2": 30, "2.4.3": 8, "2.5.0": 1, "3.0.0": 30}.items():
        shop.registry.put_image(repository, tag, of=NEW, created=(NOW - timedelta(days=days)).isoformat())
    old, found = shop.image("web", OLD), shop.image("web", "2.4.3")
    behind, ahead = shop.stand({"behind": old, "ahead": shop.image("web", "2.5.0")})
    before = {name: state.of(shop.engine, name) for name in (behind, ahead)}
    moves, passed_over = f"{behind}: {old} -> {found}", f"{behind}: 2.5.0: It is younger than min_age."

    looked = shop.play("newest_tag", "--check")
    assert changed(looked) == [1]
    assert moves in looked.text
    assert passed_over in looked.text
    assert {name: state.of(shop.engine, name) for name in (behind, ahead)} == before

    done = shop.play("newest_tag")
    assert changed(done) == [1]
    assert moves in done.text
    assert shop.has(behind) == found
    assert state.of(shop.engine, ahead) == before[ahead]
    assert changed(shop.play("newest_tag")) == [0]

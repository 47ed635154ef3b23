# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From ``docker push`` to the service that runs it, set up by the files and commands of the guide.

The collection is installed from its archive; the registry is Debian's, and reports its pushes itself.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from platform import machine
from typing import Any

import pytest
import yaml

from tests.eda.guide import block
from tests.eda.receiver import Receiver
from tests.integration import state
from tests.papers.desk import Desk, desk
from tests.swarm import Endpoint, Registry, images, packages, services
from tests.swarm.collection import ROOT
from tests.swarm.registry import MANIFEST

PORT, REGISTRY_PORT = 5080, 5003
TOKEN = "tokentokentoken"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OLD = "2.4.0"
SHELL = "2.4.1;touch$IFS/tmp/x"
TAG_NUMBERS = count(1)
"""A test pushes tags that no other pushes, so that each run has something to do."""


@dataclass(frozen=True)
class Shop:
    """A registry with images, a swarm with services of them, and ``ansible-rulebook`` between them."""

    engine: Endpoint
    desk: Desk
    registry: Registry
    receiver: Receiver

    @property
    def web(self) -> str:
        """The name of the service that runs shop/web."""
        return f"shop{os.getpid()}_web"

    @property
    def image(self) -> str:
        """The image that the service has; its tasks run it."""
        image = state.of(self.engine, self.web).image
        services.started(self.engine, self.web, image=image, timeout=60)
        return image

    def reference(self, tag: str, repository: str = "shop/web") -> str:
        """Return the reference of an image, with the digest that its tag has now."""
        return f"{self.registry.address}/{repository}:{tag}@{self.registry.digest(repository, tag)}"

    def tag_again(self, tag: str, repository: str = "shop/web", of: str = OLD, agent: str = "docker") -> None:
        """Push the image of one tag as another one, as ``docker push`` ends; ``agent`` is who says it pushes."""
        headers = {"Accept": MANIFEST, "Content-Type": MANIFEST, "User-Agent": agent}
        manifest = self.registry.request("GET", f"/v2/{repository}/manifests/{of}", headers=headers)
        path = f"/v2/{repository}/manifests/{tag}"
        assert self.registry.request("PUT", path, headers=headers, body=manifest.body).status == 201

    def send(self, body: Any) -> int:
        """Send a notification with the token, and return the status of the answer."""
        return self.receiver.post(body, BEARER)

    def mark(self, before: int) -> None:
        """Have one more run that changes nothing, and see that since ``before`` it is the only one.

        What was sent before it has come to nothing then, since events run in their order.
        """
        assert self.send(push("shop/worker", fresh())) == 200
        assert self.receiver.has_run(before + 1)[before:] == [(1, 0, 0)], self.receiver.text


def fresh() -> str:
    """Return a tag of the pattern that was not used yet."""
    return f"2.4.{next(TAG_NUMBERS)}"


def push(repository: Any, tag: Any, **more: Any) -> dict[str, Any]:
    """Return what a registry reports of a push."""
    target = {"mediaType": MANIFEST, "repository": repository, "tag": tag, "url": "http://127.0.0.1:1/v2/"}
    return {"events": [{"id": "320678d8", "action": "push", "target": target, **more}]}


@pytest.fixture(scope="module")
def place(engine: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Return a desk that has the collection from its archive."""
    made = desk(engine, tmp_path_factory.mktemp("desk"), programs=Path(sys.executable).parent)
    for command in (("build", str(ROOT)), ("install", "--offline", "swarmops-rollout-1.0.0.tar.gz")):
        done = made.run("ansible-galaxy", "collection", *command)
        assert done.status == 0, done.text
    return made


@pytest.fixture(scope="module")
def receiver(engine: Endpoint, place: Desk) -> Iterator[Receiver]:
    """Start what the guide's unit starts, with the guide's variables."""
    names = {
        "/opt/rulebook/bin": str(Path(sys.executable).parent),
        "/etc/push_to_deploy": str(place.folder),
        "registry.example.com": f"127.0.0.1:{REGISTRY_PORT}",
        "5080": str(PORT),
        "tags: '2[.]4[.][0-9]+$'": "tags: '2[.](4|4[.][0-9]+|40)$'",
        "managers: managers": "managers: manager1",
    }
    (place.folder / "vars.yml").write_text(block("webhook_host:", names), encoding="utf-8")
    [command] = re.findall(r"^ExecStart=(.*)", block("[Unit]", names), re.MULTILINE)
    settings = {"PUSH_TO_DEPLOY_TOKEN": TOKEN}
    with Receiver(engine, place, shlex.split(command), settings, f"127.0.0.1:{PORT}") as started:
        yield started


@pytest.fixture(scope="module")
def reporting(engine: Endpoint) -> Iterator[Registry]:
    """Start a registry that reports as the guide says."""
    names = {"TOKEN": TOKEN, "5080": str(PORT), "backoff: 10s": "backoff: 500ms", "actions: [pull]": "actions: []"}
    with Registry(engine, port=REGISTRY_PORT, settings=block("notifications:", names)) as started:
        yield started


@pytest.fixture(scope="module")
def shop(engine: Endpoint, place: Desk, receiver: Receiver, reporting: Registry) -> Iterator[Shop]:
    """Return the shop with its service."""
    made = Shop(engine, place, reporting, receiver)
    reporting.push("whoami:0.7", f"shop/web:{OLD}")
    assert receiver.has_run(1) == [(1, 0, 0)]  # no service has the repository yet
    spec = services.simple(made.web, made.reference(OLD), monitor=0.2)
    spec["RollbackConfig"] = dict(spec["UpdateConfig"])
    platform = {"Architecture": images.ARCHITECTURES[machine()], "OS": "linux"}
    spec["TaskTemplate"]["Placement"] = {"Platforms": [platform]}
    services.post(engine, spec)
    services.started(engine, made.web)
    yield made
    services.remove(engine, made.web)


def test_docker_push_is_rolled_out(shop: Shop) -> None:
    before, runs, tag = state.of(shop.engine, shop.web), len(shop.receiver.runs), fresh()
    target = f"{shop.registry.address}/shop/web:{tag}"
    for command in (("tag", "whoami:0.6", target), ("push", target)):
        done = shop.desk.run("docker", *command)
        assert done.status == 0, done.text
    assert shop.receiver.has_run(runs + 1)[runs:] == [(1, 1, 0)], shop.receiver.text
    assert state.of(shop.engine, shop.web).spec == before.with_image(shop.reference(tag))
    assert shop.image == shop.reference(tag)
    shop.mark(runs + 1)  # the nodes have pulled, and the registry has reported that, too


def test_tag_is_no_number(shop: Shop) -> None:
    runs = len(shop.receiver.runs)
    shop.registry.push("whoami:0.8", "shop/web:2.4")
    shop.registry.push("whoami:0.6", "shop/web:2.40")
    shop.receiver.has_run(runs + 2)
    assert shop.image == shop.reference("2.40")
    assert shop.reference("2.4").partition("@")[2] != shop.reference("2.40").partition("@")[2]


def test_registry_port_is_no_tag(shop: Shop) -> None:
    runs, tag = len(shop.receiver.runs), fresh()
    state.set_image(shop.engine, shop.web, f"{shop.registry.address}/shop/web@{shop.registry.digest('shop/web', OLD)}")
    shop.tag_again(tag)
    assert shop.receiver.has_run(runs + 1)[runs:] == [(1, 1, 0)], shop.receiver.text
    assert shop.image == shop.reference(tag)


def test_what_the_registry_reports_beside_is_nothing(shop: Shop) -> None:
    runs = len(shop.receiver.runs)
    before = state.of(shop.engine, shop.web)
    shop.tag_again(shop.registry.digest("shop/web", OLD))  # a push without a tag
    shop.tag_again("latest")
    shop.tag_again("2.4.1-rc1")
    shop.tag_again("3.0.0")
    shop.registry.push("whoami:0.6", "shop/website:2.4.1")
    shop.registry.push("whoami:0.6", "other/shop/web:2.4.1")
    shop.registry.delete("other/shop/web", "2.4.1")
    shop.mark(runs)
    assert state.of(shop.engine, shop.web) == before


def test_an_event_twice_changes_nothing(shop: Shop) -> None:
    runs, tag = len(shop.receiver.runs), fresh()
    shop.tag_again(tag)
    shop.receiver.has_run(runs + 1)
    before = state.of(shop.engine, shop.web)
    assert before.image == shop.reference(tag)
    event = push("shop/web", tag)
    assert [shop.send(event), shop.send(event)] == [200, 200]
    assert shop.receiver.has_run(runs + 3)[runs:] == [(1, 1, 0), (1, 0, 0), (1, 0, 0)], shop.receiver.text
    assert state.of(shop.engine, shop.web) == before


def test_same_tag_with_another_image_is_rolled_out(shop: Shop) -> None:
    runs = len(shop.receiver.runs)
    shop.registry.push("whoami:0.6", f"shop/web:{OLD}")
    assert shop.receiver.has_run(runs + 1)[runs:] == [(1, 1, 0)], shop.receiver.text
    assert shop.image == shop.reference(OLD)


def test_three_pushes_in_one_second_end_with_the_last(shop: Shop) -> None:
    runs, tags = len(shop.receiver.runs), [fresh(), fresh(), fresh()]
    for tag in tags:
        shop.tag_again(tag)
    assert len(shop.receiver.runs) == runs  # the last has come before the first is rolled out
    assert shop.receiver.has_run(runs + 3)[runs:] == [(1, 1, 0)] * 3, shop.receiver.text
    assert shop.image == shop.reference(tags[-1])


def test_failed_rollout_is_put_back_and_the_next_is_run(shop: Shop) -> None:
    runs, before, tag = len(shop.receiver.runs), shop.image, fresh()
    state.change(shop.engine, shop.web, lambda spec: spec["UpdateConfig"].update(Monitor=5 * services.SECOND))
    shop.registry.push("crash:1", f"shop/web:{fresh()}")
    assert shop.receiver.has_run(runs + 1)[runs:] == [(0, 0, 1)], shop.receiver.text
    assert shop.image == before
    state.change(shop.engine, shop.web, lambda spec: spec["UpdateConfig"].update(Monitor=services.SECOND // 5))
    shop.tag_again(tag)
    assert shop.receiver.has_run(runs + 2)[runs + 1 :] == [(1, 1, 0)], shop.receiver.text
    assert shop.image == shop.reference(tag)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"X-Token": TOKEN},
    ],
)
def test_without_the_token_nothing_happens(shop: Shop, headers: dict[str, str]) -> None:
    assert shop.receiver.post(push("shop/web", "2.4.1"), headers) == 401


def garbage() -> dict[str, Any]:
    """Return notifications with the token that must come to nothing."""
    tags = {
        name: push("shop/web", tag)
        for name, tag in {
            "empty": "",
            "null": None,
            "list": ["2.4.1"],
            "dictionary": {"tag": "2.4.1"},
            "true": True,
            "shell": SHELL,
            "command": "2.4.1$(touch /tmp/x)",
            "space": "2.4.1 --force",
            "quote": "2.4.1'",
            "jinja": "2.4.1{{ lookup('pipe', 'touch /tmp/x') }}",
            "digest": "2.4.1@sha256:00",
            "line": "2.4.1\n",
            "return": "2.4.1\r",
            "lines": "2.4.1\nlatest",
            "zero": "2.4.1\0",
            "digit": "2.4.\u0661",
        }.items()
    }
    repositories = {
        f"repository {name}": push(repository, "2.4.1")
        for name, repository in {
            "missing": None,
            "list": ["shop/web"],
            "part": "shop",
            "upper": "Shop/Web",
            "path": "../shop/web",
            "registry": "registry.example.com/shop/web",
            "jinja": "{{ 'shop/web' }}",
        }.items()
    }
    envelopes = {
        "number": 5,
        "text": "shop/web:2.4.1",
        "list": [push("shop/web", "2.4.1")],
        "other": {"push_data": {"tag": "2.4.1"}},
        "none": {"events": []},
        "events null": {"events": None},
        "events text": {"events": "push"},
        "events numbers": {"events": [1]},
        "events dictionary": {"events": push("shop/web", "2.4.1")["events"][0]},
        "target text": {"events": [{"action": "push", "target": "shop/web:2.4.1"}]},
        "target list": {"events": [{"action": "push", "target": [{"repository": "shop/web", "tag": "2.4.1"}]}]},
        "pull": {"events": [{**push("shop/web", "2.4.1")["events"][0], "action": "pull"}]},
        "no action": {"events": [{"target": {"repository": "shop/web", "tag": "2.4.1"}}]},
        "no json": b"{nope",
        "nothing": b"",
        "no text": b"\xff\xfe\0",
        "no number": b'{"events": [{"action": "push", "target": {"repository": "shop/web", "tag": NaN}}]}',
        "deep": b"[" * 100_000,
        "large": json.dumps({"events": ["x" * 2_000_000]}).encode(),
    }
    return {**{f"tag {name}": body for name, body in tags.items()}, **repositories, **envelopes}


def test_garbage_comes_to_nothing(shop: Shop) -> None:
    runs, before = len(shop.receiver.runs), state.of(shop.engine, shop.web)
    statuses = {name: shop.send(body) for name, body in garbage().items()}
    assert set(statuses.values()) <= {200, 400, 413, 500}, statuses
    shop.mark(runs)
    assert state.of(shop.engine, shop.web) == before


def test_what_strangers_write_is_never_a_template(shop: Shop, tmp_path: Path) -> None:
    runs, tag, trap = len(shop.receiver.runs), fresh(), tmp_path / "trap"
    template = f"{{{{ lookup('pipe', 'touch {trap}') }}}}"
    shop.tag_again(tag, agent=template)
    assert shop.receiver.has_run(runs + 1)[runs:] == [(1, 1, 0)], shop.receiver.text
    nested = {"tag": template, "repository": {"tag": template}, "target": {"tag": template}}
    event = {**nested, "action": "push", "meta": {"hosts": template}, "actor": {"name": template}}
    assert shop.send({"events": [{**event, "target": {**nested, "repository": "shop/web", "tag": OLD}}]}) == 200
    assert shop.receiver.has_run(runs + 2)[runs:] == [(1, 1, 0)] * 2, shop.receiver.text
    assert shop.image == shop.reference(OLD)
    assert not trap.exists()
    assert "lookup(" not in shop.receiver.text


def test_registry_tries_again_until_it_is_answered(shop: Shop) -> None:
    runs, tag = len(shop.receiver.runs), fresh()
    shop.receiver.stop()
    shop.tag_again(tag)
    shop.receiver.start()
    assert shop.receiver.has_run(runs + 1)[runs:] == [(1, 1, 0)], shop.receiver.text
    assert shop.image == shop.reference(tag)


def test_pipeline_reports_a_push_itself(shop: Shop) -> None:
    runs, tag = len(shop.receiver.runs), fresh()
    words = shlex.split(block("$ curl", {"2.4.1": tag}))
    shop.tag_again(tag)
    shop.receiver.has_run(runs + 1)
    assert words[words.index("--header") + 1] == "Authorization: Bearer $TOKEN"
    assert shop.send(json.loads(words[words.index("--json") + 1])) == 200
    assert shop.receiver.has_run(runs + 2)[runs:] == [(1, 1, 0), (1, 0, 0)], shop.receiver.text


def test_playbook_by_hand_catches_up(shop: Shop) -> None:
    tag = fresh()
    names = {"$ ": "", "/etc/push_to_deploy": str(shop.desk.folder), "registry.example.com": shop.registry.address}
    shop.registry.stop()
    shop.registry.start()  # what it had to report is lost
    shop.tag_again(tag)
    command = shlex.split(block("$ ansible-playbook", {**names, "2.4.1": tag}))
    done = shop.desk.run(*command, "-e", "managers=manager1")
    assert done.status == 0, done.text
    assert shop.image == shop.reference(tag)


def test_token_is_not_in_the_log(shop: Shop) -> None:
    assert TOKEN not in shop.receiver.text


def test_guide_shows_the_playbook() -> None:
    text = (ROOT / "playbooks" / "push_to_deploy.yml").read_text(encoding="utf-8")
    assert block("- name: Run the tag that was pushed", {}) == text[text.index("---\n") :]


def test_guide_names_all_variables_of_the_rulebook() -> None:
    rulebook = (ROOT / "extensions" / "eda" / "rulebooks" / "push_to_deploy.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\{\{ (\w+) \}\}|vars\.(\w+)", rulebook))
    named = yaml.safe_load(block("webhook_host:", {}))
    assert {first or second for first, second in used} == {*named, "PUSH_TO_DEPLOY_TOKEN"}


def test_guide_installs_what_the_tests_have() -> None:
    commands = block("$ apt install", {})
    [requirement] = re.findall(r"'(ansible-rulebook .*)'", commands)
    assert f'"{requirement}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert packages.JAVA["java"] in commands

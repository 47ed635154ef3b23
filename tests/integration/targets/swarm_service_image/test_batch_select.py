# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services a task means: each selector alone and together, and what happens where none is meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.fleet import (
    EXCLUSIONS,
    IN_STACK,
    SELECTORS,
    SIZE,
    STACK_LABEL,
    Fleet,
    excluded_from,
    fleet,
    names_of,
    reads,
    run,
    written,
)
from tests.integration.state import UPDATE
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Reply

NOBODY: dict[str, Any] = {
    "stack": {"stack": "PREFIXsh"},
    "label": {"labels": {"tier": "middle"}, "stack": "PREFIXshop"},
    "repository": {"repository": "team/ap"},
    "stack against label": {"stack": "PREFIXshop", "labels": {STACK_LABEL: "PREFIXsho"}},
}
REFUSED: dict[str, tuple[Any, str]] = {
    "empty": ({}, "select is empty"),
    "empty parts": ({"stack": "", "labels": {}, "repository": ""}, "select is empty"),
    "repository with a tag": ({"repository": "whoami:1"}, "neither a tag nor a digest"),
    "exclude alone": ({"exclude": {"names": ["shop_db"]}}, "select has only exclude"),
    "exclude beside empty parts": ({"stack": "", "exclude": {"names": ["shop_db"]}}, "select has only exclude"),
    "empty pattern": (
        {"stack": "shop", "exclude": {"names": ["shop_db", ""]}},
        "select.exclude.names has an empty name",
    ),
    "repository to exclude with a tag": (
        {"stack": "shop", "exclude": {"repository": ["app", "whoami:1"]}},
        "select.exclude.repository is 'whoami:1': a repository has neither a tag nor a digest",
    ),
    "repository that is none": ({"repository": "Who Ami"}, "not a valid image reference"),
}


@pytest.fixture(scope="module")
def ships(engine: Endpoint) -> Iterator[Fleet]:
    """Create services that no test here changes for good."""
    with fleet(engine, "select") as made:
        yield made


@pytest.mark.parametrize("name", SELECTORS)
def test_selector(ships: Fleet, name: str) -> None:
    select, expected = ships.select(name)
    result = run(ships.engine.host, select=select, tag="2", check=True)
    assert expected
    assert names_of(result) == expected
    assert {entry["image"]["after"].rpartition(":")[2] for entry in result.data["services"]} == {"2"}
    assert result.data["excluded"] == (excluded_from(ships, expected) if name.startswith("exclude ") else [])


def test_each_exclusion_leaves_somebody_out(ships: Fleet) -> None:
    left_out = {name: excluded_from(ships, ships.select(f"exclude {name}")[1]) for name in EXCLUSIONS}
    assert {name for name, names in left_out.items() if not names} == {"no whole name", "nothing"}


def test_excluded_services_are_not_touched(engine: Endpoint, proxy: Proxy) -> None:
    with fleet(engine, "left", IN_STACK) as made:
        select, inside = made.select("exclude either")
        out = excluded_from(made, inside)
        before = made.held()
        result = run(proxy.host, select=select, image="whoami:2")
        assert (names_of(result), result.data["excluded"], result.changed) == (inside, out, True)
        assert written(proxy, before) == inside
        assert {name: made.held()[name] for name in out} == {name: before[name] for name in out}
        proxy.on("POST", UPDATE, Reply(400, {"message": "invalid spec"}))
        failed = run(proxy.host, select=select, image="whoami:3")
        assert (failed.failed, failed.data["excluded"]) == (True, out)


@pytest.mark.parametrize("exclude", [{"names": ["*"]}, {"labels": {"tier": None}}])
def test_exclusion_that_leaves_nothing(ships: Fleet, proxy: Proxy, exclude: Any) -> None:
    select = {"stack": ships.stack, "exclude": exclude}
    result = run(proxy.host, select=select, image="whoami:2")
    assert result.failed, result.text
    inside = ships.select("stack")[1]
    first = ", ".join(inside[:5])
    assert result.message == (
        f"select.exclude leaves out each service that has stack {ships.stack} ({first} and {IN_STACK - 5} more). Set "
        "allow_none=true if that is not an error. Nothing was changed."
    )
    allowed = run(proxy.host, select=select, image="whoami:2", allow_none=True)
    assert (names_of(allowed), allowed.changed, allowed.data["excluded"]) == ([], False, inside)
    assert proxy.posts == []


DEPLOY = "In a compose file the labels of a service stand under deploy."


def labelled(engine: Endpoint, name: str, service: dict[str, str], container: dict[str, str]) -> None:
    spec = services.simple(name, "whoami:0.7", replicas=0, Labels={STACK_LABEL: name.rpartition("-")[0], **service})
    spec["TaskTemplate"]["ContainerSpec"]["Labels"] = container
    services.post(engine, spec)


def test_label_of_containers_alone_is_told_where_nothing_is_selected(engine: Endpoint, service_name: str) -> None:
    """The commonest mistake: labels that do not stand under ``deploy:``."""
    for short in ("a", "b"):
        labelled(engine, f"{service_name}-{short}", {}, {"com.example.tier": service_name})
    select = {"labels": {"com.example.tier": service_name}}
    result = run(engine.host, select=select, tag="0.8")
    said = (
        f"The containers of {service_name}-a, {service_name}-b have the label com.example.tier, and the services do "
        f"not, so they were not selected. {DEPLOY}"
    )
    assert result.failed
    assert result.message == (
        f"No service has label com.example.tier={service_name}. Set allow_none=true if that is not an error. {said} "
        "Nothing was changed."
    )
    allowed = run(engine.host, select=select, tag="0.8", allow_none=True)
    assert (names_of(allowed), allowed.changed) == ([], False)
    assert said in str(allowed.data["warnings"])
    other = run(engine.host, select={"labels": {"com.example.tier": f"{service_name}-other"}}, tag="0.8")
    assert "containers" not in other.message


@pytest.mark.parametrize("plugin", ["swarm_service_image", "swarm_service_image_info", "swarm_service_wait"])
def test_label_of_containers_alone_leaves_nothing_out_and_is_warned_of(
    engine: Endpoint, service_name: str, plugin: str
) -> None:
    labelled(engine, f"{service_name}-a", {"com.example.frozen": ""}, {})
    labelled(engine, f"{service_name}-b", {}, {"com.example.frozen": "yes"})
    labelled(engine, f"{service_name}-c", {}, {})
    select = {"stack": service_name, "exclude": {"labels": {"com.example.frozen": None}}}
    given = {"tag": "0.8"} if plugin == "swarm_service_image" else {}
    result = run(engine.host, plugin, select=select, **given)
    assert names_of(result) == [f"{service_name}-b", f"{service_name}-c"]
    assert result.data["excluded"] == [f"{service_name}-a"]
    [warning] = result.data["warnings"]
    assert (
        f"The containers of {service_name}-b have the label com.example.frozen, and the service does not, so it was "
        f"not left out. {DEPLOY}"
    ) in str(warning)


def test_label_key_with_an_equals_sign(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7", replicas=0, Labels={"odd=key": service_name})
    assert names_of(run(engine.host, select={"labels": {"odd=key": service_name}}, tag="2", check=True)) == [
        service_name
    ]


@pytest.mark.parametrize("name", NOBODY)
def test_nobody_is_an_error(ships: Fleet, proxy: Proxy, name: str) -> None:
    select = {key: _filled(value, ships.prefix) for key, value in NOBODY[name].items()}
    result = run(proxy.host, select=select, image="whoami:2")
    assert result.failed, result.text
    for words in ("No service has", "allow_none", "Nothing was changed"):
        assert words in result.message
    allowed = run(proxy.host, select=select, image="whoami:2", allow_none=True)
    assert (names_of(allowed), allowed.changed, allowed.data["diff"]) == ([], False, [])
    assert proxy.posts == []


def _filled(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, prefix) for key, inner in value.items()}
    return value.replace("PREFIX", prefix)


@pytest.mark.parametrize("name", REFUSED)
def test_selector_that_is_refused(ships: Fleet, proxy: Proxy, name: str) -> None:
    select, words = REFUSED[name]
    before = ships.images(ships.names)
    for allow_none in (False, True):
        result = run(proxy.host, select=select, image="whoami:2", allow_none=allow_none)
        assert result.failed, result.text
        assert words in result.message
    assert proxy.requests == []
    assert ships.images(ships.names) == before


def test_two_ways_to_select_are_refused(ships: Fleet, proxy: Proxy) -> None:
    result = run(proxy.host, select={"stack": ships.stack}, name=ships.names[0], image="whoami:2")
    assert result.failed
    assert "mutually exclusive" in result.message
    assert proxy.requests == []


def test_stack_in_one_task(engine: Endpoint, proxy: Proxy) -> None:
    with fleet(engine, "stack", IN_STACK + 40) as made:
        _select, inside = made.select("stack")
        result = run(proxy.host, select={"stack": made.stack}, image="whoami:2")
        assert (len(inside), names_of(result), result.changed) == (IN_STACK, inside, True)
        assert written(proxy, made.held()) == inside
        assert set(made.images(inside)) == {"whoami:2"}
        outside = [name for name in made.names if name not in inside]
        assert "whoami:2" not in made.images(outside)
        assert len(result.data["diff"]) == IN_STACK


def test_two_hundred_in_one_task_and_again(engine: Endpoint, proxy: Proxy) -> None:
    with fleet(engine, "many") as made:
        before = made.held()
        shuffled = made.names[::3] + made.names[2::3] + made.names[1::3]
        listed = [{"name": name, "image": f"whoami:{number}"} for number, name in enumerate(shuffled, 10)]
        result = run(proxy.host, services=listed)
        assert names_of(result) == shuffled
        assert {entry["outcome"] for entry in result.data["services"]} == {"updated"}
        after = made.held()
        assert written(proxy, after) == shuffled
        assert made.images(shuffled) == [item["image"] for item in listed]
        for name, service in after.items():
            container = before[name]["Spec"]["TaskTemplate"]["ContainerSpec"]
            container["Image"] = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
            assert service["Spec"] == before[name]["Spec"]
        assert len(proxy.requests) == SIZE + 4

        proxy.clear()
        again = run(proxy.host, services=listed)
        assert (names_of(again), again.changed, again.data["diff"]) == (shuffled, False, [])
        assert proxy.posts == []
        assert len(reads(proxy, "/services")) == len(proxy.requests) - 1 == 1
        assert {name: each["Version"] for name, each in made.held().items()} == {
            name: each["Version"] for name, each in after.items()
        }

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All is checked and resolved before the first write; then the writes come one by one, and others write meanwhile."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.integration import state
from tests.integration.fleet import Fleet, fleet, names_of, outcomes, reads, run, written
from tests.integration.registries import DISTRIBUTION, NOWHERE
from tests.integration.run import Result
from tests.swarm import Endpoint, Proxy, Registry, services
from tests.swarm.proxy import Before

SIZE = 6
MIDDLE = 3
BEFORE = [f"{repository}:1" for repository in ("whoami", "127.0.0.1:1/team/app", "team/app")] * 2


@pytest.fixture
def ships(engine: Endpoint) -> Any:
    """Create six services; their order in a list is that of :func:`order`."""
    with fleet(engine, "batch", SIZE) as made:
        yield made


def order(ships: Fleet) -> list[str]:
    """Return the names in an order that is neither theirs nor its reverse."""
    names = ships.names
    return [names[number] for number in (4, 0, 5, 2, 1, 3)]


def wish(ships: Fleet, image: str = "whoami:0.6") -> list[dict[str, Any]]:
    """Return the option `services` that brings all to one image."""
    return [{"name": name, "image": image} for name in order(ships)]


def of_middle(ships: Fleet) -> str:
    """Return where a proxy finds the write of the service in the middle."""
    return f"/services/{services.inspect(ships.engine, order(ships)[MIDDLE])['ID']}/update"


BAD: dict[str, tuple[dict[str, str], list[str]]] = {
    "unknown service": ({"name": "nobody-has-this"}, ["no service 'nobody-has-this'"]),
    "empty name": ({"name": ""}, ["name", "empty"]),
    "bad reference": ({"image": "Who Ami"}, ["not a valid image reference", "Who Ami"]),
    "empty reference": ({"image": ""}, ["not a valid image reference"]),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("place", [0, MIDDLE, SIZE - 1])
def test_bad_item_touches_nothing(ships: Fleet, proxy: Proxy, name: str, place: int) -> None:
    item, words = BAD[name]
    listed = wish(ships)
    listed[place].update(item)
    refused(ships, proxy, run(proxy.host, services=listed), *words)


def refused(ships: Fleet, proxy: Proxy, result: Result, *words: str) -> None:
    """See that a run failed with these words, and that no service was touched."""
    assert result.failed, result.text
    assert not result.changed
    for word in (*words, "Nothing was changed"):
        assert word in result.message
    assert proxy.posts == []
    assert sorted(ships.images(ships.names)) == sorted(BEFORE)


@pytest.mark.parametrize("form", ["name", "ID", "short ID"])
def test_service_listed_twice_touches_nothing(ships: Fleet, proxy: Proxy, form: str) -> None:
    listed = wish(ships)
    twice = listed[1]["name"]
    identifier = services.inspect(ships.engine, twice)["ID"]
    listed[-1]["name"] = {"name": twice, "ID": identifier, "short ID": identifier[:12]}[form]
    refused(ships, proxy, run(proxy.host, services=listed), twice, "listed twice")


@pytest.mark.parametrize("place", [0, MIDDLE, SIZE - 1])
def test_digest_that_cannot_be_resolved_touches_nothing(
    ships: Fleet, proxy: Proxy, registry: Registry, place: int
) -> None:
    registry.push("whoami:0.6", "batch/whoami:0.6")
    listed = wish(ships, f"{registry.address}/batch/whoami:0.6")
    listed[place]["image"] = f"{NOWHERE}/batch/whoami:0.6"
    result = run(proxy.host, services=listed, resolve="changed", on_unresolved="fail")
    refused(ships, proxy, result, NOWHERE)


def test_each_reference_is_resolved_once(ships: Fleet, proxy: Proxy, registry: Registry) -> None:
    for version in ("0.6", "0.7"):
        registry.push(f"whoami:{version}", f"batch/whoami:{version}")
    listed = wish(ships)
    for number, item in enumerate(listed):
        item["image"] = f"{registry.address}/batch/whoami:{('0.6', '0.7')[number % 2]}"
    result = run(proxy.host, services=listed, resolve="changed", on_unresolved="fail")
    assert names_of(result) == order(ships)
    asked = [each.path for each in proxy.requests if DISTRIBUTION in each.path]
    assert len(asked) == len(set(asked)) == 2
    methods = [each.method for each in proxy.requests]
    assert methods.index("POST") > max(number for number, each in enumerate(proxy.requests) if each.path in asked)
    assert all("@sha256:" in image for image in ships.images(ships.names))


def test_tag_that_moved_in_a_stack(engine: Endpoint, proxy: Proxy, registry: Registry) -> None:
    registry.push("whoami:0.6", "batch/moving:1")
    with fleet(engine, "moved", SIZE) as made:
        image = f"{registry.address}/batch/moving:1"
        first = run(proxy.host, select={"stack": made.stack}, image=image, resolve="always")
        proxy.clear()
        registry.push("whoami:0.7", "batch/moving:1")
        second = run(proxy.host, select={"stack": made.stack}, resolve="always")
        assert names_of(first) == names_of(second) == written(proxy, made.held()) == made.names
        assert len([each for each in proxy.requests if DISTRIBUTION in each.path]) == 1
        befores, afters = ([entry["image"][when] for entry in second.data["services"]] for when in ("before", "after"))
        assert len(set(befores)) == len(set(afters)) == 1
        assert befores != afters


def test_tag_keeps_each_repository(ships: Fleet, proxy: Proxy) -> None:
    before = ships.images(order(ships))
    result = run(proxy.host, services=[{"name": name} for name in order(ships)], tag="2")
    assert names_of(result) == order(ships)
    assert sorted(before) == sorted(BEFORE)
    assert ships.images(order(ships)) == [image[: -len("1")] + "2" for image in before]


@pytest.mark.parametrize("max_parallel", [0, 1, 4])
def test_writes_come_in_the_order_given(ships: Fleet, proxy: Proxy, max_parallel: int) -> None:
    result = run(proxy.host, services=wish(ships), max_parallel=max_parallel)
    assert names_of(result) == order(ships)
    assert written(proxy, ships.held()) == order(ships)


@pytest.mark.parametrize("check", [True, False])
def test_one_diff_entry_a_changed_service(ships: Fleet, proxy: Proxy, check: bool) -> None:
    right = [name for name in order(ships) if ships.images([name]) == ["whoami:1"]]
    changing = [name for name in order(ships) if name not in right]
    result = run(proxy.host, services=wish(ships, "whoami:1"), check=check, diff=True)
    assert names_of(result) == order(ships)
    assert [entry["name"] for entry in result.data["services"] if entry["changed"]] == changing
    assert [(each["before_header"], each["after_header"]) for each in result.data["diff"]] == [
        (name, name) for name in changing
    ]
    assert {each["after"]["image"] for each in result.data["diff"]} == {"whoami:1"}
    assert written(proxy, ships.held()) == ([] if check else changing)


# Conflicts in the middle


def test_other_fields_written_meanwhile_live(ships: Fleet, proxy: Proxy) -> None:
    middle = order(ships)[MIDDLE]
    proxy.on("POST", of_middle(ships), Before(partial(state.set_replicas, ships.engine, middle, 2)))
    result = run(proxy.host, services=wish(ships))
    assert names_of(result) == order(ships)
    assert set(outcomes(result)) == {"updated"}
    assert set(ships.images(ships.names)) == {"whoami:0.6"}
    assert [state.replicas(state.of(ships.engine, name)) for name in order(ships)] == [0, 0, 0, 2, 0, 0]
    assert len(proxy.posts) == SIZE + 1


def test_same_image_set_meanwhile_is_theirs(ships: Fleet, proxy: Proxy) -> None:
    middle = order(ships)[MIDDLE]
    proxy.on("POST", of_middle(ships), Before(partial(state.set_image, ships.engine, middle, "whoami:0.6")))
    result = run(proxy.host, services=wish(ships))
    assert outcomes(result) == ["updated"] * 3 + ["unchanged"] + ["updated"] * 2
    assert [each["after_header"] for each in result.data["diff"]] == [name for name in order(ships) if name != middle]


@pytest.mark.parametrize("max_parallel", [0, 1, 4])
@pytest.mark.parametrize("on_failure", ["fail", "rollback", "rollback_all"])
def test_other_image_set_meanwhile_stays(ships: Fleet, proxy: Proxy, on_failure: str, max_parallel: int) -> None:
    names = order(ships)
    before = ships.images(names)
    proxy.on("POST", of_middle(ships), Before(partial(state.set_image, ships.engine, names[MIDDLE], "whoami:0.8")))
    result = run(proxy.host, services=wish(ships), on_failure=on_failure, max_parallel=max_parallel, wait=True)
    assert result.failed, result.text
    assert result.changed
    for words in ("onflict", names[MIDDLE], "whoami:0.8"):
        assert words in result.message
    done, image = ("rolled_back", None) if on_failure == "rollback_all" else ("converged", "whoami:0.6")
    assert outcomes(result) == [done] * 3 + ["superseded"] + ["not_started"] * 2
    assert ships.images(names) == [image or old for old in before[:3]] + ["whoami:0.8"] + before[4:]
    put_back = written(proxy, ships.held(), "rollback=previous")
    assert put_back == (names[:3][::-1] if on_failure == "rollback_all" else [])


def test_service_removed_meanwhile(ships: Fleet, proxy: Proxy) -> None:
    names, held = order(ships), ships.held()
    proxy.on("POST", of_middle(ships), Before(partial(services.remove, ships.engine, names[MIDDLE])))
    result = run(proxy.host, services=wish(ships))
    assert result.failed, result.text
    assert names[MIDDLE] in result.message
    assert outcomes(result) == ["updated"] * 3 + ["superseded"] + ["not_started"] * 2
    assert written(proxy, held) == names[: MIDDLE + 1]


# Waiting


@pytest.mark.parametrize("count", [5, 50])
@pytest.mark.parametrize("module", ["swarm_service_image", "swarm_service_wait"])
def test_requests_of_a_round_do_not_depend_on_the_number_of_services(
    engine: Endpoint, proxy: Proxy, count: int, module: str
) -> None:
    with fleet(engine, "round", count) as made:
        image: dict[str, Any] = {"image": "whoami:0.6"} if module == "swarm_service_image" else {"wait_timeout": 60}
        params: dict[str, Any] = {"select": {"stack": made.stack}, **image}
        result = run(proxy.host, module, **params, **({"wait": True} if "image" in params else {}))
        assert set(outcomes(result)) == {"converged"}, result.text
        assert len(names_of(result)) == count
    rounds = len(reads(proxy, "/tasks"))
    assert rounds >= 1
    versions = 1 if module == "swarm_service_image" else 0  # whether another manager is newer
    assert len(reads(proxy, "/nodes")) == rounds + versions
    once = 2 if module == "swarm_service_image" else 1  # the selection, and reading back what was written
    assert len(reads(proxy, "/services")) == rounds + once
    events = len(reads(proxy, "/events"))
    assert events <= 1
    assert len(proxy.requests) - len(proxy.posts) == 1 + versions + 3 * rounds + once + events


def test_no_request_line_is_longer_than_a_gateway_takes(engine: Endpoint, proxy: Proxy) -> None:
    with fleet(engine, "long", 250) as made:
        listed = [{"name": name, "image": "whoami:0.6"} for name in made.names]
        result = run(proxy.host, services=listed, wait=True)
        assert outcomes(result) == ["converged"] * 250, result.text
        waits = len(reads(proxy, "/tasks"))
        told = run(proxy.host, "swarm_service_image_info", services=[{"name": name} for name in made.names])
        assert names_of(told) == made.names, told.text
    assert 0 < waits < len(reads(proxy, "/tasks"))
    assert max(len(f"{each.method} {each.path} HTTP/1.1\r\n") for each in proxy.requests) <= 8192

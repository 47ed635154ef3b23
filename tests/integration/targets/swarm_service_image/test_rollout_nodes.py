# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several nodes: rolled one by one, drained, killed; engines and leaders that come and go while a run waits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.rolling import AT_ONCE, Ended, at_once, meanwhile, roll, slow, stands, under_way
from tests.integration.run import Result, module
from tests.swarm import Endpoint, Engine, EngineError, Swarm, eventually, images, services

PLACES = {"left": (0, 1), "right": (0, 2), "managers": (0, 1, 2)}
"""Labels, and the numbers of the nodes that have them."""


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    """Three managers and a worker, in a swarm that soon sees that a node is down."""
    with Swarm(3, 1) as started:
        at_once({engine.host: partial(images.load, engine, *images.WHOAMI) for engine in started.nodes})
        first = started.managers[0]
        described = first.get("/swarm")
        described["Spec"]["Dispatcher"]["HeartbeatPeriod"] = services.SECOND
        params = {"version": described["Version"]["Index"]}
        first.checked("POST", "/swarm/update", params=params, json=described["Spec"])
        for number, engine in enumerate(started.nodes):
            labels = {place: "yes" for place, numbers in PLACES.items() if number in numbers}
            change_node(first, engine.node_id, Labels=labels)
        yield started


def change_node(manager: Endpoint, node: str, **fields: Any) -> None:
    described = manager.get(f"/nodes/{node}")
    spec = {**described["Spec"], **fields}
    manager.checked("POST", f"/nodes/{node}/update", params={"version": described["Version"]["Index"]}, json=spec)


def placed(place: str, spec: services.Spec) -> services.Spec:
    spec["TaskTemplate"]["Placement"] = {"Constraints": [f"node.labels.{place} == yes"]}
    spec["UpdateConfig"]["FailureAction"] = "continue"
    return spec


@pytest.fixture(scope="module")
def first(swarm: Swarm) -> dict[str, Any]:
    """Roll one by one; kill the worker under other services; meanwhile, restart an engine and kill one for good."""
    return at_once(
        {
            "one by one": partial(one_by_one, swarm.managers[0]),
            "down": partial(node_goes_down, swarm),
            "restarted": engine_restarts,
            "gone": engine_stays_away,
        }
    )


@pytest.fixture(scope="module")
def second(swarm: Swarm, first: dict[str, Any]) -> dict[str, Any]:
    """With a drained manager, roll; drain another one under a rolling service."""
    assert first
    change_node(swarm.managers[0], swarm.managers[1].node_id, Availability="drain")
    evidence = at_once(
        {
            "global": partial(drained, swarm.managers[0], "global", {"Mode": {"Global": {}}}, 1),
            "replicated": partial(drained, swarm.managers[0], "replicated", {}, 2),
            "draining": partial(node_is_drained, swarm),
        }
    )
    for manager in swarm.managers[1:]:
        change_node(swarm.managers[0], manager.node_id, Availability="active")
    return evidence


def one_by_one(manager: Endpoint) -> Ended:
    spec = placed("managers", slow("one-by-one", delay=1, Mode={"Global": {}}))
    return roll(manager, stands(manager, spec, 3))


def test_global_on_three_nodes_one_by_one(first: dict[str, Any]) -> None:
    """The delay is longer than the monitor: each pause looks like an end, and only the last is one."""
    ended = first["one by one"]
    assert_converged(ended, 3)
    assert ended.state == "completed"
    assert ended.result.service["version"]["after"] == ended.service["Version"]["Index"]


def node_goes_down(swarm: Swarm) -> dict[str, Ended]:
    manager, worker = swarm.managers[0], swarm.workers[0]
    specs = (slow("down-replicated", replicas=4, delay=1), slow("down-global", delay=2, Mode={"Global": {}}))
    for spec in specs:
        spec["UpdateConfig"]["FailureAction"] = "continue"
        stands(manager, spec, 4)

    def kill() -> None:
        for spec in specs:
            under_way(manager, spec["Name"])
        dead = worker.node_id
        worker.stop()
        eventually(lambda: manager.get(f"/nodes/{dead}")["Status"]["State"] == "down", "the node is down")

    return meanwhile(partial(at_once, {spec["Name"]: partial(roll, manager, spec["Name"]) for spec in specs}), kill)[0]


@pytest.mark.parametrize(("name", "count"), [("down-replicated", 4), ("down-global", 3)])
def test_node_goes_down_while_rolling(swarm: Swarm, first: dict[str, Any], name: str, count: int) -> None:
    """The tasks of a dead node do not count, and others take their place; a global service is owed one fewer.

    Where the node dies between two steps, the swarm itself waits for minutes for the old task there to end. Then the
    truth is a time-out on an update that is still under way.
    """
    ended = first["down"][name]
    if ended.state == "updating":
        assert ended.result.service["outcome"] == "timed_out"
        assert f"; {ended.result.service['progress']['running']}/{count} run it." in ended.result.message
        assert "The swarm continues by itself; run the task again to keep waiting." in ended.result.message
        return
    assert not ended.result.failed, ended.result.text
    assert ended.result.service["progress"] == {"running": count, "desired": count}
    alive = {engine.node_id for engine in swarm.managers}
    live = [task for task in ended.tasks if task["NodeID"] in alive and task["DesiredState"] == "running"]
    states = [(task["Spec"]["ContainerSpec"]["Image"], task["Status"]["State"]) for task in live]
    assert states == [("whoami:0.6", "running")] * count


def drained(manager: Endpoint, kind: str, fields: services.Spec, count: int) -> Ended:
    spec = services.simple(f"drained-{kind}", "whoami:0.7", replicas=count, **fields)
    return roll(manager, stands(manager, placed("left", spec), count))


@pytest.mark.parametrize(("mode", "count"), [("global", 1), ("replicated", 2)])
def test_drained_node(swarm: Swarm, second: dict[str, Any], mode: str, count: int) -> None:
    """A drained node is owed no task."""
    assert_converged(second[mode], count)
    assert swarm.managers[1].node_id not in {task["NodeID"] for task in second[mode].tasks}


def node_is_drained(swarm: Swarm) -> Ended:
    manager, node = swarm.managers[0], swarm.managers[2].node_id
    name = stands(manager, placed("right", slow("draining", delay=2, Mode={"Global": {}})), 2)

    def drain() -> None:
        under_way(manager, name)
        change_node(manager, node, Availability="drain")

    return meanwhile(partial(roll, manager, name), drain)[0]


def test_node_is_drained_while_rolling(second: dict[str, Any]) -> None:
    assert_converged(second["draining"], 1)


def test_leader_changes_while_rolling(swarm: Swarm, second: dict[str, Any]) -> None:
    assert second
    leader = swarm.leader
    manager = next(engine for engine in swarm.managers if engine is not leader)
    name = stands(manager, placed("managers", slow("led", replicas=3, delay=1)), 3)

    def depose() -> None:
        under_way(manager, name)
        leader.kill()
        eventually(lambda: _leads(swarm, leader), "another manager leads", timeout=60)
        leader.start()

    ended, _seconds = meanwhile(partial(roll, manager, name), depose)
    assert swarm.leader is not leader
    assert_converged(ended, 3)


def _leads(swarm: Swarm, deposed: Engine) -> bool:
    try:
        return swarm.leader is not deposed
    except EngineError:
        return False


def engine_restarts() -> tuple[Ended, Result]:
    with Engine() as engine:
        images.load(engine, *images.WHOAMI)
        spec = slow("restarted", replicas=3, delay=1)
        spec["UpdateConfig"]["FailureAction"] = "continue"
        name = stands(engine, spec, 3)

        def restart() -> None:
            under_way(engine, name)
            engine.kill()
            engine.start()

        ended, _seconds = meanwhile(partial(roll, engine, name), restart)
        return ended, module("swarm_service_wait", name=name, docker_host=engine.host)


def test_engine_restarts_while_rolling(first: dict[str, Any]) -> None:
    """Its tasks die with it; the wait goes on and ends in the truth."""
    ended, waited = first["restarted"]
    assert_converged(ended, 3)
    assert not waited.failed, waited.text


def engine_stays_away() -> tuple[Result, float]:
    with Engine() as engine:
        images.load(engine, *images.WHOAMI)
        name = stands(engine, slow("gone", replicas=2), 2)
        params: dict[str, Any] = {"docker_host": engine.host, "wait": True, "wait_timeout": 8}
        call = partial(module, "swarm_service_image", name=name, image="whoami:0.6", **params)

        def kill() -> None:
            under_way(engine, name)
            engine.kill()

        return meanwhile(call, kill)


def test_engine_that_stays_away_is_told_at_the_time_out(first: dict[str, Any]) -> None:
    result, seconds = first["gone"]
    assert result.failed
    assert result.changed
    assert result.service["outcome"] == "timed_out"
    assert seconds < 8 + AT_ONCE
    assert "socket" in result.message


def assert_converged(ended: Ended, count: int) -> None:
    assert not ended.result.failed, ended.result.text
    assert ended.result.changed
    assert ended.result.service["outcome"] == "converged"
    assert ended.result.service["progress"] == {"running": count, "desired": count}
    assert ended.result.service["image"]["after"] == "whoami:0.6"
    assert (ended.running("whoami:0.6"), ended.running("whoami:0.7")) == (count, 0)

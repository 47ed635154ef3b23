# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mode and order comes to its end, and success is told when it is true and not before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.rolling import AT_ONCE, LONG, Ended, at_once, roll, slow, stands
from tests.swarm import Endpoint, services

ORDERS = [(1, "stop-first"), (1, "start-first"), (2, "stop-first"), (2, "start-first")]
ONE_SHOT = ["none", "on-failure"]
NOWHERE = {"Constraints": ["node.hostname == nowhere.example.com"]}


def in_order(name: str, parallelism: int, order: str) -> services.Spec:
    spec = services.simple(name, "whoami:0.7", replicas=5, monitor=0.2)
    spec["UpdateConfig"].update(Parallelism=parallelism, Order=order)
    return spec


def in_mode(name: str, image: str, mode: services.Spec, **task: Any) -> services.Spec:
    spec = services.simple(name, image, Mode=mode)
    spec["TaskTemplate"].update(task)
    if "Replicated" not in mode and "Global" not in mode:
        spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
        del spec["UpdateConfig"]
    return spec


def specs(prefix: str) -> dict[str, tuple[services.Spec, int, str]]:
    """Return, by what is special about it: a spec, how many tasks run of it, and the image to go to."""
    nameless: dict[str, tuple[services.Spec, int, str]] = {
        **{f"{p} {order}": (in_order("", p, order), 5, "whoami:0.6") for p, order in ORDERS},
        "zero replicas": (services.simple("", "whoami:0.7", replicas=0), 0, "whoami:0.6"),
        "global": (in_mode("", "whoami:0.7", {"Global": {}}), 1, "whoami:0.6"),
        "global nowhere": (in_mode("", "whoami:0.7", {"Global": {}}, Placement=NOWHERE), 0, "whoami:0.6"),
        "replicated-job": (
            in_mode("", "oneshot:1", {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 3}}),
            0,
            "oneshot:2",
        ),
        "global-job": (in_mode("", "oneshot:1", {"GlobalJob": {}}), 0, "oneshot:2"),
        "global-job nowhere": (in_mode("", "oneshot:1", {"GlobalJob": {}}, Placement=NOWHERE), 0, "oneshot:2"),
        **{
            f"one-shot {condition}": (
                in_mode("", "oneshot:1", {"Replicated": {"Replicas": 2}}, RestartPolicy={"Condition": condition}),
                0,
                "oneshot:2",
            )
            for condition in ONE_SHOT
        },
    }
    return {
        key: ({**spec, "Name": f"{prefix}-{number}"}, count, image)
        for number, (key, (spec, count, image)) in enumerate(nameless.items())
    }


@pytest.fixture(scope="module")
def rolled(engine: Endpoint) -> Iterator[dict[str, Ended]]:
    """Roll all services at once; each is looked at in the moment its own run ends."""
    engine.checked("POST", "/images/oneshot:1/tag", params={"repo": "oneshot", "tag": "2"})
    prefix = f"rolled{os.getpid()}"
    table = specs(prefix)
    for spec, _count, _image in table.values():
        services.post(engine, spec)
    for spec, count, _image in table.values():
        services.started(engine, spec["Name"], count, timeout=LONG)
    plain = {key: partial(roll_once, engine, spec["Name"], image) for key, (spec, _count, image) in table.items()}
    runs: dict[str, Callable[..., list[Ended]]] = {"default monitor": default_monitor, "forced": forced, **TWICE}
    for key, run in runs.items():
        plain[key] = partial(run, engine, f"{prefix}-{key.replace(' ', '-')}")
    ended = at_once(plain)
    yield {key + (", again" if number else ""): one for key, all_ in ended.items() for number, one in enumerate(all_)}
    services.remove(engine, prefix)


def roll_once(engine: Endpoint, name: str, image: str) -> list[Ended]:
    return [roll(engine, name, image)]


def default_monitor(engine: Endpoint, name: str) -> list[Ended]:
    spec = services.simple(name, "whoami:0.7")
    del spec["UpdateConfig"]
    return [roll(engine, stands(engine, spec, 1))]


def forced(engine: Endpoint, name: str) -> list[Ended]:
    stands(engine, services.simple(name, "whoami:0.7", replicas=2), 2)
    return [roll(engine, name, "whoami:0.7", force=True)]


def twice(engine: Endpoint, name: str, **first: Any) -> list[Ended]:
    stands(engine, slow(name, replicas=2, delay=3), 2)
    return [roll(engine, name, **first), roll(engine, name)]


TWICE = {"not waited for": partial(twice, wait=False), "timed out": partial(twice, wait_timeout=1)}


def assert_converged(ended: Ended, desired: int) -> None:
    assert not ended.result.failed, ended.result.text
    assert ended.result.changed
    assert ended.result.service["outcome"] == "converged"
    assert ended.result.service["progress"] == {"running": desired, "desired": desired}
    assert ended.result.service["tasks"] == []
    assert ended.result.service["version"]["after"] == ended.service["Version"]["Index"]


@pytest.mark.parametrize(("parallelism", "order"), ORDERS)
def test_replicated(rolled: dict[str, Ended], parallelism: int, order: str) -> None:
    ended = rolled[f"{parallelism} {order}"]
    assert_converged(ended, 5)
    assert ended.running("whoami:0.6") == 5
    assert ended.running("whoami:0.7") == 0
    assert ended.state == "completed"


def test_zero_replicas(rolled: dict[str, Ended]) -> None:
    ended = rolled["zero replicas"]
    assert_converged(ended, 0)
    assert ended.tasks == []
    assert ended.result.seconds < LONG / 2


def test_global(rolled: dict[str, Ended]) -> None:
    ended = rolled["global"]
    assert_converged(ended, 1)
    assert (ended.running("whoami:0.6"), ended.running("whoami:0.7"), ended.state) == (1, 0, "completed")


@pytest.mark.parametrize("mode", ["global", "global-job"])
def test_global_without_an_eligible_node(rolled: dict[str, Ended], mode: str) -> None:
    ended = rolled[f"{mode} nowhere"]
    assert_converged(ended, 0)
    assert ended.tasks == []


@pytest.mark.parametrize(("mode", "completions"), [("replicated-job", 3), ("global-job", 1)])
def test_job(rolled: dict[str, Ended], mode: str, completions: int) -> None:
    ended = rolled[mode]
    assert_converged(ended, completions)
    iteration = ended.service["JobStatus"]["JobIteration"]["Index"]
    states = [task["Status"]["State"] for task in ended.tasks if task["JobIteration"].get("Index", 0) == iteration]
    assert states == ["complete"] * completions


@pytest.mark.parametrize("condition", ONE_SHOT)
def test_one_shot_service(rolled: dict[str, Ended], condition: str) -> None:
    ended = rolled[f"one-shot {condition}"]
    assert_converged(ended, 2)
    done = {task["Status"]["State"] for task in ended.tasks if task["Spec"]["ContainerSpec"]["Image"] == "oneshot:2"}
    assert done <= {"running", "complete"}


def test_default_monitor_is_waited_for(rolled: dict[str, Ended]) -> None:
    """Five seconds a task; the run ends soon after the swarm has said so."""
    ended = rolled["default monitor"]
    assert_converged(ended, 1)
    assert ended.state == "completed"
    assert ended.result.seconds > 5


def test_forced_redeployment_is_waited_for(rolled: dict[str, Ended]) -> None:
    ended = rolled["forced"]
    assert_converged(ended, 2)
    assert ended.service["Spec"]["TaskTemplate"]["ForceUpdate"] == 1
    counts = {task["Spec"].get("ForceUpdate", 0) for task in ended.tasks if task["DesiredState"] == "running"}
    assert (counts, ended.state) == ({1}, "completed")


def test_waits_where_nothing_had_to_change(rolled: dict[str, Ended]) -> None:
    first, second = rolled["not waited for"], rolled["not waited for, again"]
    assert (first.result.changed, first.result.service["outcome"]) == (True, "updated")
    assert first.running("whoami:0.6") < 2
    assert_unchanged(second)


def test_run_after_a_time_out_takes_up_the_wait(rolled: dict[str, Ended]) -> None:
    first, second = rolled["timed out"], rolled["timed out, again"]
    assert first.result.failed
    assert first.result.changed
    assert first.result.service["outcome"] == "timed_out"
    assert first.state == "updating"
    for words in ("within 1 s", "whoami:0.6", "again"):
        assert words in first.result.message
    assert_unchanged(second)


def assert_unchanged(ended: Ended) -> None:
    assert not ended.result.failed, ended.result.text
    assert not ended.result.changed
    assert ended.result.service["outcome"] == "unchanged"
    assert ended.result.service["progress"] == {"running": 2, "desired": 2}
    assert (ended.state, ended.running("whoami:0.6")) == ("completed", 2)


def test_fully_converged_service_is_told_at_once(engine: Endpoint, service_name: str) -> None:
    stands(engine, services.simple(service_name, "whoami:0.7", replicas=2), 2)
    ended = roll(engine, service_name, "whoami:0.7")
    assert not ended.result.failed, ended.result.text
    assert not ended.result.changed
    assert ended.result.seconds < AT_ONCE

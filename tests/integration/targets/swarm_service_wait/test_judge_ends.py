# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that the swarm leaves as they are without a word: a wait ends all the same, and with the truth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.rolling import at, at_once, await_, tasks_of
from tests.integration.run import Result, module
from tests.integration.state import set_image
from tests.swarm import Endpoint, eventually, services

SHORT = 12
"""Seconds of a wait that ends with its time-out."""
ENDS = 60
"""Seconds of a wait that has to end by itself, far earlier."""
SOON = 30.0
"""Seconds within which it does; the swarm's own moments and a busy machine included."""
ELSEWHERE = {"Platforms": [{"Architecture": "riscv64", "OS": "linux"}]}
NOWHERE = {"Constraints": ["node.labels.nobody == has"]}
ATTEMPTS = {"MaxAttempts": 1, "Delay": services.SECOND // 10}


@pytest.fixture(scope="module")
def waited(engine: Endpoint) -> Iterator[dict[str, Any]]:
    """Wait for all kinds of services at once."""
    prefix = f"ends{os.getpid()}"
    kinds: dict[str, Callable[[Endpoint, str], Any]] = {
        "no platform": no_platform,
        "no platform, again": no_platform_again,
        "no node": no_node,
        "no node, rolled back": no_node_rolled_back,
        "no node, waited for after": no_node_waited_for_after,
        "job, rolled back": job_rolled_back,
        "job, waited for after": job_waited_for_after,
        "job out of attempts": job_out_of_attempts,
        "any out of attempts": any_out_of_attempts,
        "failed out of attempts": failed_out_of_attempts,
    }
    yield at_once(
        {key: partial(kind, engine, f"{prefix}-{number}") for number, (key, kind) in enumerate(kinds.items())}
    )
    services.remove(engine, prefix)


def global_(name: str, placement: Any) -> services.Spec:
    spec = services.simple(name, "whoami:0.7", Mode={"Global": {}})
    spec["TaskTemplate"]["Placement"] = placement
    return spec


def job(name: str, image: str = "oneshot:1") -> services.Spec:
    spec = services.simple(name, image, Mode={"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}})
    del spec["UpdateConfig"]
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "on-failure", **ATTEMPTS}
    return spec


def roll_back(engine: Endpoint, name: str) -> Result:
    return module("swarm_service_rollback", name=name, wait=True, wait_timeout=ENDS, **at(engine))


def no_platform(engine: Endpoint, name: str) -> Result:
    services.post(engine, global_(name, ELSEWHERE))
    return await_(engine, name, wait_timeout=SHORT)


def no_platform_again(engine: Endpoint, name: str) -> Result:
    services.post(engine, global_(name, ELSEWHERE))
    eventually(lambda: [task["Status"]["State"] for task in tasks_of(engine, name)] == ["pending"], "it is pending")
    return await_(engine, name, wait_timeout=SHORT)


@pytest.mark.parametrize("key", ["no platform", "no platform, again"])
def test_a_global_service_that_fits_no_platform_is_an_outage(waited: dict[str, Any], key: str) -> None:
    result = waited[key]
    assert result.failed
    assert (result.service["outcome"], result.service["progress"]) == ("timed_out", {"running": 0, "desired": 1})
    [task] = result.service["tasks"]
    assert task["state"] == "pending"
    assert "unsupported platform" in task["error"]
    assert result.message.count("unsupported platform") == 1


def no_node(engine: Endpoint, name: str) -> Result:
    services.post(engine, global_(name, NOWHERE))
    return await_(engine, name, wait_timeout=ENDS)


def no_node_rolled_back(engine: Endpoint, name: str) -> tuple[Result, Any]:
    services.post(engine, global_(name, NOWHERE))
    set_image(engine, name, "whoami:0.6")
    return roll_back(engine, name), services.inspect(engine, name)


def no_node_waited_for_after(engine: Endpoint, name: str) -> Result:
    no_node_rolled_back(engine, name)
    return await_(engine, name, wait_timeout=ENDS)


def job_rolled_back(engine: Endpoint, name: str) -> tuple[Result, Any]:
    services.post(engine, job(name))
    set_image(engine, name, "whoami:0.6")
    return roll_back(engine, name), services.inspect(engine, name)


def job_waited_for_after(engine: Endpoint, name: str) -> Result:
    job_rolled_back(engine, name)
    return await_(engine, name, wait_timeout=ENDS)


@pytest.mark.parametrize("key", ["no node", "no node, waited for after"])
def test_a_global_service_whose_constraints_no_node_meets_has_nothing_to_run(waited: dict[str, Any], key: str) -> None:
    result = waited[key]
    assert not result.failed, result.text
    assert (result.service["outcome"], result.service["progress"]) == ("converged", {"running": 0, "desired": 0})
    assert result.seconds < SOON


@pytest.mark.parametrize("key", ["no node, rolled back", "job, rolled back"])
def test_a_rollback_that_the_swarm_never_calls_completed(waited: dict[str, Any], key: str) -> None:
    result, service = waited[key]
    assert service["UpdateStatus"]["State"] == "rollback_started"
    assert not result.failed, result.text
    assert result.service["outcome"] == "rolled_back"
    assert result.seconds < SOON


def test_a_wait_after_the_rollback_of_a_job(waited: dict[str, Any]) -> None:
    result = waited["job, waited for after"]
    assert not result.failed, result.text
    assert (result.service["outcome"], result.service["progress"]) == ("converged", {"running": 1, "desired": 1})
    assert result.seconds < SOON


def job_out_of_attempts(engine: Endpoint, name: str) -> Result:
    services.post(engine, job(name, "failjob:1"))
    return await_(engine, name, wait_timeout=ENDS)


def any_out_of_attempts(engine: Endpoint, name: str) -> Result:
    spec = services.simple(name, "oneshot:1", replicas=2, monitor=5)
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", **ATTEMPTS}
    services.post(engine, spec)
    return await_(engine, name, wait_timeout=ENDS)


def failed_out_of_attempts(engine: Endpoint, name: str) -> Result:
    spec = services.simple(name, "crash:1", monitor=5)
    spec["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", **ATTEMPTS}
    services.post(engine, spec)
    return await_(engine, name, wait_timeout=ENDS)


@pytest.mark.parametrize(
    ("key", "state", "code", "count"),
    [
        ("job out of attempts", "failed", 3, 1),
        ("any out of attempts", "complete", 0, 2),
        ("failed out of attempts", "failed", 1, 1),
    ],
)
def test_a_service_out_of_attempts_has_stopped(
    waited: dict[str, Any], key: str, state: str, code: int, count: int
) -> None:
    result = waited[key]
    assert result.failed
    assert result.service["outcome"] == "paused"
    assert [(task["state"], task["exit_code"]) for task in result.service["tasks"]] == [(state, code)] * count
    assert "restart policy" in result.message
    assert "continues by itself" not in result.message
    assert result.seconds < SOON

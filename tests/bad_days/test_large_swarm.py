# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm of 1,000 services and 300 tasks: the number of requests does not grow with it, and the time stays bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import run
from tests.integration.fleet import STACK_LABEL
from tests.swarm import Endpoint, Proxy, eventually, services
from tests.swarm.faults import place_of

SERVICES = 1000
TASKS = 300
READ_LIMIT = 10
"""Seconds for a run that reads only; quiet machines take about one."""
WRITE_LIMIT = 60
"""Seconds for a run that writes to every service; quiet machines take about six."""
NOWHERE = ["node.hostname == nowhere.example.com"]


@pytest.fixture(scope="module")
def stack(engine: Endpoint) -> Iterator[str]:
    """A stack of 999 services without tasks; of one more in the swarm, all 300 tasks are pending."""
    stack = f"large{os.getpid()}"
    try:
        for number in range(SERVICES - 1):
            name = f"{stack}_{number:04d}"
            services.create(engine, name, "whoami:0.7", replicas=0, Labels={STACK_LABEL: stack})
        waiting = services.simple(f"{stack}-waiting", "whoami:0.7", replicas=TASKS)
        waiting["TaskTemplate"]["Placement"] = {"Constraints": NOWHERE}
        services.post(engine, waiting)
        eventually(lambda: tasks(engine, f"{stack}-waiting") == TASKS, "all tasks are there", 60)
        yield stack
    finally:
        services.remove(engine, stack)


def tasks(engine: Endpoint, name: str) -> int:
    """Count the tasks of a service."""
    return len(engine.get("/tasks", filters=f'{{"service":{{"{name}":true}}}}'))


def places(proxy: Proxy) -> dict[str, int]:
    """Count the requests by what they ask for; a stream of events is opened or not."""
    seen = [place_of(request) for request in proxy.requests]
    return {place: seen.count(place) for place in seen if place != "events"}


def test_one_of_many_is_found_with_one_read(engine: Endpoint, proxy: Proxy, stack: str) -> None:
    assert len(engine.get("/services")) >= SERVICES
    result = run.module(
        "swarm_service_image", name=f"{stack}_0500", image="whoami:0.7", docker_host=proxy.host, timeout=20
    )
    assert not result.failed, result.text
    assert not result.changed
    assert places(proxy) == {"ping": 1, "service": 1}
    assert result.seconds < READ_LIMIT


def test_a_thousand_are_selected_changed_and_waited_for(engine: Endpoint, proxy: Proxy, stack: str) -> None:
    params: dict[str, Any] = {
        "select": {"stack": stack},
        "docker_host": proxy.host,
        "timeout": 30,
        "wait": True,
        "wait_timeout": 60,
    }
    done = run.module("swarm_service_image", image="whoami:0.6", **params)
    assert not done.failed, done.message
    assert {entry["outcome"] for entry in done.data["services"]} == {"converged"}
    assert len(done.data["services"]) == SERVICES - 1
    counted = places(proxy)
    rounds = counted["tasks"]
    reads = {"ping": 1, "services": 2 + rounds, "tasks": rounds, "nodes": 1 + rounds}
    assert counted == {**reads, "update": SERVICES - 1}
    assert done.seconds < WRITE_LIMIT
    held = [each for each in engine.get("/services") if each["Spec"].get("Labels", {}).get(STACK_LABEL) == stack]
    assert {each["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] for each in held} == {"whoami:0.6"}

    proxy.clear()
    again = run.module("swarm_service_image", image="whoami:0.6", **params)
    assert not again.failed, again.message
    assert not again.changed
    counted = places(proxy)
    assert "update" not in counted
    assert counted["services"] == 1 + counted["nodes"]
    assert counted["nodes"] == counted["tasks"] <= rounds + 1
    assert again.seconds < READ_LIMIT


def test_waiting_for_many_tasks_costs_three_requests_a_round(engine: Endpoint, proxy: Proxy, stack: str) -> None:
    name = f"{stack}-waiting"
    result = run.module("swarm_service_wait", name=name, docker_host=proxy.host, timeout=20, wait_timeout=5)
    assert result.failed
    assert result.service["outcome"] == "timed_out"
    assert result.service["progress"] == {"running": 0, "desired": TASKS}
    assert tasks(engine, name) == TASKS
    counted = places(proxy)
    rounds = counted["services"]
    assert counted == {"ping": 1, "service": 1, "services": rounds, "tasks": rounds, "nodes": rounds}
    assert rounds <= 6
    assert len(result.service["tasks"]) <= 10
    assert result.seconds < 5 + READ_LIMIT

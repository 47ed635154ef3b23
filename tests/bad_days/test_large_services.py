# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of 10,000 tasks, and 2,000 services: what a wait costs the processor, the memory and the engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration import run
from tests.integration.fleet import STACK_LABEL
from tests.integration.rolling import tasks_of
from tests.swarm import Endpoint, Proxy, eventually, services
from tests.swarm.box import environment
from tests.swarm.faults import place_of

TASKS = int(os.environ.get("LARGE_TASKS", "10000"))
SERVICES = 2000
WAIT = 30
"""Seconds of the wait, which ends with its time-out."""
MOST_PROCESSOR = 4.0
"""Seconds of processor time for that, on a machine that is not slower than usual."""
MOST_MEMORY = 110 * 2**20
"""Bytes; an engine's answer about 10,000 tasks has fourteen million."""
MOST_LOOKS = 12
MEASURED = """
import atexit, runpy, sys
def tell():
    with open("/proc/self/status") as status:
        sys.stderr.write(next(line for line in status if line.startswith("VmHWM")).split()[1])
atexit.register(tell)
runpy.run_module(sys.argv.pop(), run_name="__main__", alter_sys=True)
"""
"""Runs a module, and says how much memory it had at most: what a parent is told of that counts what it had itself."""
NOWHERE = ["node.hostname == nowhere.example.com"]


@dataclass(frozen=True)
class Cost:
    """What a module returned, and what its process took: seconds in all and of the processor, and bytes at most."""

    result: Any
    seconds: float
    processor: float
    memory: int


def cost(plugin: str, **params: Any) -> Cost:
    """Run a module in a process of its own."""
    given = json.dumps({"ANSIBLE_MODULE_ARGS": params})
    variables = {**environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", MEASURED, run.MODULES + plugin],
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(given)
        process.stdin.close()
        text, memory = process.stdout.read(), process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    return Cost(json.loads(text), seconds, usage.ru_utime + usage.ru_stime, int(memory) * 1024)


@pytest.fixture
def waiting(engine: Endpoint, service_name: str) -> str:
    """Return the name of a service whose tasks all wait for a node that is not there."""
    spec = services.simple(service_name, "whoami:0.7", replicas=TASKS)
    spec["TaskTemplate"]["Placement"] = {"Constraints": NOWHERE}
    services.post(engine, spec)
    eventually(lambda: len(tasks_of(engine, service_name)) == TASKS, "all tasks are there", 300, every=2)
    return service_name


def test_a_wait_for_ten_thousand_tasks_costs_little(engine: Endpoint, proxy: Proxy, waiting: str) -> None:
    base = cost("swarm_service_wait", name=waiting, docker_host=engine.host, wait_timeout=0)
    taken = cost("swarm_service_wait", name=waiting, docker_host=proxy.host, wait_timeout=WAIT)
    [entry] = taken.result["services"]
    assert (entry["outcome"], entry["progress"]) == ("timed_out", {"running": 0, "desired": TASKS})
    looks = sum(place_of(request) == "tasks" for request in proxy.requests)
    print(f"one look, with the start of Python: {base.seconds:.2f} s, of the processor {base.processor:.2f} s")
    print(f"{looks} looks: {taken.processor:.2f} s, {taken.memory / 2**20:.0f} MiB")
    assert 2 <= looks <= MOST_LOOKS
    assert taken.processor <= MOST_PROCESSOR
    assert taken.memory <= MOST_MEMORY


@pytest.fixture
def fleet(engine: Endpoint) -> Iterator[str]:
    """A stack of 2,000 services without tasks, and one more whose task has no node."""
    stack = f"fleet{os.getpid()}"
    try:
        for number in range(SERVICES):
            services.create(engine, f"{stack}_{number}", "whoami:0.7", replicas=0, Labels={STACK_LABEL: stack})
        last = services.simple(f"{stack}_last", "whoami:0.7", Labels={STACK_LABEL: stack})
        last["TaskTemplate"]["Placement"] = {"Constraints": NOWHERE}
        services.post(engine, last)
        yield stack
    finally:
        services.remove(engine, stack)


def test_a_wait_for_two_thousand_services_is_quiet(proxy: Proxy, fleet: str) -> None:
    taken = cost("swarm_service_wait", select={"stack": fleet}, docker_host=proxy.host, wait_timeout=WAIT)
    outcomes = [entry["outcome"] for entry in taken.result["services"]]
    assert (outcomes.count("converged"), outcomes.count("timed_out")) == (SERVICES, 1)
    seen = [place_of(request) for request in proxy.requests]
    looks = seen.count("nodes")
    print(f"{looks} looks: {taken.processor:.2f} s, {taken.memory / 2**20:.0f} MiB")
    assert looks <= WAIT / 2 + 3
    assert len(seen) <= 3 * looks + 4
    lists = [request for request in proxy.requests if place_of(request) == "services" and "filters" not in request.path]
    assert len(lists) <= 1, "the first look is at all of them; the others ask for the one that is left"
    assert taken.processor <= MOST_PROCESSOR

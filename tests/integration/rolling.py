# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts that are waited for: several at once, since each spends its time waiting, and what is true at their end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.integration import run
from tests.swarm import Endpoint, EngineError, eventually, services

LONG = 120
"""Seconds that a wait may take whose end the swarm knows; no test gets near it."""
AT_ONCE = 20.0
"""Seconds within which a run has to tell what it can know, the start of its process on a busy machine included."""

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Ended:
    """A run that has ended, and the service and its tasks as the engine had them right after."""

    result: run.Result
    service: Any
    tasks: list[Any]

    def running(self, image: str) -> int:
        """Count the tasks that ran an image and were to go on; start-first ends before the last old task has."""
        live = [task for task in self.tasks if task["Status"]["State"] == task["DesiredState"] == "running"]
        return sum(image_of(task) == image for task in live)

    @property
    def state(self) -> str:
        """The swarm's own word on the update; empty where it has none."""
        return str(self.service.get("UpdateStatus", {}).get("State", ""))


def roll(engine: Endpoint, name: str, image: str = "whoami:0.6", *, host: str = "", **params: Any) -> Ended:
    """Bring a service to an image, through the socket ``host`` where one is given, and wait for it."""
    params = {"wait": True, "wait_timeout": LONG, **params}
    return look(engine, name, run.module("swarm_service_image", name=name, image=image, **at(engine, host), **params))


def await_(engine: Endpoint, name: str, **params: Any) -> run.Result:
    """Run ``swarm_service_wait`` on one service."""
    params = {"wait_timeout": LONG, **params}
    return run.module("swarm_service_wait", name=name, **at(engine), **params)


def at(engine: Endpoint, host: str = "") -> dict[str, Any]:
    """Return the option that says where the engine is."""
    return {"docker_host": host or engine.host}


def look(engine: Endpoint, name: str, result: run.Result) -> Ended:
    """Add to a result what the engine has now."""
    return Ended(result, services.inspect(engine, name), tasks_of(engine, name))


def tasks_of(engine: Endpoint, name: str) -> list[Any]:
    """Return all tasks of a service."""
    tasks: list[Any] = engine.get("/tasks", filters=json.dumps({"service": {name: True}}))
    return tasks


def image_of(task: Any) -> str:
    """Return the image that a task is of."""
    return str(task["Spec"]["ContainerSpec"]["Image"])


def at_once(calls: Mapping[Key, Callable[[], Value]], most: int = 0) -> dict[Key, Value]:
    """Make all calls at the same time, ``most`` of them where that is not 0, and return what each returned."""
    with ThreadPoolExecutor(most or len(calls)) as pool:
        futures = {key: pool.submit(call) for key, call in calls.items()}
        return {key: future.result() for key, future in futures.items()}


def meanwhile(call: Callable[[], Value], doing: Callable[[], object]) -> tuple[Value, float]:
    """Make a call, do something while it is at work, and return its result and how long it took from then."""
    with ThreadPoolExecutor(1) as pool:
        future: Future[Value] = pool.submit(call)
        doing()
        began = time.monotonic()
        return future.result(), time.monotonic() - began


def under_way(engine: Endpoint, name: str, image: str = "whoami:0.6", count: int = 1) -> None:
    """Wait until a service is updating, and ``count`` tasks of the new image run."""

    def check() -> bool:
        state = services.inspect(engine, name).get("UpdateStatus", {}).get("State")
        return state == "updating" and services.running(engine, name, image) >= count

    eventually(check, f"{name} is being updated", timeout=LONG)


def insist(write: Callable[[], object]) -> None:
    """Write as somebody else, again where the swarm's own writing of the status came in between."""

    def written() -> bool:
        try:
            write()
        except EngineError as error:
            if "out of sequence" not in str(error):
                raise
            return False
        return True

    eventually(written, "the write is taken")


def slow(name: str, *, replicas: int = 3, delay: int = 30, **fields: Any) -> services.Spec:
    """Return the spec of a service whose rollout rests ``delay`` seconds between its tasks."""
    spec = services.simple(name, "whoami:0.7", replicas=replicas, **fields)
    spec["UpdateConfig"]["Delay"] = delay * services.SECOND
    return spec


def stands(engine: Endpoint, spec: services.Spec, count: int) -> str:
    """Create a service, wait until ``count`` of its tasks run, and return its name."""
    services.post(engine, spec)
    services.started(engine, spec["Name"], count, timeout=LONG)
    return str(spec["Name"])

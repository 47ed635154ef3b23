# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service in the middle of a batch does not come up: the lists say what became of each, and the engine agrees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.integration.fleet import outcomes, run, written
from tests.integration.rolling import LONG, at_once
from tests.integration.run import Result
from tests.swarm import Endpoint, Proxy, services

ON_FAILURE = ("fail", "rollback", "rollback_all")
MAX_PARALLEL = (1, 4, 0)
SLOW, EMPTY, BAD = "slow", "empty", "bad"
KINDS = (SLOW, EMPTY, BAD, SLOW, SLOW, EMPTY)
"""The services in the order of the list: a slow one still rolls when the bad one has failed."""
MONITOR = 10.0
"""Seconds that a slow one takes at least, and that the bad one has to fail in, on a busy machine too."""
STATES = {"converged": "completed", "rolled_back": "rollback_completed", "paused": "paused", "not_started": None}
"""The swarm's own word for each outcome."""
MIDDLE = KINDS.index(BAD)
STARTED = {1: MIDDLE + 1, 4: 5, 0: len(KINDS)}
"""How many are started until the bad one fails: with 4 at once, the empty one makes room for a fifth."""


@dataclass(frozen=True)
class Batch:
    """What became of a batch: its result, the services as the engine has them, and the writes that it sent."""

    names: list[str]
    result: Result
    held: list[Any]
    running: list[int]
    updated: list[str]
    put_back: list[str]

    @property
    def images(self) -> list[str]:
        """The images that the engine has."""
        return [str(each["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) for each in self.held]


def roll(engine: Endpoint, prefix: str, on_failure: str, max_parallel: int) -> Batch:
    """Roll a batch whose service in the middle crashes."""
    names = [f"{prefix}-{number}" for number in (5, 1, 3, 2, 4, 0)]
    for name, kind in zip(names, KINDS):
        replicas = 0 if kind == EMPTY else 1
        services.create(engine, name, "whoami:0.7", replicas=replicas, monitor=MONITOR)
    for name, kind in zip(names, KINDS):
        services.started(engine, name, 0 if kind == EMPTY else 1, timeout=LONG)
    listed = [{"name": name, "image": "crash:1" if kind == BAD else "whoami:0.6"} for name, kind in zip(names, KINDS)]
    params: dict[str, Any] = {"on_failure": on_failure, "max_parallel": max_parallel}
    with Proxy(engine.host) as proxy:
        result = run(proxy.host, services=listed, wait=True, wait_timeout=LONG, **params)
        held = [services.inspect(engine, name) for name in names]
        by_name = dict(zip(names, held))
        put_back = written(proxy, by_name, "rollback=previous")
        updated = written(proxy, by_name)[: -len(put_back) or None]
    images = [each["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] for each in held]
    running = [services.running(engine, name, image) for name, image in zip(names, images)]
    return Batch(names, result, held, running, updated, put_back)


@pytest.fixture(scope="module")
def batches(engine: Endpoint) -> Iterator[dict[tuple[str, int], Batch]]:
    """Roll all batches at once."""
    prefix = f"middle{os.getpid()}"
    yield at_once(
        {
            (on_failure, count): partial(roll, engine, f"{prefix}-{number}{count}", on_failure, count)
            for number, on_failure in enumerate(ON_FAILURE)
            for count in MAX_PARALLEL
        }
    )
    services.remove(engine, prefix)


def expected(on_failure: str, max_parallel: int) -> list[tuple[str, str, bool]]:
    """Return the outcome, the image and `changed` of each service."""
    good = ("rolled_back", "whoami:0.7", True) if on_failure == "rollback_all" else ("converged", "whoami:0.6", True)
    bad = ("paused", "crash:1", True) if on_failure == "fail" else ("rolled_back", "whoami:0.7", True)
    count = STARTED[max_parallel]
    started = [bad if kind == BAD else good for kind in KINDS[:count]]
    return started + [("not_started", "whoami:0.7", False)] * (len(KINDS) - count)


every = pytest.mark.parametrize(
    ("on_failure", "max_parallel"), [(each, count) for each in ON_FAILURE for count in MAX_PARALLEL]
)


@every
def test_list_says_what_became_of_each(batches: dict[Any, Batch], on_failure: str, max_parallel: int) -> None:
    batch = batches[on_failure, max_parallel]
    assert batch.result.failed, batch.result.text
    assert batch.result.changed
    listed = batch.result.data["services"]
    assert [entry["name"] for entry in listed] == batch.names
    assert [(each["outcome"], each["image"]["after"], each["changed"]) for each in listed] == expected(
        on_failure, max_parallel
    )
    assert {each["image"]["before"] for each in listed} == {"whoami:0.7"}


@every
def test_engine_agrees(batches: dict[Any, Batch], on_failure: str, max_parallel: int) -> None:
    batch = batches[on_failure, max_parallel]
    wanted = expected(on_failure, max_parallel)
    assert batch.images == [image for _outcome, image, _changed in wanted]
    indices = [entry["version"]["after"] for entry in batch.result.data["services"]]
    assert indices == [service["Version"]["Index"] for service in batch.held]
    states = [service.get("UpdateStatus", {}).get("State") for service in batch.held]
    for outcome, state, running, kind in zip(outcomes(batch.result), states, batch.running, KINDS):
        if kind == EMPTY:
            assert running == 0
            continue
        assert state == STATES[outcome]
        assert running == 1 or kind == BAD  # the swarm starts a crashing one again and again


@every
def test_only_what_was_started_was_written(batches: dict[Any, Batch], on_failure: str, max_parallel: int) -> None:
    batch = batches[on_failure, max_parallel]
    assert batch.updated == batch.names[: STARTED[max_parallel]]


@every
def test_put_back_in_reverse_order(batches: dict[Any, Batch], on_failure: str, max_parallel: int) -> None:
    batch = batches[on_failure, max_parallel]
    which = {"fail": [], "rollback": [batch.names[MIDDLE]], "rollback_all": batch.updated[::-1]}
    assert batch.put_back == which[on_failure]


@every
def test_message_names_the_failing_service_and_its_error(
    batches: dict[Any, Batch], on_failure: str, max_parallel: int
) -> None:
    batch = batches[on_failure, max_parallel]
    for words in (batch.names[MIDDLE], "crash:1", "non-zero exit (1)"):
        assert words in batch.result.message
    told = {
        name: line for line in batch.result.message.splitlines() for name in batch.names if line.startswith(f"{name}: ")
    }
    for name in batch.names:
        assert (", 0/0 run" in told.get(name, "") or ", 1/1 run" in told.get(name, "")) == (name in batch.put_back)
    tasks = [entry["tasks"] for entry in batch.result.data["services"]]
    assert [task["exit_code"] for task in tasks[MIDDLE]] == [1]
    assert not any(tasks[:MIDDLE] + tasks[MIDDLE + 1 :])


@every
def test_diff_is_of_what_was_started(batches: dict[Any, Batch], on_failure: str, max_parallel: int) -> None:
    batch = batches[on_failure, max_parallel]
    assert [each["after_header"] for each in batch.result.data["diff"]] == batch.updated

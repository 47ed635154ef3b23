# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Iterator, Type

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import LONGEST_PAUSE, Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    EngineUnreachable,
    NotAManager,
    NotFound,
    OutOfSequence,
    RolloutError,
    SwarmUnavailable,
)
from tests.unit.plugins.module_utils.fakes import FakeClock, FakeTransport

ENGINE = Engine(FakeTransport())


def make(kind: Type[RolloutError]) -> RolloutError:
    return kind("GET /x", 500, "why") if issubclass(kind, ApiError) else kind("why")


def test_pauses_grow_are_jittered_and_stay_within_the_budget() -> None:
    clock = FakeClock()
    retry = Retry(clock, ENGINE, 60.0)
    while retry.lasts():
        pass
    assert clock.time <= 1060.0
    assert clock.time > 1060.0 - 1.5 * LONGEST_PAUSE
    assert clock.pauses[0] < 0.1
    assert max(clock.pauses) <= 1.5 * LONGEST_PAUSE
    assert len(set(clock.pauses)) == len(clock.pauses)
    assert 24 <= len(clock.pauses) <= 64  # with the longest jitter each time, and with the shortest


def test_calls_end_with_the_budget() -> None:
    transport = FakeTransport()
    limits = []
    clock = FakeClock()
    retry = Retry(clock, Engine(transport), 5.0)
    clock.sleep(3.0)
    retry.call(lambda: limits.append(transport.limit))
    assert limits == [2.0]
    assert transport.limit == transport.timeout


def test_no_budget_is_no_second_try() -> None:
    clock = FakeClock()
    assert not Retry(clock, ENGINE, 0.0).lasts()
    assert clock.pauses == []


@pytest.mark.parametrize("kind", [AnswerLost, EngineUnreachable, SwarmUnavailable])
def test_a_passing_failure_is_met_by_reading_again(kind: Type[RolloutError]) -> None:
    tries: Iterator[object] = iter([make(kind), make(kind), "answer"])

    def call() -> object:
        given = next(tries)
        if isinstance(given, Exception):
            raise given
        return given

    clock = FakeClock()
    assert Retry(clock, ENGINE, 60.0).read(call) == "answer"
    assert len(clock.pauses) == 2


@pytest.mark.parametrize("kind", [BadAnswer, NotAManager, NotFound, OutOfSequence, ApiError])
def test_other_failures_are_told_at_once(kind: Type[RolloutError]) -> None:
    def call() -> None:
        raise make(kind)

    clock = FakeClock()
    with pytest.raises(kind):
        Retry(clock, ENGINE, 60.0).read(call)
    assert clock.pauses == []


def test_the_last_error_is_told_when_the_budget_is_spent() -> None:
    tries = []

    def call() -> None:
        tries.append(1)
        raise EngineUnreachable(f"try {len(tries)}")

    with pytest.raises(EngineUnreachable, match=r"^try \d+$") as caught:
        Retry(FakeClock(), ENGINE, 5.0).read(call)
    assert str(caught.value) == f"try {len(tries)}"
    assert len(tries) > 3


def test_the_real_clock_is_monotonic_and_sleeps() -> None:
    clock = Clock()
    before = time.monotonic()
    begun = clock.now()
    clock.sleep(0.01)
    assert begun >= before
    assert clock.now() - begun >= 0.01

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    EngineUnreachable,
    NotAllowed,
    SwarmUnavailable,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait, Waiter
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import PAUSED, ROLLED_BACK, TIMED_OUT
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from tests.unit.plugins.module_utils._service.recorded import FakeWatch, RecordedEngine, node, snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock, make_service

NEW, CRASH = "whoami:0.6", "crash:1"
DOWN = EngineUnreachable("Nothing listens on the socket /run/docker.sock: does the engine run?")


def run(convergence: Waiter) -> None:
    while convergence.active:
        convergence.look()
        convergence.pause()


def converge(image: str, *moments: Any, seconds: float = 60.0) -> Tuple[Wait, FakeClock]:
    clock, engine = FakeClock(), RecordedEngine(*moments)
    convergence = Waiter(engine.engine, clock, FakeWatch(clock))
    seen = next((moment for moment in moments if isinstance(moment, Snapshot)), snapshot("update begun"))
    wait = convergence.add(seen.service, Expectation(image), seconds)
    run(convergence)
    return wait, clock


@pytest.mark.parametrize(
    ("expected", "present", "outcome", "task", "concerned"),
    [
        (Expectation(NEW), NEW, None, NEW, True),
        (Expectation(NEW), NEW, None, CRASH, False),
        (Expectation(NEW), CRASH, ROLLED_BACK, NEW, True),
        (Expectation(NEW), CRASH, ROLLED_BACK, CRASH, False),
        (Expectation(), NEW, PAUSED, NEW, True),
        (Expectation(), NEW, PAUSED, CRASH, False),
        (Expectation(), NEW, ROLLED_BACK, NEW, False),
        (Expectation(), NEW, ROLLED_BACK, CRASH, True),
    ],
)
def test_which_tasks_belong_to_the_rollout(
    expected: Expectation, present: str, outcome: Any, task: str, concerned: bool
) -> None:
    wait = Wait(make_service(present), expected, 0.0, outcome=outcome)
    assert wait.concerns({"Spec": {"ContainerSpec": {"Image": task}}}) is concerned


@pytest.mark.parametrize(("outcome", "states"), [(PAUSED, ["complete"]), (TIMED_OUT, []), (ROLLED_BACK, [])])
def test_a_task_that_has_ended_is_wrong_only_where_the_swarm_has_given_up(outcome: Any, states: List[str]) -> None:
    wait = Wait(make_service(NEW), Expectation(NEW), 0.0, outcome=outcome)
    ended: Any = {"ID": "t", "Slot": 1, "Status": {"State": "complete"}, "DesiredState": "shutdown"}
    ended["Spec"] = {"ContainerSpec": {"Image": NEW}}
    wait.take_failing([ended], [])
    assert [task["state"] for task in wait.tasks] == states


def test_a_wait_begins_without_an_outcome_and_shows_no_spec() -> None:
    wait = Wait(make_service(NEW), Expectation(NEW), 0.0)
    assert (wait.outcome, wait.reason, wait.status, wait.tasks) == (None, "", None, [])
    assert "horse" not in repr(wait)


def test_how_long_the_last_wait_may_take() -> None:
    clock, engine = FakeClock(), RecordedEngine(snapshot("update begun"))
    waiter = Waiter(engine.engine, clock, FakeWatch(clock))
    assert waiter.left == 0.0
    for name, seconds in (("a", 30.0), ("b", 60.0), ("c", 10.0)):
        waiter.add({**make_service(), "ID": name}, Expectation(), seconds)
    clock.sleep(5.0)
    assert waiter.left == 55.0
    waiter.give_up("b")
    assert waiter.left == 25.0
    assert [wait.identifier for wait in waiter.active] == ["a", "c"]


def test_why_a_look_failed_is_known_until_one_succeeds() -> None:
    refusal = NotAllowed("GET /nodes", 403, "no readable reason")
    clock, engine = FakeClock(), RecordedEngine(snapshot("update begun"), DOWN, snapshot("update begun"), refusal)
    waiter = Waiter(engine.engine, clock, FakeWatch(clock))
    waiter.add(snapshot("update begun").service, Expectation(NEW), 60.0)
    troubles = [waiter.trouble]
    for _look in range(4):
        waiter.look()
        troubles.append(waiter.trouble)
    assert troubles == ["", "", str(DOWN), "", str(refusal)]


def test_nothing_is_waited_for_where_nothing_is_active() -> None:
    clock, engine = FakeClock(), RecordedEngine(None)
    Waiter(engine.engine, clock, FakeWatch(clock)).pause()
    assert clock.pauses == []


def test_from_begin_to_end() -> None:
    moments = [snapshot(name) for name in ("update begun", "update between two tasks", "update completed")]
    wait, clock = converge(NEW, *moments)
    assert wait.outcome == "converged"
    assert wait.status is not None
    assert (wait.status.running, wait.status.desired) == (2, 2)
    assert wait.tasks == []
    assert len(clock.pauses) == 2


@pytest.mark.parametrize("error", [DOWN, AnswerLost("cut"), SwarmUnavailable("GET /services", 500, "no leader")])
def test_engine_that_is_away_for_a_while(error: Exception) -> None:
    wait, _clock = converge(NEW, snapshot("update begun"), error, error, snapshot("update completed"))
    assert wait.outcome == "converged"


def test_engine_that_stays_away_is_told_at_the_time_out() -> None:
    wait, clock = converge(NEW, snapshot("update begun"), DOWN, seconds=10.0)
    assert wait.outcome == "timed_out"
    assert "Nothing listens" in wait.reason
    assert clock.time == pytest.approx(1010.0, abs=0.01)


def test_engine_that_is_away_from_the_start() -> None:
    wait, _clock = converge(NEW, DOWN, seconds=3.0)
    assert (wait.outcome, wait.status, wait.tasks) == ("timed_out", None, [])


def test_time_out_tells_how_it_stands() -> None:
    wait, clock = converge(NEW, snapshot("update between two tasks"), seconds=10.0)
    assert wait.outcome == "timed_out"
    facts = wait.facts(NEW, 10)
    assert (facts.problem, facts.standing) == (f"{NEW} has not converged within 10 s", "1/2 run it")
    assert clock.time == pytest.approx(1010.0, abs=0.01)


def test_judgement_at_the_last_moment_counts() -> None:
    wait, _clock = converge(NEW, snapshot("update begun"), snapshot("update completed"), seconds=1.0)
    assert wait.outcome == "converged"


def test_removed_service_is_told_at_once() -> None:
    wait, clock = converge(NEW, snapshot("update begun"), None)
    assert wait.outcome == "superseded"
    assert wait.reason == "somebody else removed it"
    assert clock.time < 1005.0


@pytest.mark.parametrize(
    ("moment", "image", "outcome", "task"),
    [
        ("update paused", CRASH, "paused", ("failed", "task: non-zero exit (1)", 1)),
        ("failed and not restarted", CRASH, "paused", ("failed", "task: non-zero exit (1)", 1)),
        ("job failed", "failjob:1", "paused", ("failed", "task: non-zero exit (3)", 3)),
    ],
)
def test_failing_tasks_come_with_a_failure(moment: str, image: str, outcome: str, task: Tuple[str, str, int]) -> None:
    wait, _clock = converge(image, snapshot(moment))
    assert wait.outcome == outcome
    for told in wait.tasks:
        assert (told["state"], told["error"], told["exit_code"]) == task
        assert told["node"] == node()["Description"]["Hostname"]
    assert wait.tasks


def test_failures_are_told_at_a_time_out_without_a_request_more() -> None:
    seen = snapshot("image cannot be pulled")
    wait, clock = converge("127.0.0.1:1/nowhere:1", seen, DOWN, seconds=3.0)
    assert (wait.outcome, [task["state"] for task in wait.tasks]) == ("timed_out", ["rejected"])
    assert clock.time == pytest.approx(1003.0, abs=0.01)


@pytest.mark.parametrize("is_watched", [True, False])
def test_why_the_swarm_rolls_back_is_looked_up_once_while_somebody_watches(is_watched: bool) -> None:
    clock, moment = FakeClock(), snapshot("rollback started")
    engine = RecordedEngine(moment)
    waiter = Waiter(engine.engine, clock, FakeWatch(clock))
    waiter.observer.sees_former = is_watched
    wait = waiter.add(moment.service, Expectation(CRASH), 60.0)
    for _look in range(3):
        waiter.look()
    assert (wait.outcome, wait.is_going_back) == (None, True)
    assert len(engine.limits) == (1 + 3 * 4 + 2 if is_watched else 1 + 3 * 3)  # the first look asks for a clock


def test_what_the_swarm_rolls_back_is_another_image_than_the_present() -> None:
    wait = Wait(snapshot("rollback started").service, Expectation(), 0.0)
    tasks: List[Any] = [{"Spec": {"ContainerSpec": {"Image": image}}} for image in (CRASH, "whoami:0.7")]
    assert [wait.concerns(task) for task in tasks] == [True, False]


def test_the_search_for_failing_tasks_is_bounded() -> None:
    clock, engine = FakeClock(), RecordedEngine(snapshot("update paused"))
    convergence = Waiter(engine.engine, clock, FakeWatch(clock))
    convergence.add(snapshot("update paused").service, Expectation(CRASH), 0.5)
    run(convergence)
    assert engine.limits[-2:] == [pytest.approx(1.0), pytest.approx(1.0)]


def test_a_definite_refusal_ends_the_wait_at_once() -> None:
    refusal = NotAllowed("GET /nodes", 403, "no readable reason")
    wait, clock = converge(NEW, snapshot("update begun"), refusal, seconds=300.0)
    assert (wait.outcome, wait.reason) == ("updated", str(refusal))
    assert clock.time < 1010.0


def test_a_wait_ends_when_a_task_has_run_for_long_enough_and_not_at_the_next_poll() -> None:
    wait, clock = converge("whoami:0.7", snapshot("created", date=""))
    assert wait.outcome == "converged"
    assert clock.time == pytest.approx(1001.0, abs=0.01)


def test_a_wait_ends_when_a_task_has_had_no_successor_for_long_enough() -> None:
    seen = snapshot("failed and not restarted", date="")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", "MaxAttempts": 1}
    wait, clock = converge(CRASH, seen)
    assert wait.outcome == "paused"
    assert clock.time == pytest.approx(1005.0, abs=0.01)


def test_where_looks_take_long_the_pauses_do_too() -> None:
    clock, engine = FakeClock(), RecordedEngine(snapshot("update begun"))
    waiter = Waiter(engine.engine, clock, FakeWatch(clock))
    waiter.add(snapshot("update begun").service, Expectation(NEW), 60.0)
    waiter.look()
    for seconds, pause in ((0.01, 2.0), (0.5, 4.0), (1.0, 8.0), (5.0, 10.0)):
        waiter.observer.seconds = seconds
        waiter.pause()
        assert clock.pauses[-1] == pytest.approx(pause)

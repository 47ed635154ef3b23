# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four services on their way through a task, the second of which meets with something."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import PAUSED, SUPERSEDED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from tests.unit.plugins.module_utils._service.recorded import FakeWatch
from tests.unit.plugins.module_utils.rolling import CRASH, NEW, OLD, RollingEngine

FAIL, ROLLBACK, ROLLBACK_ALL = "fail", "rollback", "rollback_all"
SECOND = 1  # the one that meets with something
LETTERS = {
    "C": "converged",
    "P": "paused",
    "R": "rolled_back",
    "S": "superseded",
    "T": "timed_out",
    "U": "unchanged",
    "N": "not_started",
}
# What it meets with: how the four end, by on_failure and max_parallel.
ENDS: Dict[str, Dict[str, Dict[int, str]]] = {
    "nothing": {how: {0: "CCCC", 1: "CCCC", 2: "CCCC"} for how in (FAIL, ROLLBACK, ROLLBACK_ALL)},
    "failure": {
        FAIL: {0: "CPCC", 1: "CPNN", 2: "CPNN"},
        ROLLBACK: {0: "CRCC", 1: "CRNN", 2: "CRNN"},
        ROLLBACK_ALL: {0: "RRRR", 1: "RRNN", 2: "RRNN"},
    },
    "conflict": {
        FAIL: {0: "CSNN", 1: "CSNN", 2: "CSNN"},
        ROLLBACK: {0: "CSNN", 1: "CSNN", 2: "CSNN"},
        ROLLBACK_ALL: {0: "RSNN", 1: "RSNN", 2: "RSNN"},
    },
    "unknown fate": {
        FAIL: {0: "CTNN", 1: "CTNN", 2: "CTNN"},
        ROLLBACK: {0: "CRNN", 1: "CRNN", 2: "CRNN"},
        ROLLBACK_ALL: {0: "RRNN", 1: "RRNN", 2: "RRNN"},
    },
    "removed": {
        FAIL: {0: "CSCC", 1: "CSNN", 2: "CSNN"},
        ROLLBACK: {0: "CSCC", 1: "CSNN", 2: "CSNN"},
        ROLLBACK_ALL: {0: "RSRR", 1: "RSNN", 2: "RSNN"},
    },
}
CASES = [
    (met, on_failure, most, ends)
    for met, by_option in ENDS.items()
    for on_failure, by_number in by_option.items()
    for most, ends in by_number.items()
]


def rollout(engine: RollingEngine, images: List[str], **settings: Any) -> Rollout:
    members = []
    for service, image in zip(engine.present(), images):
        change = ImageChange(Target(Reference.parse(image)))
        members.append(Member(service, Update(service, change)))
    return Rollout(engine.engine, engine.clock, Settings(**settings), members, FakeWatch(engine.clock))


def run(engine: RollingEngine, task: Rollout) -> Tuple[Any, str]:
    """Give the result and the error's text, empty where there is none."""
    for _step in range(200):
        if task.step():
            break
        engine.clock.sleep(1)
    try:
        return task.result(single=False), ""
    except RolloutFailed as error:
        return error.result, str(error)


@pytest.mark.parametrize(("met", "on_failure", "most", "ends"), CASES)
def test_how_it_ends(met: str, on_failure: str, most: int, ends: str) -> None:
    engine = RollingEngine(4)
    images = [NEW] * 4
    if met == "failure":
        images[SECOND] = CRASH
    elif met != "nothing":
        engine.befalls[SECOND] = met
    result, message = run(engine, rollout(engine, images, max_parallel=most, on_failure=on_failure))
    entries = result["services"]
    assert [entry["outcome"] for entry in entries] == [LETTERS[letter] for letter in ends]
    assert bool(message) == (met != "nothing")
    assert [entry["changed"] for entry in entries] == [number in engine.written for number in range(4)]
    assert result["changed"] is True
    assert engine.most_at_once <= (most or 4)
    back = [number for number in range(4) if ends[number] == "R"]
    assert engine.rolled_back == back[::-1]  # the last one first
    for number, entry in enumerate(entries):
        image = engine.image(number)
        assert image is None or (entry["image"]["after"] in (image, None))
        assert (image == OLD) == (ends[number] in "RN")


def test_services_that_run_it_take_no_place() -> None:
    engine = RollingEngine(4)
    task = rollout(engine, [OLD, OLD, NEW, NEW], max_parallel=1)
    result, message = run(engine, task)
    assert (message, engine.most_at_once, engine.written) == ("", 1, [2, 3])
    assert [entry["outcome"] for entry in result["services"]] == ["unchanged", "unchanged", "converged", "converged"]


def test_the_next_service_starts_as_soon_as_one_has_ended() -> None:
    engine = RollingEngine(4)
    engine.takes[1] = 9
    task = rollout(engine, [NEW] * 4, max_parallel=2)
    task.run(single=False)
    assert engine.written_at[2:] == engine.ended_at[:2]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_task_that_is_stopped_finishes_what_is_under_way(most: int) -> None:
    engine = RollingEngine(4)
    task = rollout(engine, [OLD, NEW, NEW, NEW], max_parallel=most)
    task.is_stopped = lambda: len(engine.written) >= 1
    result, message = run(engine, task)
    assert message == ""
    assert engine.written == [1]
    outcomes = [entry["outcome"] for entry in result["services"]]
    assert outcomes == ["unchanged", "converged", "not_started", "not_started"]
    assert [entry["changed"] for entry in result["services"]] == [False, True, False, False]


def test_a_task_that_is_stopped_still_puts_back_what_failed() -> None:
    engine = RollingEngine(3)
    task = rollout(engine, [CRASH, NEW, NEW], max_parallel=1, on_failure=ROLLBACK)
    task.is_stopped = lambda: bool(engine.written)
    result, _message = run(engine, task)
    assert [entry["outcome"] for entry in result["services"]] == ["rolled_back", "not_started", "not_started"]
    assert engine.image(0) == OLD


def test_what_nobody_could_look_at_since_its_update_is_told_as_it_was_written() -> None:
    engine = RollingEngine(1)
    engine.is_dark = True
    result, _message = run(engine, rollout(engine, [NEW], wait_timeout=10))
    entry = result["services"][0]
    assert (entry["changed"], entry["outcome"], entry["image"]) == (True, "timed_out", {"before": OLD, "after": NEW})
    assert entry["version"] == {"before": 10, "after": 11}


def test_what_nobody_could_look_at_since_it_was_put_back_is_told_as_it_was_written() -> None:
    engine = RollingEngine(2)
    task = rollout(engine, [NEW, CRASH], wait_timeout=10, on_failure=ROLLBACK_ALL)
    while not engine.rolled_back:
        task.step()
    engine.is_dark = True
    result, message = run(engine, task)
    assert [entry["outcome"] for entry in result["services"]] == ["timed_out", "timed_out"]
    assert [entry["image"]["after"] for entry in result["services"]] == [OLD, OLD]
    assert message.splitlines()[0] == "2 services: 2 failed."
    for name in ("s0: put back", "; put back"):
        assert f"{name}, but how it stands could not be read (Nothing listens on the socket)." in message


def logging(engine: RollingEngine) -> None:
    """Have the tasks of an engine leave logs, each of a container of its own."""
    make = engine._task

    def task(service: Any) -> Any:
        made = make(service)
        made["Status"]["ContainerStatus"] = {"ContainerID": "c", "ExitCode": 3}
        engine.logs[made["ID"]] = [b"\x02\x00\x00\x00\x00\x00\x00\x06FATAL\n"]
        return made

    engine.__dict__["_task"] = task


@pytest.mark.parametrize("on_failure", [FAIL, ROLLBACK])
def test_the_logs_are_the_end_of_the_message(on_failure: str) -> None:
    engine = RollingEngine(3)
    logging(engine)
    result, message = run(engine, rollout(engine, [NEW, CRASH, CRASH], on_failure=on_failure, task_logs=9))
    assert message.endswith("\nLog of s1, slot 1:\n  FATAL\nLog of s2, slot 1:\n  FATAL")
    assert [entry["tasks"] for entry in result["services"][:1]] == [[]]
    assert [task["log"] for entry in result["services"][1:] for task in entry["tasks"]] == [["FATAL"], ["FATAL"]]
    assert "docker service" not in message
    assert ("put back" in message) == (on_failure == ROLLBACK)


def test_without_logs_the_message_ends_with_the_command_that_shows_them() -> None:
    engine = RollingEngine(1)
    logging(engine)
    result, message = run(engine, rollout(engine, [CRASH]))
    [task] = result["services"][0]["tasks"]
    assert message.endswith("\nTo see more: docker service logs --tail 20 s0")
    assert "log" not in task
    assert engine.logs_asked == []


@pytest.mark.parametrize("met", ["conflict", "removed", "unknown fate"])
def test_there_is_nothing_more_to_see_where_no_task_failed(met: str) -> None:
    engine = RollingEngine(1)
    engine.befalls[0] = met
    _result, message = run(engine, rollout(engine, [NEW], task_logs=9))
    assert message
    assert "docker service" not in message
    assert "log" not in message


def test_a_service_that_has_not_been_seen_has_nothing_more_to_see() -> None:
    engine = RollingEngine(1)
    engine.is_dark = True
    _result, message = run(engine, rollout(engine, [NEW], wait_timeout=10, task_logs=9))
    assert "docker service" not in message


@pytest.mark.parametrize(("on_failure", "advised"), [(FAIL, True), (ROLLBACK, False), (ROLLBACK_ALL, False)])
def test_what_is_put_back_needs_no_advice(on_failure: str, advised: bool) -> None:
    engine = RollingEngine(1)
    _result, message = run(engine, rollout(engine, [CRASH], on_failure=on_failure))
    assert ("Fix the cause" in message) is advised


def test_a_run_returns_the_result_of_its_one_service() -> None:
    engine = RollingEngine(1)
    result = rollout(engine, [NEW]).run(single=True)
    assert result["service"] == result["services"][0]
    assert result["service"]["outcome"] == "converged"


def test_a_service_that_is_only_waited_for_is_not_written() -> None:
    engine = RollingEngine(1)
    engine.begin(0, NEW)
    member = Member(engine.present()[0])
    task = Rollout(engine.engine, engine.clock, Settings(), [member], FakeWatch(engine.clock))
    assert task.run(single=True)["service"]["outcome"] == "converged"
    assert engine.written == []


def test_a_service_that_may_start_at_once_is_not_waited_for() -> None:
    engine = RollingEngine(2)
    task = rollout(engine, [NEW, NEW], max_parallel=1)
    task.pause()
    assert engine.clock.pauses == []
    task.step()
    task.pause()
    assert len(engine.clock.pauses) == 1


def test_as_many_failures_as_a_message_holds_are_all_of_them() -> None:
    engine = RollingEngine(5)
    _result, message = run(engine, rollout(engine, [CRASH] * 5))
    first, *lines = (line.partition(":")[0] for line in message.splitlines())
    assert (first, lines[:5]) == ("5 services", ["s0", "s1", "s2", "s3", "s4"])
    assert "more services failed" not in message


MANY = 61
LEFT = f"the swarm has stopped, 0/1 run it. {PAUSED.advice}"


def test_a_message_of_many_failures_fits_a_screen() -> None:
    engine = RollingEngine(MANY)
    task = rollout(engine, [CRASH] * MANY)
    result, message = run(engine, task)
    assert [entry["outcome"] for entry in result["services"]] == ["paused"] * MANY
    first, *lines, last, more = message.splitlines()
    assert first == f"{MANY} services: {MANY} failed."
    assert lines == [f"s{number}: {CRASH} failed (slot 1, failed); {LEFT}" for number in range(5)]
    assert last == "56 more services failed; the result has the outcome of each."
    assert more == f"To see more: {'; '.join(f'docker service ps --no-trunc s{number}' for number in range(5))}"
    assert len(message) < 24 * 80


def test_who_was_not_put_back_is_told_first_where_they_are_many() -> None:
    engine = RollingEngine(MANY)
    engine.befalls[MANY // 2] = "removed"
    task = rollout(engine, [NEW] * (MANY - 1) + [CRASH], on_failure=ROLLBACK_ALL)
    result, message = run(engine, task)
    outcomes = [entry["outcome"] for entry in result["services"]]
    assert outcomes.count("rolled_back") == MANY - 1
    first, removed, crashed, *lines, last, more = message.splitlines()
    assert first == f"{MANY} services: {MANY - 2} put back, 1 failed and put back, 1 failed."
    assert removed == f"s{MANY // 2}: somebody else removed it while this task waited for {NEW}."
    assert crashed == f"s{MANY - 1}: {CRASH} failed (slot 1, failed); put back, 1/1 run {OLD}."
    assert lines == [f"s{MANY - 2 - number}: put back, 1/1 run {OLD}." for number in range(10)]
    assert last == f"The result says what became of {MANY - 2 - 10} more."
    assert more == f"To see more: docker service ps --no-trunc s{MANY - 1}"
    task.members[0].aftermath, task.members[0].outcome = "not put back", SUPERSEDED
    with pytest.raises(RolloutFailed, match=r"\ns0: not put back\.\ns59: put back"):
        task.result(single=False)

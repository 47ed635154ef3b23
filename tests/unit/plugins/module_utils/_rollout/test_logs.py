# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import AnswerLost, ApiError, EngineUnreachable
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.logs import (
    LEAST_SECONDS,
    MOST_BYTES,
    MOST_SECONDS,
    NO_ROOM,
    NO_TASK,
    NO_TIME,
    NOTHING,
    Logs,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.evidence import (
    MOST_LOGS,
    NO_CONTAINER,
    TOO_MANY,
)
from tests.unit.plugins.module_utils.fakes import FakeEngine, make_service

FATAL = "FATAL: cannot connect to database db:5432"
FOR_EVER = 1e9


def frame(text: str, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text.encode()).to_bytes(4, "big") + text.encode()


class Crashed(FakeEngine):
    """A service whose tasks have failed, each on a node of its own; their logs come at once."""

    def __init__(self, count: int = 1, **spec: Any) -> None:
        super().__init__(make_service())
        for number in range(count):
            self.tasks.append(
                {
                    "ID": f"t{number}",
                    "NodeID": f"n{number}",
                    "Status": {"State": "failed", "ContainerStatus": {"ContainerID": "c"}},
                    "Spec": {"ContainerSpec": {"Image": "app:1"}, **spec},
                }
            )
            self.nodes.append({"ID": f"n{number}", "Status": {"State": "ready"}})
            self.logs[f"t{number}"] = [frame(f"{FATAL}\n", 2)]

    @property
    def failing(self) -> List[Dict[str, Any]]:
        return [{"id": task["ID"], "node": f"host of {task['NodeID']}"} for task in self.tasks]

    def read(self, lines: int = 20, logs: Any = None) -> List[Dict[str, Any]]:
        """The failing tasks with their logs."""
        failing = self.failing
        reader = logs or Logs(self.engine, self.clock, lines)
        reader.add_to(failing, [service["Spec"] for service in self.services.values()], self.nodes)
        return failing


def told(engine: Crashed, lines: int = 20) -> List[Any]:
    return [(task["log"], task["log_note"]) for task in engine.read(lines)]


def test_the_last_lines_of_a_task() -> None:
    engine = Crashed()
    assert told(engine) == [([FATAL], None)]
    assert engine.logs_asked == [("t0", {"stdout": "1", "stderr": "1", "tail": "21"})]


def test_nothing_is_asked_where_no_logs_are_wanted_or_nothing_failed() -> None:
    engine = Crashed()
    assert engine.read(lines=0) == engine.failing
    engine.tasks = []
    assert engine.read() == []
    assert engine.logs_asked == []


def test_three_tasks_are_read() -> None:
    engine = Crashed(5)
    assert told(engine) == [([FATAL], None)] * MOST_LOGS + [([], TOO_MANY)] * 2


@pytest.mark.parametrize(
    ("room", "seconds", "note"),
    [
        (0, MOST_SECONDS, NO_ROOM),
        (1, MOST_SECONDS, NO_ROOM),  # it is asked for, and no line of it fits
        (100, LEAST_SECONDS, None),
        (100, LEAST_SECONDS - 0.01, NO_TIME),
    ],
)
def test_where_little_is_left(room: int, seconds: float, note: Optional[str]) -> None:
    engine = Crashed()
    logs = Logs(engine.engine, engine.clock, 20)
    logs._bytes_left, logs._seconds_left = room, seconds
    [task] = engine.read(logs=logs)
    assert (task["log"], task["log_note"]) == ([] if note else [FATAL], note)
    assert bool(engine.logs_asked) == (room > 0 and seconds >= LEAST_SECONDS)


def test_what_is_left_is_shared() -> None:
    engine = Crashed(3)
    logs = Logs(engine.engine, engine.clock, 20)
    logs._seconds_left = 2 * LEAST_SECONDS
    assert [task["log_note"] for task in engine.read(logs=logs)] == [NO_TIME, None, None]


def test_tasks_that_can_have_no_log_do_not_count() -> None:
    engine = Crashed(5)
    for task in engine.tasks[:2]:
        task["Status"]["ContainerStatus"]["ContainerID"] = ""
    assert told(engine) == [([], NO_CONTAINER)] * 2 + [([FATAL], None)] * 3


def test_a_task_on_a_node_that_is_down() -> None:
    engine = Crashed()
    engine.nodes[0]["Status"]["State"] = "down"
    assert told(engine) == [([], "Not read: node host of n0 is down.")]
    assert engine.logs_asked == []


def test_a_logging_driver_that_keeps_nothing() -> None:
    engine = Crashed(LogDriver={"Name": "none"})
    assert told(engine) == [([], "The service keeps no logs: its logging driver is none.")]
    assert engine.logs_asked == []


def test_a_terminal() -> None:
    engine = Crashed(ContainerSpec={"TTY": True})
    engine.logs["t0"] = [b"one\r\n", b"two\r\n"]
    assert told(engine) == [(["one", "two"], None)]


def test_a_task_that_wrote_nothing() -> None:
    engine = Crashed()
    engine.logs["t0"] = []
    assert told(engine) == [([], NOTHING)]


def test_an_error_within_an_answer_of_200() -> None:
    engine = Crashed()
    engine.logs["t0"] = [frame("Error grabbing logs: the file is broken\n", 3)]
    assert told(engine) == [([], "Not read, from node host of n0: the file is broken.")]
    engine.logs["t0"].insert(0, frame("hello\n"))
    assert told(engine) == [(["hello"], "Incomplete, from node host of n0: the file is broken.")]


@pytest.mark.parametrize(
    "error",
    [ApiError("GET /tasks/t0/logs", 500, "no"), AnswerLost("It broke."), EngineUnreachable("Nothing listens.")],
)
def test_an_error_is_no_reason_to_fail(error: Exception) -> None:
    engine = Crashed()
    engine.logs["t0"] = [error]
    assert told(engine) == [([], f"Not read, from node host of n0: {error}")]


def test_tasks_that_cannot_be_read() -> None:
    engine = Crashed(2)
    failing = engine.failing
    engine.tasks.pop()
    Logs(engine.engine, engine.clock, 9).add_to(failing, [], [])
    assert [task["log_note"] for task in failing] == [None, NO_TASK]


def test_an_engine_that_does_not_list_the_tasks() -> None:
    class Dark(Crashed):
        def _list_tasks(self, filters: Any) -> Any:
            del filters
            raise EngineUnreachable("Nothing listens.")

    assert told(Dark()) == [([], "Not read: Nothing listens.")]


def test_a_stream_that_never_ends_is_told_as_far_as_it_came() -> None:
    engine = Crashed()
    engine.logs["t0"] += [FOR_EVER]
    [(log, note)] = told(engine)
    assert (log, note[:41]) == ([FATAL], "Incomplete, from node host of n0: GET /v1")
    assert engine.clock.pauses == [pytest.approx(MOST_SECONDS)]


def test_one_silent_node_leaves_time_for_the_others() -> None:
    engine = Crashed(3)
    engine.logs["t0"] = [FOR_EVER]
    [(none, note), *rest] = told(engine)
    assert (none, note[:8], rest) == ([], "Not read", [([FATAL], None)] * 2)


def test_all_logs_together_are_bounded_in_time() -> None:
    engine = Crashed(9)
    engine.logs = {task["ID"]: [FOR_EVER] for task in engine.tasks}
    logs = Logs(engine.engine, engine.clock, 9)
    engine.read(logs=logs)
    again = engine.read(logs=logs)
    assert sum(engine.clock.pauses) == pytest.approx(MOST_SECONDS)
    assert again[0]["log_note"] == NO_TIME


def test_a_node_that_was_silent_is_not_asked_again() -> None:
    engine = Crashed(2)
    engine.tasks[1]["NodeID"] = "n0"
    engine.logs["t0"] = [FOR_EVER]
    assert told(engine)[1] == ([], "Not read: node host of n0 did not send another log in time.")


def test_a_node_whose_log_was_refused_is_asked_again() -> None:
    engine = Crashed(2)
    engine.tasks[1]["NodeID"] = "n0"
    engine.logs["t0"] = [ApiError("GET /tasks/t0/logs", 500, "no")]
    assert told(engine)[1] == ([FATAL], None)


def test_all_logs_together_are_bounded_in_size() -> None:
    engine = Crashed(3)
    line = "x" * 99
    engine.logs = {task["ID"]: [frame(f"{line}\n" * 1000)] for task in engine.tasks}
    logs = Logs(engine.engine, engine.clock, 1000)
    first, second = engine.read(logs=logs), engine.read(logs=logs)
    sizes = [sum(len(text) + 1 for text in task["log"]) for task in first]
    assert MOST_BYTES - 3 * 100 < sum(sizes) <= MOST_BYTES
    assert max(sizes) - min(sizes) <= 200
    assert first[0]["log_note"] == f"Only the last {len(first[0]['log'])} lines: all logs together have 64 KiB."
    assert [(task["log"], task["log_note"]) for task in second] == [([], NO_ROOM)] * 3


def test_variables_of_the_service_and_of_the_task_are_not_shown() -> None:
    engine = Crashed(ContainerSpec={"Env": ["TOKEN=of-the-task-itself"]})
    said = "correct horse battery staple and of-the-task-itself"
    engine.logs["t0"] = [frame(said + "\n"), frame(f"Error grabbing logs: {said}\n", 3)]
    assert told(engine) == [(["*** and ***"], "Incomplete, from node host of n0: *** and ***.")]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read what failing tasks wrote last. Private to this collection.

It has a budget for all services together, and what cannot be read within it is left out: a manager waits without end
for a node that the network has cut off (moby issue 28793). A log is never a reason to fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.evidence import (
    MOST_LOGS,
    NO_CONTAINER,
    TOO_MANY,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.log import LogTail, Shown
from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import state_of_node
from ansible_collections.swarmops.rollout.plugins.module_utils._service.scrub import Scrubber
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import variables
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    container_of,
    has_terminal,
    logging_driver,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_BYTES = 64 * 1024  # of all logs together
MOST_SECONDS = 5.0  # for all logs together
LEAST_SECONDS = 0.1  # with less left, no call is made
ROOM = f"all logs together have {MOST_BYTES // 1024} KiB"
NO_ROOM = f"Not read: no room was left, {ROOM}."
NO_TIME = f"Not read: no time was left, all logs together have {MOST_SECONDS:g} seconds."
NO_TASK = "Not read: the swarm no longer knows this task."
NOTHING = "It wrote nothing, or its node keeps no log of it."

Told = Dict[str, Any]


class Logs:
    """Reads the last `lines` that failing tasks wrote; 0 reads none."""

    def __init__(self, engine: Engine, clock: Clock, lines: int) -> None:
        self._engine = engine
        self._clock = clock
        self._lines = lines
        self._bytes_left = MOST_BYTES
        self._seconds_left = MOST_SECONDS
        self._silent: Set[str] = set()  # the nodes that have sent nothing in time

    def add_to(self, failing: List[Told], specs: List[types.ServiceSpec], nodes: List[types.Node]) -> None:
        """Add `log` and `log_note` to a service's failing tasks, as documented under RETURN.

        `specs` are those of the service whose variables a log may hold, besides the task's own.
        """
        if not self._lines or not failing:
            return
        down = {node["ID"] for node in nodes if state_of_node(node) == "down"}
        tasks, problem = self._read_tasks([told["id"] for told in failing])
        readable: List[Tuple[Told, types.Task]] = []
        for told in failing:
            task = tasks.get(told["id"])
            note = problem if task is None else _why_none(task, told["node"], down)
            told.update(log=[], log_note=note or TOO_MANY)
            if task is not None and note is None and len(readable) < MOST_LOGS:
                readable.append((told, task))
        known = [variable for spec in specs for variable in variables(spec)]
        for number, (told, task) in enumerate(readable):
            scrubber = Scrubber([*known, *variables({"TaskTemplate": task.get("Spec")})])
            told["log_note"] = self._read(told, task, scrubber, len(readable) - number)

    def _read_tasks(self, identifiers: List[str]) -> Tuple[Dict[str, types.Task], str]:
        """The tasks with their whole specs, by ID; and why one of them may be missing."""
        if self._seconds_left < LEAST_SECONDS:
            return {}, NO_TIME
        began = self._clock.now()
        try:
            with self._engine.within(self._seconds_left / 2):
                found = self._engine.tasks({"id": identifiers})
        except errors.EngineError as error:
            return {}, f"Not read: {error}"
        finally:
            self._seconds_left -= self._clock.now() - began
        return {task["ID"]: task for task in found}, NO_TASK

    def _read(self, told: Told, task: types.Task, scrubber: Scrubber, sharing: int) -> Optional[str]:
        """Read the log of one task of those that share what is left. Returns what there is to say about it."""
        node, seconds, size = task.get("NodeID", ""), self._seconds_left / sharing, self._bytes_left // sharing
        if node in self._silent:
            return f"Not read: node {told['node']} did not send another log in time."
        if size <= 0:
            return NO_ROOM
        if seconds < LEAST_SECONDS:
            return NO_TIME
        tail = LogTail(has_terminal(task), MOST_BYTES)
        error = self._stream(task["ID"], tail, seconds)
        shown = tail.shown(self._lines, size, scrubber)
        told["log"] = shown.lines
        self._bytes_left -= sum(len(line.encode()) + 1 for line in shown.lines)
        if isinstance(error, errors.AnswerLost) and not shown.lines:
            self._silent.add(node)
        return _note(shown, scrubber.scrub(str(error or tail.trouble)), told["node"])

    def _stream(self, identifier: str, tail: LogTail, seconds: float) -> Optional[errors.EngineError]:
        """Read a log, for so many seconds at most. Returns why it is not whole; None if it is."""
        began = self._clock.now()
        try:
            with self._engine.within(seconds):
                # One line more than wanted: the first one may have begun before.
                self._engine.task_log(identifier, self._lines + 1, tail.take)
        except errors.EngineError as error:
            return error
        finally:
            self._seconds_left -= self._clock.now() - began
            tail.end()
        return None


def _why_none(task: types.Task, node: str, down: Set[str]) -> Optional[str]:
    """Why a task has no log that could be read; None if it may have one."""
    if not container_of(task):
        return NO_CONTAINER
    if logging_driver(task) == "none":
        return "The service keeps no logs: its logging driver is none."
    return f"Not read: node {node} is down." if task.get("NodeID") in down else None


def _note(shown: Shown, problem: str, node: str) -> Optional[str]:
    """What is to be said about a log that was read from a node."""
    said = problem.rstrip(".")
    if said:
        return f"Incomplete, from node {node}: {said}." if shown.lines else f"Not read, from node {node}: {said}."
    if shown.is_short:
        return f"Only the last {len(shown.lines)} lines: {ROOM}." if shown.lines else NO_ROOM
    return None if shown.lines else NOTHING

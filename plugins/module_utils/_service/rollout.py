# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out what was decided, step by step: write, read back, wait, put back. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, present_services
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update, Writer, removed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import (
    FAIL,
    ROLLBACK_ALL,
    Member,
    Settings,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    ENDED,
    GOING_BACK,
    NOT_STARTED,
    QUEUED,
    ROLLED_BACK,
    ROLLING,
    SUPERSEDED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, name_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Result, RolloutFailed, as_result

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.waiting import Waiting

MOST_PROBLEMS = 5  # that a message tells of, so that it fits a screen
MOST_PUT_BACK = 10


class Rollout:
    """One task's work on its services, in the order given; their entries tell what came of it."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings, members: List[Member]) -> None:
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._writer = Writer(engine, clock)
        self._waiting: Optional[Waiting] = None
        self.members = members
        self.is_stopped: Callable[[], bool] = lambda: False

    @property
    def waiting(self) -> Waiting:
        """What looks after the members that are waited for; imported only where something is."""
        if self._waiting is None:
            from ansible_collections.swarmops.rollout.plugins.module_utils._service.waiting import Waiting

            self._waiting = Waiting(self._engine, self._clock, self._settings)
        return self._waiting

    def run(self, single: bool) -> Result:
        """Bring each service to its target. Raises RolloutFailed, which carries the task's result."""
        while not self.step():
            self.pause()
        return self.result(single)

    def pause(self) -> None:
        """Let time pass until there may be news; none where a service may start at once."""
        if not (self._in_stage(QUEUED) and self._has_room([])):
            self.waiting.pause()

    def step(self) -> bool:
        """Start what may start, look once, put back what has to be; gives whether all is done."""
        self._start_some()
        if self._in_stage(ROLLING, GOING_BACK):
            self.waiting.look()
        if self._has_failed() or self.is_stopped():
            self._give_up()
        if self._has_failed() and not self._in_stage(ROLLING, GOING_BACK):
            self._put_back()
        return not self._in_stage(QUEUED, ROLLING, GOING_BACK)

    def _give_up(self) -> None:
        """End what has not begun; where the task is stopped, also the wait for services that it has not changed."""
        for member in self._in_stage(QUEUED):
            member.stage = ENDED
            member.entry.give_up(NOT_STARTED)
        if self.is_stopped():
            for member in self._in_stage(ROLLING):
                if not member.entry.changed:
                    self.waiting.give_up(member)

    def result(self, single: bool) -> Result:
        """The task's result. Raises RolloutFailed where something went wrong."""
        result = as_result([member.entry for member in self.members], single)
        if self._has_failed():
            problems = [member.problem for member in self.members if member.problem]
            concerned = [member for member in reversed(self.members) if member.aftermath]
            if len(concerned) > MOST_PUT_BACK:  # those that are not back come first
                concerned.sort(key=lambda member: member.entry.outcome == ROLLED_BACK)
            aftermaths = [member.aftermath for member in concerned]
            sentences = _first(problems, MOST_PROBLEMS, "{} more services failed; the result has the outcome of each.")
            sentences += _first(aftermaths, MOST_PUT_BACK, "What became of {} more is in the result.")
            raise RolloutFailed(" ".join(sentences), result)
        return result

    def _in_stage(self, *stages: str) -> List[Member]:
        return [member for member in self.members if member.stage in stages]

    def _has_failed(self) -> bool:
        return any(member.problem for member in self.members)

    def _start_some(self) -> None:
        """Start services until as many roll out as may, or one cannot be started."""
        started: List[Member] = []
        has_failed = self._has_failed()
        for member in self._in_stage(QUEUED):
            if has_failed or self.is_stopped() or not self._has_room(started):
                break
            self._start(member)
            started.append(member)
            has_failed = bool(member.problem)
        self._read_back([member for member in started if member.written and member.written.held is None])
        for member in started:
            member.stage = ENDED
            if self._settings.wait and not member.problem:
                self.waiting.add(member)

    def _has_room(self, started: List[Member]) -> bool:
        if not self._settings.max_parallel:
            return True
        rolling = [member for member in (*self._in_stage(ROLLING), *started) if member.entry.changed]
        return len(rolling) < self._settings.max_parallel

    def _start(self, member: Member) -> None:
        if member.target is None:
            return
        change = ImageChange(member.target, self._settings.force)
        try:
            written = self._writer.write(Update(member.service, change, member.credential))
            member.take(written, change.plan(written.read["Spec"]))
        except errors.RolloutError as error:
            member.fail(error)

    def _read_back(self, members: List[Member]) -> None:
        """Check what the engine holds of the services just written, with one request for all of them."""
        if not members:
            return
        patience = Patience(self._clock, self._engine)
        identifiers = [member.identifier for member in members]
        try:
            held = patience.read(lambda: present_services(self._engine, identifiers))
        except errors.EngineError as error:
            for member in members:
                member.problem = (
                    f"The engine accepted the update of the service {name_of(member.service)}, but it could not be "
                    f"read back: {error} Run the task again to see how it stands."
                )
            return
        for member in members:
            try:
                if member.identifier not in held:
                    raise removed(member.service)
                member.read_back(held[member.identifier])
            except errors.ServiceRemoved as error:
                member.problem, member.entry.outcome = str(error), SUPERSEDED
            except errors.ReadBackMismatch as error:
                member.problem = str(error)

    def _put_back(self) -> None:
        """Roll back what the option on_failure says, newest first, unless that was done."""
        if self._settings.on_failure == FAIL or any(member.aftermath for member in self.members):
            return
        every = self._settings.on_failure == ROLLBACK_ALL
        chosen = [member for member in reversed(self.members) if member.entry.changed and (every or member.problem)]
        for member in chosen:
            if member.entry.outcome not in (ROLLED_BACK, SUPERSEDED):
                self.waiting.put_back(member)


def _first(sentences: List[str], most: int, rest: str) -> List[str]:
    """The first so many sentences, and one for the rest."""
    left = len(sentences) - most
    return sentences[:most] + ([rest.format(left)] if left > 0 else [])

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take the services of a task from stage to stage: write, read back, wait, roll back. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, present_services
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.logs import Logs
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait, Waiter
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest, Writer, removed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, was_rolled_back
from ansible_collections.swarmops.rollout.plugins.module_utils._service.evidence import Failure, evidence
from ansible_collections.swarmops.rollout.plugins.module_utils._service.explanation import sum_up, word_for
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import ROLLED_BACK, SUPERSEDED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result, RolloutFailed, as_result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import (
    ENDED,
    QUEUED,
    ROLLING,
    ROLLING_BACK,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

FAIL = "fail"
ROLLBACK_ALL = "rollback_all"
MOST_PROBLEMS = 5  # named in a message, so that it fits a screen
MOST_PUT_BACK = 10


class Settings(NamedTuple):
    """How to carry out a rollout. Names and meaning are those of the modules' options, times are in seconds."""

    wait: bool = True
    wait_timeout: float = 300
    on_failure: str = FAIL
    max_parallel: int = 0
    task_logs: int = 0


class Rollout:
    """One task's work on its services, in the order given. Only this class changes the stage of a member."""

    def __init__(
        self, engine: Engine, clock: Clock, settings: Settings, members: List[Member], watch: Optional[Watch] = None
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._writer = Writer(engine, clock)
        self._logs = Logs(engine, clock, settings.task_logs)
        self.waiter = Waiter(engine, clock, watch or Watch(engine))
        self.members = members
        self.is_stopped: Callable[[], bool] = lambda: False

    def run(self, single: bool) -> Result:
        """Carry out the rollout from start to end. Raises RolloutFailed, which carries the task's result."""
        while not self.step():
            self.pause()
        return self.result(single)

    def pause(self) -> None:
        """Wait until there may be news; not at all if a service may start at once."""
        if not (self._in_stage(QUEUED) and self._has_room([])):
            self.waiter.pause()

    def step(self) -> bool:
        """Start what may start, look once, roll back what must be. Returns whether all is done."""
        self._start_some()
        if self._in_stage(ROLLING, ROLLING_BACK):
            self._look()
        if self._has_failed() or self.is_stopped():
            self._give_up()
        if self._has_failed() and not self._in_stage(ROLLING, ROLLING_BACK):
            self._roll_back_some()
        return not self._in_stage(QUEUED, ROLLING, ROLLING_BACK)

    def result(self, single: bool) -> Result:
        """The task's result. Raises RolloutFailed if something went wrong."""
        result = as_result([member.entry for member in self.members], single)
        if self._has_failed():
            raise RolloutFailed(self._message(), result)
        return result

    def _message(self) -> str:
        """What became of the services, one line each where they are several, after their sum; and what says why."""
        failed = [member for member in self.members if member.problem]
        others = [member for member in reversed(self.members) if member.aftermath and not member.problem]
        lines = _first(failed, MOST_PROBLEMS, "{} more services failed; the result has the outcome of each.")
        lines += _first(others, MOST_PUT_BACK, "The result says what became of {} more.")
        looked_into = [member for member in failed[:MOST_PROBLEMS] if member.is_looked_into]
        lines += evidence([Failure(member.name, member.entry.tasks) for member in looked_into])
        if len(self.members) > 1:
            lines.insert(0, sum_up([word_for(member.outcome, bool(member.problem)) for member in self.members]))
        return "\n".join(lines)

    def _in_stage(self, *stages: str) -> List[Member]:
        return [member for member in self.members if member.stage in stages]

    def _has_failed(self) -> bool:
        return any(member.problem for member in self.members)

    def _start_some(self) -> None:
        """Start services until `max_parallel` is reached, or one cannot be started."""
        started: List[Member] = []
        has_failed = self._has_failed()
        for member in self._in_stage(QUEUED):
            if has_failed or self.is_stopped() or not self._has_room(started):
                break
            self._write(member)
            started.append(member)
            has_failed = bool(member.problem)
        self._read_back([member for member in started if member.written and member.written.held is None])
        for member in started:
            member.stage = ENDED
            if self._settings.wait and not member.problem:
                self._wait_for(member, ROLLING, member.service)

    def _has_room(self, started: List[Member]) -> bool:
        if not self._settings.max_parallel:
            return True
        rolling = [member for member in (*self._in_stage(ROLLING), *started) if member.changed]
        return len(rolling) < self._settings.max_parallel

    def _write(self, member: Member) -> None:
        """Write one member, if there is anything to write."""
        if member.write is None:
            return
        try:
            member.take(self._writer.write(member.write))
        except errors.RolloutError as error:
            member.fail(error)

    def _read_back(self, members: List[Member]) -> None:
        """Check what the engine holds of the services just written, with one request for all of them."""
        if not members:
            return
        retry = Retry(self._clock, self._engine)
        try:
            held = retry.read(lambda: present_services(self._engine, [member.identifier for member in members]))
        except errors.EngineError as error:
            for member in members:
                member.lose(
                    f"{member.name}: the engine accepted the update, but the service could not be read back: "
                    f"{error} Run the task again to see how it stands."
                )
            return
        for member in members:
            if member.identifier in held:
                member.read_back(held[member.identifier])
            else:
                member.lose(str(removed(member.service)), SUPERSEDED)

    def _wait_for(self, member: Member, stage: str, service: types.Service) -> None:
        member.stage = stage
        member.wait = self.waiter.add(service, member.expected, self._settings.wait_timeout)

    def _look(self) -> None:
        """Look at the services that are waited for, and record the outcomes of those that have ended."""
        self.waiter.look()
        for member in self._in_stage(ROLLING, ROLLING_BACK):
            if member.wait is None or member.wait.outcome is None:
                continue
            if member.stage == ROLLING_BACK:
                member.conclude_rollback(member.wait, self._settings.wait_timeout)
            else:
                is_left = self._settings.on_failure == FAIL
                member.conclude(member.wait, self._settings.wait_timeout, advise=is_left)
                self._add_logs(member.wait)
            member.stage = ENDED

    def _add_logs(self, wait: Wait) -> None:
        """Add their logs to the failing tasks of a wait that has ended, before a rollback can remove them."""
        if wait.seen is not None:
            specs = [wait.service["Spec"], wait.service.get("PreviousSpec") or {}]
            self._logs.add_to(wait.tasks, specs, wait.seen.snapshot.nodes)

    def _give_up(self) -> None:
        """End what was not started; if the task is stopped, also the wait for services that it has not changed."""
        for member in self._in_stage(QUEUED):
            member.stage = ENDED
            member.give_up()
        if self.is_stopped():
            for member in self._in_stage(ROLLING):
                if not member.changed:
                    self.waiter.give_up(member.identifier)
                    member.stage = ENDED

    def _roll_back_some(self) -> None:
        """Roll back the services that `on_failure` asks for, newest first, unless that was done."""
        if self._settings.on_failure == FAIL or any(member.aftermath for member in self.members):
            return
        every = self._settings.on_failure == ROLLBACK_ALL
        for member in reversed(self.members):
            if member.changed and (every or member.problem) and member.outcome.may_be_rolled_back:
                self._roll_back(member)

    def _roll_back(self, member: Member) -> None:
        """Roll a member back unless somebody else has changed it since, and wait for what it ran before."""
        try:
            service, spec, warnings = self._request_rollback(member)
        except errors.RolloutError as error:
            member.fail_rollback(error)
            return
        failed = next(member for member in self.members if member.problem)
        member.go_back(spec, warnings, "its update failed" if member.problem else f"{failed.name} failed")
        self._wait_for(member, ROLLING_BACK, service)

    def _request_rollback(self, member: Member) -> Tuple[types.Service, types.ServiceSpec, List[str]]:
        """Have the engine roll a member back, unless that was already done.

        Returns the service, the spec that it goes back to, and the engine's warnings.
        """
        retry = Retry(self._clock, self._engine)
        service = retry.read(lambda: self._engine.service(member.identifier))
        present = Footprint.of(service)
        if member.footprint == present:
            written = self._writer.write(RollbackRequest(service))
            return service, service["PreviousSpec"], list(written.warnings)
        if member.footprint is None or member.footprint.previous != present.present:
            raise errors.UpdateConflict(
                "somebody else has changed it since, and their change would be lost. It was left as it is.", service
            )
        if was_rolled_back(service, since=member.service):
            return service, service["Spec"], []
        if service["Version"]["Index"] == member.service["Version"]["Index"]:
            member.give_up()
        raise errors.UpdateUnfinished("it has the same spec as before this task.")


def _first(members: List[Member], most: int, rest: str) -> List[str]:
    """The accounts of the first `most` members, and a line that counts the rest; if any, the worst come first."""
    left = len(members) - most
    if left > 0:
        members = sorted(members, key=lambda member: member.outcome == ROLLED_BACK)
    return [member.account for member in members[:most]] + ([rest.format(left)] if left > 0 else [])

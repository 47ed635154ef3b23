# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out what was decided: write, read back, wait, put back. Private to this collection."""

from __future__ import annotations

from typing import List

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import (
    EngineError,
    RolloutError,
    UpdateConflict,
    quote,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Convergence, Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import FAIL, Member, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import (
    CONVERGED,
    ROLLED_BACK,
    SUPERSEDED,
    Expectation,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import (
    NOT_STARTED,
    RolloutFailed,
    as_result,
    explain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollback import expectation_of, roll_back
from ansible_collections.swarmops.rollout.plugins.module_utils._service.update import Writer, removed

ROLLBACK_ALL = "rollback_all"


class Rollout:
    """One task's work on its services, in the order given; their entries tell what came of it."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings, members: List[Member]) -> None:
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._members = members
        self._writer = Writer(engine, clock)
        self._convergence = Convergence(engine, clock, Watch(engine))

    def run(self, single: bool) -> None:
        """Bring each service to its target. Raises RolloutFailed, which carries the task's result."""
        queue = list(self._members)
        while queue or self._convergence.active:
            self._start_some(queue)
            if self._convergence.active:
                self._conclude(self._convergence.observe())
            if self._has_failed():
                queue = self._give_up(queue)
            self._convergence.pause()
        if self._has_failed():
            entries = [member.entry for member in self._members]
            sentences = [member.problem for member in self._members if member.problem]
            sentences += self._put_back()
            raise RolloutFailed(" ".join(sentences), as_result(entries, single))

    def _has_failed(self) -> bool:
        return any(member.problem for member in self._members)

    def _give_up(self, queue: List[Member]) -> List[Member]:
        for member in queue:
            member.entry.give_up(NOT_STARTED)
        return []

    def _start_some(self, queue: List[Member]) -> None:
        """Start services until as many roll out as may, or one cannot be started."""
        started: List[Member] = []
        while queue and self._has_room(started):
            member = queue.pop(0)
            self._write(member)
            started.append(member)
            if member.problem:
                break
        self._read_back([member for member in started if member.written and member.written.held is None])
        for member in started:
            if self._settings.wait and not member.problem:
                member.wait = self._convergence.add(member.service, _expectation(member), self._settings.wait_timeout)

    def _has_room(self, started: List[Member]) -> bool:
        if not self._settings.max_parallel:
            return True
        rolling = [member for member in self._members if member.wait and not member.wait.outcome] + started
        return sum(1 for member in rolling if member.entry.changed) < self._settings.max_parallel

    def _write(self, member: Member) -> None:
        try:
            member.written = self._writer.write(member.service, member.target, self._settings.force, member.credential)
        except RolloutError as error:
            member.problem = member.entry.fail(error)
            return
        member.entry.take(member.written.plan, member.written.changed)
        member.entry.warnings += member.written.warnings
        if member.written.held is not None:
            member.entry.see(member.written.held)

    def _read_back(self, members: List[Member]) -> None:
        """Check what the engine holds of the services just written, with one request for all of them."""
        if not members:
            return
        patience = Patience(self._clock, self._engine)
        identifiers = [member.identifier for member in members]
        try:
            services = patience.read(lambda: self._engine.services({"id": identifiers}))
        except EngineError as error:
            for member in members:
                member.problem = (
                    f"The engine accepted the update of the service {name_of(member.service)}, but it could not be "
                    f"read back: {error} Run the task again to see how it stands."
                )
            return
        held = {service["ID"]: service for service in services}
        for member in members:
            try:
                if member.identifier not in held:
                    raise removed(member.service)
                if member.written:
                    member.written = member.written.read_back(held[member.identifier])
                    member.entry.see(held[member.identifier])
            except RolloutError as error:
                member.problem = str(error)

    def _conclude(self, ended: List[Wait]) -> None:
        waits = {id(wait) for wait in ended}
        for member in self._members:
            wait = member.wait
            if wait is None or id(wait) not in waits:
                continue
            member.entry.conclude(wait)
            if wait.outcome != CONVERGED:
                is_left = self._settings.on_failure == FAIL
                member.problem = explain(member.entry, wait.reason, self._settings.wait_timeout, advise=is_left)

    def _put_back(self) -> List[str]:
        """Roll back what the option on_failure says, newest first; gives a sentence for each."""
        if self._settings.on_failure == FAIL:
            return []
        every = self._settings.on_failure == ROLLBACK_ALL
        chosen = [member for member in reversed(self._members) if member.entry.changed and (every or member.problem)]
        chosen = [member for member in chosen if member.entry.outcome not in (ROLLED_BACK, SUPERSEDED)]
        said: List[str] = []
        waiting: List[Member] = []
        for member in chosen:
            try:
                service = self._roll_back(member)
            except RolloutError as error:
                said.append(f"{member.entry.name} was not put back: {error}")
                continue
            expected = expectation_of(service["PreviousSpec"])
            member.wait = self._convergence.add(service, expected, self._settings.wait_timeout)
            waiting.append(member)
        self._convergence.run()
        return said + [_tell_rollback(member) for member in waiting]

    def _roll_back(self, member: Member) -> Service:
        patience = Patience(self._clock, self._engine)
        service = patience.read(lambda: self._engine.service(member.identifier))
        attempt = member.written.attempt if member.written else None
        ours = (
            attempt is not None
            and service["Spec"] == attempt.sent
            and service.get("PreviousSpec") == attempt.read["Spec"]
        )
        if not ours:
            raise UpdateConflict(
                "somebody else has changed it since, and that would be lost. Theirs was left as it is.", service
            )
        member.entry.warnings += roll_back(self._engine, self._clock, service)
        return service


def _expectation(member: Member) -> Expectation:
    """What the service shall run, as it is written or already stored."""
    plan = member.written.plan if member.written else member.plan
    forced = "force_update" in plan.changes
    count = plan.spec["TaskTemplate"].get("ForceUpdate", 0)
    return Expectation(plan.after, member.target, count if forced else None)


def _tell_rollback(member: Member) -> str:
    wait = member.wait
    if wait is None or wait.judgement is None:
        return f"{member.entry.name} was rolled back, but how it stands could not be read."
    member.entry.see(wait.service)
    member.entry.running, member.entry.desired = wait.judgement.running, wait.judgement.desired
    if wait.outcome == CONVERGED:
        member.entry.outcome = ROLLED_BACK
        return f"{member.entry.name} was put back and runs {quote(stored_image(wait.service['Spec']))} again."
    return f"{member.entry.name} was put back, but has not converged ({wait.outcome}): {wait.reason}."

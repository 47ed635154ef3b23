# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look after the members of a rollout that are waited for. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest, Writer
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, was_rolled_back
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Convergence, Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import FAIL, Member, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    ENDED,
    GOING_BACK,
    NOT_STARTED,
    ROLLED_BACK,
    ROLLING,
    UPDATED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import explain

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


class Waiting:
    """The members that are on their way to what they shall run, or back to what they ran."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings) -> None:
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self._members: Dict[str, Member] = {}
        self.convergence = Convergence(engine, clock, Watch(engine))

    @property
    def left(self) -> float:
        """Seconds until the last member's time is over."""
        return max((wait.deadline for wait in self.convergence.active), default=0.0) - self._clock.now()

    def add(self, member: Member) -> None:
        """Wait until a member runs what it holds since it was written."""
        expected = Expectation(member.expected_image, member.target, member.force_update)
        self._wait_for(member, ROLLING, self.convergence.add(member.service, expected, self._settings.wait_timeout))

    def put_back(self, member: Member) -> None:
        """Roll a member back, if nobody else has changed it since, and wait until it runs what it ran."""
        try:
            service, spec = self._roll_back(member)
        except errors.RolloutError as error:
            is_known = not error.may_have_written
            member.aftermath = f"{member.entry.name} was not put back: {error}" if is_known else str(error)
            return
        expected = Expectation.of_spec(spec)
        member.expected_image, member.target, member.force_update = expected.image, None, expected.force_update
        member.entry.image_after, member.entry.version_after = expected.image, None
        self._wait_for(member, GOING_BACK, self.convergence.add(service, expected, self._settings.wait_timeout))

    def give_up(self, member: Member) -> None:
        """Wait no longer for a member."""
        self.convergence.give_up(self._members.pop(member.identifier).identifier)
        member.stage = ENDED

    def look(self) -> None:
        """See how the members stand, and take in what came of those that have ended."""
        for wait in self.convergence.observe():
            member = self._members.pop(wait.identifier)
            conclude = self._conclude_return if member.stage == GOING_BACK else self._conclude
            member.stage = ENDED
            conclude(member, wait)

    def pause(self) -> None:
        """Let time pass until there may be news."""
        self.convergence.pause()

    def _wait_for(self, member: Member, stage: str, wait: Wait) -> None:
        member.stage, member.wait = stage, wait
        self._members[member.identifier] = member

    def _conclude(self, member: Member, wait: Wait) -> None:
        member.entry.conclude(wait)
        if member.expected_image is None and wait.outcome != UPDATED:
            member.entry.outcome = str(wait.outcome)
        if wait.outcome == CONVERGED and member.entry.changed:
            member.entry.outcome = member.succeeds_as
        if wait.outcome != CONVERGED:
            is_left = self._settings.on_failure == FAIL
            member.problem = explain(member.entry, wait.reason, self._settings.wait_timeout, advise=is_left)

    def _conclude_return(self, member: Member, wait: Wait) -> None:
        entry = member.entry
        entry.outcome = ROLLED_BACK if wait.outcome == CONVERGED else str(wait.outcome)
        if wait.judgement is None:
            member.aftermath = f"{entry.name} was rolled back, but how it stands could not be read."
            return
        entry.see(wait.service)
        entry.running, entry.desired = wait.judgement.running, wait.judgement.desired
        if wait.outcome == CONVERGED:
            image = errors.quote(stored_image(wait.service["Spec"]))
            member.aftermath = f"{entry.name} was put back and runs {image} again."
        else:
            member.aftermath = f"{entry.name} was put back, but has not converged ({wait.outcome}): {wait.reason}."

    def _roll_back(self, member: Member) -> Tuple[types.Service, types.ServiceSpec]:
        """Have the engine roll a member back, unless that is done already; returns it, and the spec it goes back to."""
        patience = Patience(self._clock, self._engine)
        service = patience.read(lambda: self._engine.service(member.identifier))
        present = Footprint.of(service)
        if member.footprint == present:
            written = Writer(self._engine, self._clock).write(RollbackRequest(service))
            member.entry.warnings += written.warnings
            return service, service["PreviousSpec"]
        if member.footprint is None or member.footprint.previous != present.present:
            raise errors.UpdateConflict(
                "somebody else has changed it since, and that would be lost. Theirs was left as it is.", service
            )
        if was_rolled_back(service, since=member.service):
            return service, service["Spec"]
        if service["Version"]["Index"] == member.service["Version"]["Index"]:
            member.entry.give_up(NOT_STARTED)
        raise errors.UpdateUnfinished("its spec is the one that it had before this task.")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One service of a task, with all that is known about it. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief, told_apart
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    NOT_STARTED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UNCHANGED,
    UPDATED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Entry
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import QUEUED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Write
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, Written


class Member:
    """One service of a task, from its first reading to its entry in the result.

    `write` is what is to be written; None if the service is only waited for. `expected` is what it should hold during
    the wait. Afterwards `problem` says what went wrong, `standing` how it stands then, `advice` what to do next,
    `aftermath` what was done about it, and `cause`, in a few words, why the service goes back.
    """

    def __init__(
        self, service: types.Service, write: Optional[Write] = None, expected: Optional[Expectation] = None
    ) -> None:
        """Plan the write, if there is one. Raises UnsupportedService."""
        self.service = service
        self.write = write
        self.expected = expected or Expectation()
        self.stage = QUEUED
        self.warnings: List[str] = []
        self.wait: Optional[Wait] = None
        self.problem = ""
        self.standing = ""
        self.advice = ""
        self.cause = ""
        self.aftermath = ""
        self.is_looked_into = False  # whether its tasks were searched for what went wrong
        self.outcome: Outcome = UNCHANGED
        self.changed = False
        self.written: Optional[Written] = None
        self._changes: Mapping[str, Tuple[Any, Any]] = {}
        self._lost_footprint: Optional[Footprint] = None
        self._image_before = stored_image(service["Spec"])
        self._image_after: Optional[str] = self._image_before
        self._version_after: Optional[int] = service["Version"]["Index"]
        self._running: Optional[int] = None
        self._desired: Optional[int] = None
        self.tasks: List[Dict[str, Any]] = []
        planned = write.plan(service) if write else None
        if planned is not None:
            self.changed, self.outcome, self._changes = True, UPDATED, planned.changes
            self._image_after, self._version_after = stored_image(planned.sent), None

    @property
    def identifier(self) -> str:
        """The service's ID."""
        return self.service["ID"]

    @property
    def name(self) -> str:
        """The service's name."""
        return name_of(self.service)

    @property
    def footprint(self) -> Optional[Footprint]:
        """What this task's update left in the service, or may have left; None if it made none."""
        footprint = self.written.footprint if self.written else None
        return footprint or self._lost_footprint

    @property
    def entry(self) -> Entry:
        """The service's entry in the task's result."""
        return Entry(
            self.service,
            self._image_before,
            self._image_after,
            self._version_after,
            self.changed,
            self.outcome,
            self._changes,
            self.warnings,
            self._running,
            self._desired,
            self.tasks,
        )

    def take(self, written: Written) -> None:
        """Record the result of the write, which may differ from the plan because of another writer."""
        attempt = written.attempt if written.changed else None
        self.written = written
        self.changed = written.changed
        self.outcome = UPDATED if written.changed else UNCHANGED
        self._changes = attempt.changes if attempt else {}
        self._image_after = stored_image(attempt.sent if attempt else written.read["Spec"])
        self.warnings += written.warnings
        if written.held is not None:
            self._see(written.held)
        if self.write is not None:
            self.expected = self.write.expectation(written)

    def read_back(self, held: types.Service) -> None:
        """Record the service as the engine holds it after the write."""
        if self.written is not None:
            self.written = self.written._replace(held=held)
            self._see(held)
            try:
                self.written.check()
            except errors.ReadBackMismatch as error:
                self.problem = str(error)

    def fail(self, error: errors.RolloutError) -> None:
        """Record that nothing was written, or that this is not known."""
        is_theirs = isinstance(error, (errors.UpdateConflict, errors.ServiceNotFound))
        if error.may_have_written:
            self.changed, self.outcome = True, SUPERSEDED if is_theirs else TIMED_OUT
            self._image_after = self._version_after = None
        else:
            self.give_up(SUPERSEDED if is_theirs else NOT_STARTED)
        if isinstance(error, errors.UpdateConflict):
            self._see(error.held)
        if isinstance(error, errors.UpdateUnfinished):
            self._lost_footprint = error.lost
        refusal = f"{self.name}: the engine refused the change, and the service was left as it is. "
        self.problem = f"{refusal if isinstance(error, errors.ApiError) else ''}{error}"

    def lose(self, problem: str, outcome: Optional[Outcome] = None) -> None:
        """Record why the service cannot be followed after the write."""
        self.problem = problem
        self.outcome = outcome or self.outcome

    def give_up(self, outcome: Outcome = NOT_STARTED) -> None:
        """Record that nothing was written."""
        self.changed, self._changes, self.outcome = False, {}, outcome
        self._image_after, self._version_after = self._image_before, self.service["Version"]["Index"]

    @property
    def change(self) -> str:
        """What is to change, for people: `from whoami:0.7 to whoami:0.6`; empty if the image stays."""
        if "image" in self._changes:
            return "from {} to {}".format(*told_apart(*map(str, self._changes["image"])))
        return f"{brief(self._image_before)} once more" if "force_update" in self._changes else ""

    def go_back(self, spec: types.ServiceSpec, warnings: List[str], cause: str = "") -> None:
        """Record that the service is being rolled back to a spec; `cause` says why, if this service has not failed."""
        self.cause = self.cause or cause
        self.expected = Expectation.of_spec(spec)
        self._image_after, self._version_after = self.expected.image, None
        self.warnings += warnings

    def fail_rollback(self, error: errors.RolloutError) -> None:
        """Take in that the service was not put back, or that nobody knows whether it was."""
        if error.may_have_written:
            self.outcome, self._image_after, self._version_after = TIMED_OUT, None, None
        is_known = not error.may_have_written
        self.aftermath = f"not put back: {error}" if is_known else str(error)

    def conclude(self, wait: Wait, limit: float, advise: bool) -> None:
        """Record how the wait ended. `limit` is its limit in seconds; `advise` adds what to do about a failure."""
        self._look_back(wait)
        self.tasks = wait.tasks
        if wait.outcome == CONVERGED:
            self.outcome = self._success
            return
        self.outcome = UNCHANGED if wait.outcome == UPDATED and not self.changed else wait.outcome or TIMED_OUT
        self.is_looked_into = wait.is_looked_into
        facts = wait.facts(self._wanted, limit)._replace(outcome=self.outcome)
        self.problem, self.standing = f"{self.name}: {facts.problem}", facts.standing
        self.advice = self.outcome.advice if advise else ""
        self.cause = facts.cause

    def conclude_rollback(self, wait: Wait, limit: float) -> None:
        """Record how the wait ended for the rollback that followed a problem. `limit` is its limit in seconds."""
        self._look_back(wait)
        self.outcome = ROLLED_BACK if wait.outcome == CONVERGED else wait.outcome or TIMED_OUT
        if wait.outcome == CONVERGED:
            self.aftermath = f"put back, {wait.facts(self._wanted, limit)._replace(outcome=ROLLED_BACK).now}"
            return
        back = wait.facts(self.expected.image or self._image_before, limit)
        if wait.status is None or wait.outcome == UPDATED:
            self.aftermath = f"put back, but how it stands could not be read ({back.evidence})"
        else:
            self.aftermath = "; ".join(filter(None, (f"put back, but {back.problem}", back.standing)))

    @property
    def account(self) -> str:
        """What became of the service, on one line; empty if there is nothing to tell."""
        if not self.problem:
            return f"{self.name}: {_ended(self.aftermath)}" if self.aftermath else ""
        rest = self.aftermath or self.standing
        if self.problem.endswith("."):
            said = " ".join(filter(None, (self.problem, _ended(rest[:1].upper() + rest[1:]))))
        else:
            said = _ended("; ".join(filter(None, (self.problem, rest))))
        return said if self.aftermath or not self.advice else f"{said} {self.advice}"

    @property
    def _wanted(self) -> str:
        """The image that the service should run, as it is stored."""
        return str(self._changes["image"][1]) if "image" in self._changes else self._image_before

    @property
    def _success(self) -> Outcome:
        """The outcome if the service runs what it should."""
        if self.changed and self.write is not None:
            return self.write.success
        return UNCHANGED if self.expected.image is not None else CONVERGED

    def _look_back(self, wait: Wait) -> None:
        """Record how the service was last seen, if it was."""
        if wait.status is not None:
            self._see(wait.service)
            self._running, self._desired = wait.status.running, wait.status.desired

    def _see(self, service: types.Service) -> None:
        """Record the service as the engine holds it now."""
        self._image_after = stored_image(service["Spec"])
        self._version_after = service["Version"]["Index"]


def _ended(text: str) -> str:
    """A sentence with its full stop."""
    return text if not text or text.endswith(".") else f"{text}."

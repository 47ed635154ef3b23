# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write one service by compare-and-swap, and tell truly what came of it. Private to this collection.

One loop serves every kind of write. Whatever goes wrong in it ends in one of three statements: it was done (a result),
it was not done (an error), it is not known (an error that `may_have_written`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, List, Optional, Union

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import (
    LAST_LOOK,
    PASSING_FAILURES,
    Clock,
    Retry,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED, ROLLED_BACK
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, rollback_changes
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    deployment,
    name_of,
    spec_secrets,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

TRIED_AGAIN = (errors.OutOfSequence, *PASSING_FAILURES)
UNANSWERED = (errors.AnswerLost, errors.SwarmUnavailable)


class Write:
    """One kind of write to one service, `service` being how it was read first. Words and rules, no calls but `send`.

    `success` is the outcome where the service then runs what was written.
    """

    success = CONVERGED

    def __init__(self, service: types.Service) -> None:
        self.service = service

    @property
    def name(self) -> str:
        """The service's name."""
        return name_of(self.service)

    @property
    def secrets(self) -> List[str]:
        """What no message may show."""
        return spec_secrets(self.service["Spec"]) + spec_secrets(self.service.get("PreviousSpec") or {})

    def plan(self, read: types.Service) -> Optional[Attempt]:
        """What to send, by how the service was read last; None where nothing is to be done."""
        raise NotImplementedError

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Send it, once; returns the engine's warnings. Raises EngineError."""
        raise NotImplementedError

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an attempt whose answer was lost was carried out, by what the service looks like now."""
        raise NotImplementedError

    def expectation(self, written: Written) -> Expectation:
        """What the service should hold from then on."""
        raise NotImplementedError

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Leave a service alone that somebody else has changed; `lost` is unanswered. Raises UpdateConflict."""
        raise NotImplementedError

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error where the service was read last without what was to be written."""
        raise NotImplementedError

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error where an answer was lost and the service cannot be read since."""
        raise NotImplementedError


class Update(Write):
    """Bring a service to a wanted change.

    `credential` is what the engine hands to the service for its registry; None keeps what it has stored.
    """

    def __init__(self, service: types.Service, change: ImageChange, credential: Optional[Credential] = None) -> None:
        super().__init__(service)
        self.change = change
        self.credential = credential

    @property
    def secrets(self) -> List[str]:
        """What no message may show, the credential's texts among it."""
        return super().secrets + (self.credential.secrets if self.credential else [])

    def plan(self, read: types.Service) -> Optional[Attempt]:
        """The spec with the change in it; None where it is met. Raises UnsupportedService."""
        if self.change.is_met_by(read["Spec"], since=self.service["Spec"]):
            return None
        plan = self.change.plan(read["Spec"])
        return Attempt(read, plan.spec, plan.changes)

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Send the whole spec."""
        header = self.credential.header() if self.credential else None
        return engine.update_service(attempt.read, attempt.sent, header)

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an update whose answer was lost was carried out."""
        return self.change.has_landed(attempt, now)

    def expectation(self, written: Written) -> Expectation:
        """The image that was written, in any spelling, and where it was forced its count."""
        if written.attempt is None:
            return Expectation(stored_image(written.read["Spec"]), self.change.target)
        image, count = deployment(written.attempt.sent)
        is_forced = "force_update" in written.attempt.changes
        return Expectation(image, self.change.target, count if is_forced else None)

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Leave a service alone in which somebody else has set another image. Raises UpdateConflict."""
        ours, theirs = stored_image(self.service["Spec"]), stored_image(now["Spec"])
        if theirs == ours or self.change.accepts(theirs):
            return
        fate = (
            "whether an update of this task was carried out before is not known, since its answer never came."
            if lost
            else "nothing of this task was written to the service."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: while this task went from {errors.quote(ours)} to "
            f"{self.change.shown()}, somebody else set {errors.quote(theirs)}. Theirs was left as it is; {fate} "
            "Run the task again if its image should win.",
            now,
            may_have_written=lost is not None,
        )

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error where the service was read last without the update."""
        return errors.UpdateUnfinished(
            f"The service {self.name} could not be brought to the wanted image in time. When it was read last, it "
            f"had not been updated. The last answer: {last} Run the task again when the swarm answers."
        )

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error where an update's answer was lost and the service cannot be read since."""
        return errors.UpdateUnfinished(
            f"It is not known whether the service {self.name} was updated: an update was sent, its answer never "
            f"came, and the service cannot be read since. The last answer: {last} Run the task again when the swarm "
            "answers.",
            lost=lost.footprint,
        )


class RollbackRequest(Write):
    """Have the engine put a service back to the PreviousSpec that it was read with.

    Where somebody else wrote in between, nothing is rolled back.
    """

    success = ROLLED_BACK

    def plan(self, read: types.Service) -> Optional[Attempt]:
        """The previous spec; there is always something to do."""
        return Attempt(read, self.service["PreviousSpec"], rollback_changes(self.service))

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Ask for the rollback."""
        return engine.roll_back_service(attempt.read)

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether a rollback whose answer was lost was carried out."""
        return attempt.has_landed(now, deployment)

    def expectation(self, _written: Written) -> Expectation:
        """The previous spec."""
        return Expectation.of_spec(self.service["PreviousSpec"])

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Leave a service alone whose specs are not those that were read. Raises UpdateConflict."""
        if all(now.get(name) == self.service.get(name) for name in ("Spec", "PreviousSpec")):
            return
        fate = (
            "Whether it was rolled back before is not known, since the answer never came."
            if lost
            else "It was not rolled back."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: somebody else changed it before it could be rolled back. "
            f"Theirs was left as it is. {fate}",
            now,
            may_have_written=lost is not None,
        )

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error where the service was read last as it was."""
        return errors.UpdateUnfinished(
            f"The service {self.name} could not be rolled back in time. When it was read last, it had not been rolled "
            f"back. The last answer: {last} Run the task again when the swarm answers."
        )

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error where the answer was lost and the service cannot be read since."""
        return errors.UpdateUnfinished(
            f"It is not known whether the service {self.name} was rolled back: it was asked for, the answer never "
            f"came, and the service cannot be read since. The last answer: {last} Look at the service before you run "
            "the task again: a second rollback would undo the first.",
            lost=lost.footprint,
        )


class Writer:
    """Carries out writes, each at most once, whatever happens on the way.

    The bound on trying again is the time of one call.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def write(self, write: Write) -> Written:
        """Plan, send, and where that fails read again and see, until it is done or cannot be.

        No request where nothing is to be done. Raises UpdateConflict where somebody else was there first,
        UpdateUnfinished where the time is spent or the engine is a manager no more, ServiceRemoved, ApiError where
        the engine refuses what it is sent.
        """
        retry = Retry(self._clock, self._engine)
        unanswered: List[Attempt] = []
        read = write.service
        while True:
            attempt = write.plan(read)
            if attempt is None:
                return Written(read, changed=False, held=read)
            sent = self._send(write, attempt, retry)
            if not isinstance(sent, errors.EngineError):
                return Written(read, changed=True, attempt=attempt, warnings=sent)
            if isinstance(sent, UNANSWERED) and not isinstance(sent, errors.ManagerNotReady):
                unanswered.append(attempt)
            lost = unanswered[-1] if unanswered else None
            is_refused = not isinstance(sent, TRIED_AGAIN)
            if is_refused and lost is None and not isinstance(sent, errors.NotFound):
                raise _refusal(write, sent)
            goes_on = not is_refused and retry.lasts()
            read = self._read_again(write, retry, sent, lost)
            landed = next((attempt for attempt in unanswered if write.has_landed(attempt, read)), None)
            if landed is not None:
                return Written(landed.read, changed=True, held=read, attempt=landed)
            write.refuse_conflict(read, lost)
            if not goes_on and write.plan(read) is not None:
                raise _refusal(write, sent)

    def _send(self, write: Write, attempt: Attempt, retry: Retry) -> Union[List[str], errors.EngineError]:
        """The engine's warnings, or why there was no success."""
        try:
            return retry.call(partial(write.send, self._engine, attempt))
        except errors.EngineError as error:
            return _scrubbed(write, error)

    def _read_again(
        self, write: Write, spent: Retry, last: errors.EngineError, lost: Optional[Attempt]
    ) -> types.Service:
        """Read on what is left of the budget, or a little more: what became of a lost answer is worth the wait."""
        seconds = min(self._engine.call_timeout, max(LAST_LOOK, spent.remaining))
        retry = Retry(self._clock, self._engine, seconds)
        try:
            return retry.read(lambda: self._engine.service(write.service["ID"]))
        except errors.NotFound:
            raise removed(write.service, may_have_written=lost is not None) from None
        except errors.EngineError as error:
            scrubbed = _scrubbed(write, error)
            raise (write.unfinished(scrubbed) if lost is None else write.unknown(scrubbed, lost)) from last


def removed(service: types.Service, may_have_written: bool = False) -> errors.ServiceRemoved:
    """The error for a service that went away while a task was at work on it."""
    return errors.ServiceRemoved(name_of(service), may_have_written)


def _refusal(write: Write, last: errors.EngineError) -> errors.RolloutError:
    """The error where the engine wants no more tries, or there is no time for them, and nothing was written."""
    is_final = isinstance(last, errors.ApiError) and not isinstance(last, TRIED_AGAIN)
    return last if is_final else write.unfinished(last)


def _scrubbed(write: Write, error: errors.EngineError) -> errors.EngineError:
    return error.scrubbed(write.secrets) if isinstance(error, errors.ApiError) else error

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write one service by compare-and-swap, and report truthfully what came of it. Private to this collection.

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
from ansible_collections.swarmops.rollout.plugins.module_utils._image import told_apart
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
    """One kind of write to one service: its rules and messages. Only `send` makes a call.

    `service` is the service as it was first read. `success` is the outcome if the service then runs what was written.
    `done_by_others` is the warning if another writer made this write needless; empty where that needs none.
    """

    success = CONVERGED
    done_by_others = ""

    def __init__(self, service: types.Service) -> None:
        self.service = service

    @property
    def name(self) -> str:
        """The service's name."""
        return name_of(self.service)

    @property
    def secrets(self) -> List[str]:
        """The texts that no message may show."""
        return spec_secrets(self.service["Spec"]) + spec_secrets(self.service.get("PreviousSpec") or {})

    def plan(self, read: types.Service, lost: Optional[Attempt] = None) -> Optional[Attempt]:
        """What to send, by how the service was last read; None if there is nothing to do.

        `lost` is an attempt whose answer was lost, and which is not known to have been carried out.
        """
        raise NotImplementedError

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Send it, once; returns the engine's warnings. Raises EngineError."""
        raise NotImplementedError

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an attempt whose answer was lost was carried out, judging by the service as it is now."""
        raise NotImplementedError

    def may_have_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an attempt that has not certainly landed still may have, since such a write leaves no sure trace."""
        del attempt, now
        return False

    def expectation(self, written: Written) -> Expectation:
        """What the service should hold after the write."""
        raise NotImplementedError

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Raises UpdateConflict if somebody else has changed the service; `lost` is an unanswered attempt."""
        raise NotImplementedError

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error if the service, when last read, did not hold what was to be written."""
        raise NotImplementedError

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error if an answer was lost and the service cannot be read any more."""
        raise NotImplementedError


class SpecWrite(Write):
    """A write of a whole spec.

    `credential` is the one that the engine stores with the service for its registry; None keeps the stored one.
    """

    def __init__(self, service: types.Service, credential: Optional[Credential] = None) -> None:
        super().__init__(service)
        self.credential = credential

    @property
    def secrets(self) -> List[str]:
        """The texts that no message may show, including those of the credential."""
        return super().secrets + (self.credential.secrets if self.credential else [])

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Send the whole spec, and the credential in its header."""
        header = self.credential.header() if self.credential else None
        return engine.update_service(attempt.read, attempt.sent, header)


class Update(SpecWrite):
    """A write that makes a wanted change to a service."""

    def __init__(self, service: types.Service, change: ImageChange, credential: Optional[Credential] = None) -> None:
        super().__init__(service, credential)
        self.change = change

    def plan(self, read: types.Service, lost: Optional[Attempt] = None) -> Optional[Attempt]:
        """The spec with the change in it; None if it has the change already. Raises UnsupportedService."""
        del lost
        if self.change.is_met_by(read["Spec"], since=self.service["Spec"]):
            return None
        plan = self.change.plan(read["Spec"])
        return Attempt(read, plan.spec, plan.changes)

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an update whose answer was lost was carried out."""
        return self.change.has_landed(attempt, now)

    def expectation(self, written: Written) -> Expectation:
        """The image that was written, in any spelling, and for a forced update its counter."""
        if written.attempt is None:
            return Expectation(stored_image(written.read["Spec"]), self.change.target)
        image, count = deployment(written.attempt.sent)
        is_forced = "force_update" in written.attempt.changes
        return Expectation(image, self.change.target, count if is_forced else None)

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Raises UpdateConflict if somebody else has set another image."""
        images = stored_image(self.service["Spec"]), self.change.shown(), stored_image(now["Spec"])
        if images[2] == images[0] or self.change.accepts(images[2]):
            return
        ours, wanted, theirs = told_apart(*images)
        fate = (
            "whether an update of this task was carried out before is not known, since its answer never came."
            if lost
            else "nothing of this task was written to the service."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: while this task went from {ours} to {wanted}, somebody else set "
            f"{theirs}. Their change was left as it is; {fate} "
            "Run the task again if its image should win.",
            now,
            may_have_written=lost is not None,
        )

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error if the service, when last read, did not have the update."""
        return errors.UpdateUnfinished(
            f"The service {self.name} could not be updated to the wanted image in time. When it was read last, it "
            f"had not been updated. The last answer: {last} Run the task again when the swarm answers."
        )

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error if an update's answer was lost and the service cannot be read any more."""
        return errors.UpdateUnfinished(
            f"It is not known whether the service {self.name} was updated: an update was sent, its answer never "
            f"came, and the service could not be read since. The last answer: {last} Run the task again when the swarm "
            "answers.",
            lost=lost.footprint,
        )


class RollbackRequest(Write):
    """Asks the engine to restore the PreviousSpec that the service was read with.

    If somebody else wrote in between, nothing is rolled back.
    """

    success = ROLLED_BACK

    def plan(self, read: types.Service, lost: Optional[Attempt] = None) -> Optional[Attempt]:
        """The previous spec; there is always something to do."""
        del lost
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
        """Raises UpdateConflict if the specs are not those that were read."""
        if all(now.get(name) == self.service.get(name) for name in ("Spec", "PreviousSpec")):
            return
        fate = (
            "Whether it was rolled back before is not known, since the answer never came."
            if lost
            else "It was not rolled back."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: somebody else changed it before it could be rolled back. "
            f"Their change was left as it is. {fate}",
            now,
            may_have_written=lost is not None,
        )

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error if the service, when last read, was still as before."""
        return errors.UpdateUnfinished(
            f"The service {self.name} could not be rolled back in time. When it was read last, it had not been rolled "
            f"back. The last answer: {last} Run the task again when the swarm answers."
        )

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error if the answer was lost and the service cannot be read any more."""
        return errors.UpdateUnfinished(
            f"It is not known whether the service {self.name} was rolled back: a rollback was sent, its answer never "
            f"came, and the service could not be read since. The last answer: {last} Look at the service before you "
            "run the task again: a second rollback would undo the first.",
            lost=lost.footprint,
        )


class Writer:
    """Carries out writes, each at most once if it leaves a trace, whatever goes wrong.

    It tries again for at most as long as one call may take.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def write(self, write: Write) -> Written:
        """Plan and send; after a failure read the service again, until it is done or cannot be done.

        Sends nothing if there is nothing to do. Raises UpdateConflict if somebody else wrote first, UpdateUnfinished if
        the time is spent or the engine is no longer a manager, ServiceRemoved, ApiError if the engine refuses what it
        is sent.
        """
        retry = Retry(self._clock, self._engine)
        unanswered: List[Attempt] = []
        lost: Optional[Attempt] = None
        read = write.service
        while True:
            attempt = write.plan(read, lost)
            if attempt is None:
                return Written(read, changed=False, held=read, warnings=list(filter(None, [write.done_by_others])))
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
            if not goes_on and write.plan(read, lost) is not None:
                is_open = any(write.may_have_landed(attempt, read) for attempt in unanswered)
                raise write.unknown(sent, unanswered[-1]) if is_open else _refusal(write, sent)

    def _send(self, write: Write, attempt: Attempt, retry: Retry) -> Union[List[str], errors.EngineError]:
        """Send an attempt. Returns the engine's warnings, or the error."""
        try:
            return retry.call(partial(write.send, self._engine, attempt))
        except errors.EngineError as error:
            return _scrubbed(write, error)

    def _read_again(
        self, write: Write, spent: Retry, last: errors.EngineError, lost: Optional[Attempt]
    ) -> types.Service:
        """Read within what is left of the budget, or a little more: the fate of a lost answer is worth the wait."""
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
    """The error for a service that was removed while a task was working on it."""
    return errors.ServiceRemoved(name_of(service), may_have_written)


def _refusal(write: Write, last: errors.EngineError) -> errors.RolloutError:
    """The error if nothing was written, and another try is useless or there is no time for one."""
    is_final = isinstance(last, errors.ApiError) and not isinstance(last, TRIED_AGAIN)
    return last if is_final else write.unfinished(last)


def _scrubbed(write: Write, error: errors.EngineError) -> errors.EngineError:
    return error.scrubbed(write.secrets) if isinstance(error, errors.ApiError) else error

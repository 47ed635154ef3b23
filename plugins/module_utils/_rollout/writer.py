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

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import (
    LAST_LOOK,
    PASSING_FAILURES,
    Clock,
    Patience,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    ImageChange,
    name_of,
    spec_secrets,
    stored_image,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

TRIED_AGAIN = (errors.OutOfSequence, *PASSING_FAILURES)
UNANSWERED = (errors.AnswerLost, errors.SwarmUnavailable)


class Write:
    """One kind of write to one service, `service` being how it was read first. Words and rules, no calls but `send`."""

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
        self._change = change
        self._credential = credential

    @property
    def secrets(self) -> List[str]:
        """What no message may show, the credential's texts among it."""
        return super().secrets + (self._credential.secrets if self._credential else [])

    def plan(self, read: types.Service) -> Optional[Attempt]:
        """The spec with the change in it; None where it is met. Raises UnsupportedService."""
        if self._change.is_met_by(read["Spec"], since=self.service["Spec"]):
            return None
        return Attempt(read, self._change.apply(read["Spec"]))

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Send the whole spec."""
        header = self._credential.header() if self._credential else None
        return engine.update_service(attempt.read, attempt.sent, header)

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Leave a service alone in which somebody else has set another image. Raises UpdateConflict."""
        ours, theirs = stored_image(self.service["Spec"]), stored_image(now["Spec"])
        if theirs == ours or self._change.accepts(theirs):
            return
        fate = (
            "whether an update of this task was carried out before is not known, since its answer never came."
            if lost
            else "nothing of this task was written to the service."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: while this task went from {errors.quote(ours)} to "
            f"{self._change.shown()}, somebody else set {errors.quote(theirs)}. Theirs was left as it is; {fate} "
            "Run the task again if its image shall win.",
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

    def plan(self, read: types.Service) -> Optional[Attempt]:
        """The previous spec; there is always something to do."""
        return Attempt(read, self.service["PreviousSpec"])

    def send(self, engine: Engine, attempt: Attempt) -> List[str]:
        """Ask for the rollback."""
        return engine.roll_back_service(attempt.read)

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
        patience = Patience(self._clock, self._engine)
        unanswered: List[Attempt] = []
        read = write.service
        while True:
            attempt = write.plan(read)
            if attempt is None:
                return Written(read, changed=False, held=read)
            sent = self._send(write, attempt, patience)
            if not isinstance(sent, errors.EngineError):
                return Written(read, changed=True, attempt=attempt, warnings=sent)
            if isinstance(sent, UNANSWERED) and not isinstance(sent, errors.ManagerNotReady):
                unanswered.append(attempt)
            lost = unanswered[-1] if unanswered else None
            is_refused = not isinstance(sent, TRIED_AGAIN)
            if is_refused and lost is None and not isinstance(sent, errors.NotFound):
                raise _refusal(write, sent)
            goes_on = not is_refused and patience.lasts()
            read = self._read_again(write, patience, sent, lost)
            landed = next((attempt for attempt in unanswered if attempt.has_landed(read)), None)
            if landed is not None:
                return Written(landed.read, changed=True, held=read, attempt=landed)
            write.refuse_conflict(read, lost)
            if not goes_on and write.plan(read) is not None:
                raise _refusal(write, sent)

    def _send(self, write: Write, attempt: Attempt, patience: Patience) -> Union[List[str], errors.EngineError]:
        """The engine's warnings, or why there was no success."""
        try:
            return patience.call(partial(write.send, self._engine, attempt))
        except errors.EngineError as error:
            return _scrubbed(write, error)

    def _read_again(
        self, write: Write, spent: Patience, last: errors.EngineError, lost: Optional[Attempt]
    ) -> types.Service:
        """Read on what is left of the budget, or a little more: what became of a lost answer is worth the wait."""
        seconds = min(self._engine.call_timeout, max(LAST_LOOK, spent.remaining))
        patience = Patience(self._clock, self._engine, seconds)
        try:
            return patience.read(lambda: self._engine.service(write.service["ID"]))
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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write one service by compare-and-swap, and tell truly what came of it. Private to this collection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, List, NamedTuple, Optional, Sequence, Tuple, Union

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import (
    LAST_LOOK,
    PASSING_FAILURES,
    Clock,
    Patience,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Plan,
    Target,
    differing_fields,
    fingerprint,
    make_plan,
    name_of,
    spec_secrets,
    stored_image,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


class Footprint(NamedTuple):
    """The fingerprints of a service's present and previous spec."""

    present: str
    previous: str

    @classmethod
    def of(cls, service: types.Service) -> Footprint:
        """Of a service as the engine holds it."""
        return cls(fingerprint(service["Spec"]), fingerprint(service.get("PreviousSpec")))


class Attempt(NamedTuple):
    """An update that was sent: the service it was planned on, and the spec that was sent."""

    read: types.Service
    sent: types.ServiceSpec

    @property
    def footprint(self) -> Footprint:
        """What the update leaves in the service."""
        return Footprint(fingerprint(self.sent), fingerprint(self.read["Spec"]))

    def has_landed(self, now: types.Service) -> bool:
        """Whether an update whose answer was lost was carried out, by what the service looks like now.

        Others may have written since: a later writer leaves ours as PreviousSpec, or at least what we changed. The
        swarm's own rollback puts the old spec back (swarmkit, manager/orchestrator/update/updater.go).
        """
        if now["Version"]["Index"] == self.read["Version"]["Index"]:
            return False
        if self.sent in (now["Spec"], now.get("PreviousSpec")):
            return True
        if now["Spec"] == self.read["Spec"]:
            return self._was_rolled_back(now)
        return _written_part(now["Spec"]) == _written_part(self.sent)

    def _was_rolled_back(self, now: types.Service) -> bool:
        status, before = (service.get("UpdateStatus") or {} for service in (now, self.read))
        is_new = status.get("StartedAt") != before.get("StartedAt")
        return is_new and status.get("State", "").startswith("rollback")

    def lost_fields(self, held: types.Service) -> List[str]:
        """The fields that the engine does not hold as they were sent.

        Told only where the service has been written once since it was read: later writers may change what they like.
        """
        if held["Spec"] == self.sent or held.get("PreviousSpec") != self.read["Spec"]:
            return []
        return differing_fields(self.sent, held["Spec"])


class Written(NamedTuple):
    """What came of a write.

    `before` is the service as it was first read, `plan` the last decision. `held` is the service as read
    since; None where an accepted update is still to be read back.
    """

    before: types.Service
    plan: Plan
    changed: bool
    held: Optional[types.Service] = None
    attempt: Optional[Attempt] = None
    warnings: Sequence[str] = ()

    def read_back(self, held: types.Service) -> Written:
        """Take the service as the engine holds it now. Raises ReadBackMismatch where it is not what was sent."""
        fields = self.attempt.lost_fields(held) if self.attempt else []
        if fields:
            raise errors.ReadBackMismatch(
                f"The service {name_of(held)} was updated, but the engine does not hold the spec that it was sent. "
                f"These fields differ: {', '.join(fields)}. A manager of the swarm may be too old to know them: "
                "compare docker service inspect with what you expect."
            )
        return self._replace(held=held)


class Writer:
    """Brings a service to its target, at most once, whatever happens on the way.

    The bound on trying again is the time of one call.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def write(
        self, service: types.Service, target: Target, force: bool = False, credential: Optional[Credential] = None
    ) -> Written:
        """Plan on `service` and write until the target is met; no request where it is met already.

        `credential` is what the engine hands to the service for its registry; None keeps what it has stored. Raises
        UpdateConflict where somebody else sets another image, UpdateUnfinished where the time is spent,
        ServiceNotFound where the service is removed, ApiError where the engine refuses the spec.
        """
        patience = Patience(self._clock, self._engine)
        unanswered: List[Attempt] = []
        read = service
        while True:
            plan = make_plan(read["Spec"], target, force)
            if not plan.needed:
                return Written(service, plan, changed=False, held=read)
            attempt = Attempt(read, plan.spec)
            try:
                sent = patience.call(partial(self._send, attempt, credential))
            except errors.ApiError as error:
                raise (_unknown(service, error) if unanswered else error) from None
            if not isinstance(sent, errors.EngineError):
                return Written(service, plan, changed=True, attempt=attempt, warnings=sent)
            if isinstance(sent, (errors.AnswerLost, errors.SwarmUnavailable)):
                unanswered.append(attempt)
            goes_on = patience.lasts()
            read = self._read_again(service, patience, sent, bool(unanswered))
            landed = next((attempt for attempt in unanswered if attempt.has_landed(read)), None)
            if landed is not None:
                return Written(service, plan, changed=True, held=read, attempt=landed)
            refuse_conflict(service, read, target, bool(unanswered))
            if not goes_on:
                raise _unfinished(service, sent)

    def _send(self, attempt: Attempt, credential: Optional[Credential]) -> Union[List[str], errors.EngineError]:
        """The engine's warnings, or the passing failure. Raises ApiError for a refusal, ServiceNotFound."""
        header = credential.header() if credential else None
        try:
            return self._engine.update_service(attempt.read, attempt.sent, header)
        except errors.NotFound:
            raise removed(attempt.read) from None
        except errors.ApiError as error:
            secrets = spec_secrets(attempt.read["Spec"]) + (credential.secrets if credential else [])
            scrubbed = error.scrubbed(secrets)
            if not isinstance(error, (errors.OutOfSequence, *PASSING_FAILURES)):
                raise scrubbed from None
            return scrubbed
        except PASSING_FAILURES as error:
            return error

    def _read_again(
        self, service: types.Service, spent: Patience, last: errors.EngineError, unanswered: bool
    ) -> types.Service:
        """Read on what is left of the budget, or a little more: what became of a lost answer is worth the wait."""
        seconds = min(self._engine.call_timeout, max(LAST_LOOK, spent.remaining))
        patience = Patience(self._clock, self._engine, seconds)
        try:
            return patience.read(lambda: self._engine.service(service["ID"]))
        except errors.NotFound:
            raise removed(service) from None
        except errors.EngineError as error:
            raise (_unknown if unanswered else _unfinished)(service, error) from last


def _written_part(spec: types.ServiceSpec) -> Tuple[str, int]:
    """What an update of this collection changes in a spec."""
    return stored_image(spec), spec["TaskTemplate"].get("ForceUpdate", 0)


def refuse_conflict(service: types.Service, now: types.Service, target: Target, unanswered: bool) -> None:
    """Leave a service alone in which somebody else has set another image meanwhile. Raises UpdateConflict."""
    ours, theirs = stored_image(service["Spec"]), stored_image(now["Spec"])
    if theirs != ours and not target.is_met_by(theirs):
        fate = (
            "whether an update of this task was carried out before is not known, since its answer never came."
            if unanswered
            else "nothing of this task was written to the service."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {name_of(service)}: while this task went from {errors.quote(ours)} to "
            f"{target.reference.familiar}, somebody else set {errors.quote(theirs)}. Theirs was left as it is; {fate} "
            "Run the task again if its image shall win.",
            now,
        )


def _unfinished(service: types.Service, last: errors.EngineError) -> errors.UpdateUnfinished:
    """The error where the service was read last without the update."""
    return errors.UpdateUnfinished(
        f"The service {name_of(service)} could not be brought to the wanted image in time. When it was read last, it "
        f"had not been updated. The last answer: {last} Run the task again when the swarm answers.",
        is_known=True,
    )


def _unknown(service: types.Service, last: errors.EngineError) -> errors.UpdateUnfinished:
    """The error where an answer was lost and the service cannot be read since."""
    return errors.UpdateUnfinished(
        f"It is not known whether the service {name_of(service)} was updated: an update was sent, its answer never "
        f"came, and the service cannot be read since. The last answer: {last} Run the task again when the swarm "
        "answers.",
        is_known=False,
    )


def removed(service: types.Service) -> errors.ServiceNotFound:
    """The error for a service that went away while a task was at work on it."""
    return errors.ServiceNotFound(name_of(service), [], "It was removed while this task was at work.")

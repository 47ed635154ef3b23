# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One write that was sent, and how to tell what became of it (pure). Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    differing_fields,
    fingerprint,
    name_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


class Footprint(NamedTuple):
    """The fingerprints of a service's present and previous spec."""

    present: str
    previous: str

    @classmethod
    def of(cls, service: types.Service) -> Footprint:
        """The footprint of a service as the engine holds it."""
        return cls(fingerprint(service["Spec"]), fingerprint(service.get("PreviousSpec")))


class Attempt(NamedTuple):
    """A write that was sent: the service that it was planned on, and the spec that the service should then hold.

    `changes` maps each field that it changes to its value before and after, as far as they may be shown.
    """

    read: types.Service
    sent: types.ServiceSpec
    changes: Mapping[str, Tuple[Any, Any]] = {}

    @property
    def footprint(self) -> Footprint:
        """What the write leaves in the service."""
        return Footprint(fingerprint(self.sent), fingerprint(self.read["Spec"]))

    def has_landed(self, now: types.Service, part: Callable[[types.ServiceSpec], Any]) -> bool:
        """Whether a write whose answer was lost was carried out, judging by the service as it is now.

        `part` returns the part of a spec that such a write changes. Others may have written since: a later writer
        leaves ours as PreviousSpec, or at least what we changed. The swarm's own rollback restores the old spec
        (swarmkit, manager/orchestrator/update/updater.go); a rollback on request swaps the two specs
        (manager/controlapi/service.go).
        """
        if _specs(now) == _specs(self.read):
            return was_rolled_back(now, since=self.read)
        if self.sent in _specs(now):
            return True
        if now["Spec"] == self.read["Spec"]:
            return was_rolled_back(now, since=self.read)
        wanted = part(self.sent)
        return bool(wanted != part(self.read["Spec"]) and wanted == part(now["Spec"]))

    def lost_fields(self, held: types.Service) -> List[str]:
        """The fields that the engine does not hold as they were sent.

        Empty unless the service has been written exactly once since it was read: later writers may change what they
        like.
        """
        if held["Spec"] == self.sent or held.get("PreviousSpec") != self.read["Spec"]:
            return []
        return differing_fields(self.sent, held["Spec"])


class Written(NamedTuple):
    """The result of a write.

    `read` is the service that the write was last planned on. `held` is the service as read since; None while an
    accepted write is still to be read back. `attempt` is the write that was carried out; None if none was needed.
    """

    read: types.Service
    changed: bool
    held: Optional[types.Service] = None
    attempt: Optional[Attempt] = None
    warnings: Sequence[str] = ()

    @property
    def footprint(self) -> Optional[Footprint]:
        """What the write left in the service, even if the engine has dropped fields; None without a write."""
        if self.attempt is None:
            return None
        is_short = self.held is not None and bool(self.attempt.lost_fields(self.held))
        return Footprint.of(self.held) if is_short and self.held is not None else self.attempt.footprint

    def check(self) -> None:
        """Check that the engine holds what it was sent. Raises ReadBackMismatch."""
        fields = self.attempt.lost_fields(self.held) if self.attempt and self.held else []
        if fields and self.held:
            raise errors.ReadBackMismatch(
                f"The service {name_of(self.held)} was updated, but the engine does not hold the spec that it was "
                f"sent. These fields differ: {', '.join(fields)}. A manager of the swarm may be too old to know them: "
                "compare docker service inspect with what you expect."
            )


def was_rolled_back(now: types.Service, since: types.Service) -> bool:
    """Whether a service's last rollout is a rollback that began after it was read."""
    status, before = (service.get("UpdateStatus") or {} for service in (now, since))
    is_new = status.get("StartedAt") != before.get("StartedAt")
    return is_new and status.get("State", "").startswith("rollback")


def _specs(service: types.Service) -> Tuple[types.ServiceSpec, Optional[types.ServiceSpec]]:
    return service["Spec"], service.get("PreviousSpec")

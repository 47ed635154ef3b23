# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide whether a service's registry credentials may be renewed, and tell what became of it (pure). Private.

The swarm keeps one credential with a service and shows it to nobody. So the spec is the same before and after a
renewal, and only what an update does besides tells of one: a new version index, the spec as PreviousSpec, no status
(swarmkit, manager/controlapi/service.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Plan
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import is_job

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt

UNFINISHED = ("updating", "paused", "rollback_started", "rollback_paused")
UNREADABLE = "not readable"


class CredentialChange(NamedTuple):
    """A wanted renewal of the credentials that the swarm keeps with a service, for the domain of its `registry`."""

    registry: str

    def plan(self, service: types.Service) -> Plan:
        """The plan for one service: the spec as it is, since the credentials go beside it; and what that costs."""
        image = stored_image(service["Spec"])
        changes: Dict[str, Tuple[Any, Any]] = {"registry_credentials": (UNREADABLE, self.shown())}
        previous, status = service.get("PreviousSpec"), service.get("UpdateStatus")
        if previous != service["Spec"]:
            changes["a_rollback_leads_to"] = (stored_image(previous) if previous else None, image)
        if status:
            changes["update_status"] = (status.get("State"), None)
        return Plan(image, image, service["Spec"], changes)

    def obstacle(self, service: types.Service) -> str:
        """Why a service must not be written now, as sentences for the operator; empty if it may be."""
        name = name_of(service)
        if is_job(service):
            return (
                f"The service {name} is a job: each write to it, even of the same spec, starts its tasks again. Leave "
                "it out; swarm_service_image hands on credentials when it changes the job's image."
            )
        state = (service.get("UpdateStatus") or {}).get("State", "")
        if state in UNFINISHED:
            return (
                f"The rollout of the service {name} has not ended (its state is {errors.quote(state)}). Another write "
                "would continue one that has stopped, and a rollback would no longer lead back. Run the task again "
                "when it has ended, or end it with swarm_service_image, which hands on credentials too."
            )
        if _domain_of(stored_image(service["Spec"])) != self.registry:
            return f"The image of the service {name} is not in the registry {self.registry} any more."
        return ""

    def is_met_by(self, now: types.Service, since: types.Service) -> bool:
        """Whether somebody else has written the very same spec since that reading: most likely the same renewal.

        An update leaves no status, or that of a rollout that it has begun; a rollback on request, which brings back
        older credentials, leaves its own.
        """
        status = now.get("UpdateStatus") or {}
        is_written = now["Version"]["Index"] != since["Version"]["Index"]
        is_equal = now["Spec"] == now.get("PreviousSpec") == since["Spec"]
        is_updates = not status or (status.get("State") in ("updating", "completed") and _is_new(status, since))
        return is_written and is_equal and is_updates

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Never certain: what the service holds would be the same after somebody else's write."""
        del attempt, now
        return False

    def may_have_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether a write whose answer was lost may have been carried out: the service was written since."""
        return now["Version"]["Index"] != attempt.read["Version"]["Index"]

    def shown(self) -> str:
        """The wanted change, as messages show it."""
        return f"new ones for {self.registry}"


def _is_new(status: Mapping[str, Any], since: types.Service) -> bool:
    return status.get("StartedAt") != (since.get("UpdateStatus") or {}).get("StartedAt")


def _domain_of(image: str) -> str:
    """The registry of a stored image; empty for an invalid reference."""
    try:
        return Reference.parse(image).domain
    except InvalidReference:
        return ""

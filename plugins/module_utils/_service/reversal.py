# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put services back to their previous specs because the operator says so. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.engines import check_nodes
from ansible_collections.swarmops.rollout.plugins.module_utils._service.options import Host, Params, choose, is_single
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import ROLLED_BACK, UPDATED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Target,
    differing_fields,
    name_of,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry, Result, as_result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


def roll_back_services(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_rollback. Raises RolloutError."""
    clock, single = Clock(), is_single(params)
    chosen = choose(engine, params, clock)
    reversal = Reversal(engine, clock, Settings(wait=params["wait"], wait_timeout=params["wait_timeout"]))
    entries = [reversal.decide(service, guard) for service, guard in chosen]
    if params["wait"] and any(entry.changed for entry in entries):
        check_nodes(engine)
    return as_result(entries, single) if host.check_mode else host.carry_out(reversal, single)


class Reversal(Rollout):
    """One task's rollbacks."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings) -> None:
        super().__init__(engine, clock, settings, [])

    def decide(self, service: types.Service, guard: Optional[Reference]) -> Entry:
        """Decide what to do with one service. With a guard, it is to end on that image and no other.

        Raises InvalidInput where there is no previous spec, or it holds another image than the guard says.
        """
        entry = Entry.of_service(service)
        self.members.append(Member(service, entry))
        if guard is not None and Target(guard).is_met_by(stored_image(service["Spec"])):
            return entry
        previous = service.get("PreviousSpec")
        if not previous:
            raise errors.InvalidInput(
                f"The service {name_of(service)} has no previous spec to go back to: it was never updated, or the "
                "swarm has rolled it back by itself."
            )
        image = stored_image(previous)
        if guard is not None and not Target(guard).is_met_by(image):
            raise errors.InvalidInput(
                f"The service {name_of(service)} would go back to {image}, not to {guard.familiar}: it has been "
                "changed more than once since. Use swarm_service_image to set the image."
            )
        entry.changed, entry.outcome, entry.version_after, entry.image_after = True, UPDATED, None, image
        entry.changes = _changes(service, image)
        return entry

    def _start(self, member: Member) -> None:
        service, entry = member.service, member.entry
        spec = service["PreviousSpec"] if entry.changed else service["Spec"]
        try:
            if entry.changed:
                entry.warnings += self._writer.write(RollbackRequest(service)).warnings
                member.succeeds_as = ROLLED_BACK
        except errors.RolloutError as error:
            member.fail(error)
        member.expect(spec, is_forced=True)


def _changes(service: types.Service, image: str) -> Dict[str, Tuple[Any, Any]]:
    """The image before and after, and the names alone of the other fields that come back: they may hold secrets."""
    changes: Dict[str, Tuple[Any, Any]] = {}
    present = stored_image(service["Spec"])
    if image != present:
        changes["image"] = (present, image)
    others = [
        path
        for path in differing_fields(service["Spec"], service["PreviousSpec"])
        if path != "TaskTemplate.ContainerSpec.Image"
    ]
    if others:
        changes["other_fields"] = ([f"{path}: present" for path in others], [f"{path}: previous" for path in others])
    return changes

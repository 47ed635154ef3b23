# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put services back to their previous specs because the operator says so. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest, Writer
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Convergence, Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.options import Host, Params, choose, is_single
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    NOT_STARTED,
    ROLLED_BACK,
    UPDATED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Target,
    differing_fields,
    name_of,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import (
    Entry,
    Result,
    RolloutFailed,
    as_result,
    explain,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


def roll_back_services(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_rollback. Raises RolloutError."""
    clock = Clock()
    chosen = choose(engine, params, clock)
    reversal = Reversal(engine, clock, params["wait_timeout"] if params["wait"] else None)
    entries = [reversal.decide(service, guard) for service, guard in chosen]
    if not host.check_mode:
        reversal.run(is_single(params))
    return as_result(entries, is_single(params))


class Reversal:
    """One task's rollbacks. `wait_timeout` is in seconds; None is not to wait."""

    def __init__(self, engine: Engine, clock: Clock, wait_timeout: Optional[float]) -> None:
        self._writer = Writer(engine, clock)
        self._wait_timeout = wait_timeout
        self._convergence = Convergence(engine, clock, Watch(engine))
        self._entries: List[Entry] = []

    def decide(self, service: types.Service, guard: Optional[Reference]) -> Entry:
        """Decide what to do with one service. With a guard, it is to end on that image and no other.

        Raises InvalidInput where there is no previous spec, or it holds another image than the guard says.
        """
        entry = Entry.of_service(service)
        self._entries.append(entry)
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

    def run(self, single: bool) -> None:
        """Roll back what was decided on, and wait. Raises RolloutFailed."""
        problems: List[str] = []
        waits: List[Tuple[Entry, Wait]] = []
        for entry in self._entries:
            if problems and entry.changed:
                entry.give_up(NOT_STARTED)
                continue
            try:
                waits += self._start(entry)
            except errors.RolloutError as error:
                problems.append(entry.fail(error))
        self._convergence.run()
        for entry, wait in waits:
            entry.conclude(wait)
            if wait.outcome == CONVERGED and entry.changed:
                entry.outcome = ROLLED_BACK
            if wait.outcome != CONVERGED:
                problems.append(explain(entry, wait.reason, self._wait_timeout or 0))
        if problems:
            raise RolloutFailed(" ".join(problems), as_result(self._entries, single))

    def _start(self, entry: Entry) -> List[Tuple[Entry, Wait]]:
        expected = Expectation.of_spec(entry.service["Spec"])
        if entry.changed:
            entry.warnings += self._writer.write(RollbackRequest(entry.service)).warnings
            expected = Expectation.of_spec(entry.service["PreviousSpec"])
        if self._wait_timeout is None:
            return []
        return [(entry, self._convergence.add(entry.service, expected, self._wait_timeout))]


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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write a service as it is, with other registry credentials. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import SpecWrite
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.renewal import CredentialChange
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


class Renewal(SpecWrite):
    """A write of the same spec with other credentials.

    If an answer was lost, and nothing shows whether the write was carried out, it is sent once more: a second time does
    no harm, and is known to be done.
    """

    done_by_others = (
        "Somebody else wrote the service as it is at the same moment, most likely this task on another manager, so "
        "this task did not. Which credentials they stored cannot be read: run the task again if they were others."
    )

    def __init__(self, service: types.Service, change: CredentialChange, credential: Credential) -> None:
        super().__init__(service, credential)
        self.change = change

    def plan(self, read: types.Service, lost: Optional[Attempt] = None) -> Optional[Attempt]:
        """The spec as it is; None if somebody else has just renewed the credentials, and nothing of ours was lost."""
        if lost is None and self.change.is_met_by(read, since=self.service):
            return None
        plan = self.change.plan(read)
        return Attempt(read, plan.spec, plan.changes)

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether a write whose answer was lost was certainly carried out."""
        return self.change.has_landed(attempt, now)

    def may_have_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether it may have been."""
        return self.change.may_have_landed(attempt, now)

    def expectation(self, written: Written) -> Expectation:
        """The image that the service had."""
        return Expectation(stored_image(written.read["Spec"]))

    def refuse_conflict(self, now: types.Service, lost: Optional[Attempt] = None) -> None:
        """Raises UpdateConflict if the service must not be written any more, since somebody else has changed it."""
        obstacle = self.change.obstacle(now)
        if not obstacle or (lost is None and self.change.is_met_by(now, since=self.service)):
            return
        fate = (
            "Whether its credentials were renewed before is not known, since the answer never came."
            if lost
            else "Its credentials were not renewed."
        )
        raise errors.UpdateConflict(
            f"Conflict on the service {self.name}: somebody else changed it while its credentials were to be renewed. "
            f"{obstacle} {fate}",
            now,
            may_have_written=lost is not None,
        )

    def unfinished(self, last: errors.EngineError) -> errors.UpdateUnfinished:
        """The error if nothing was written."""
        return errors.UpdateUnfinished(
            f"The credentials of the service {self.name} could not be renewed in time. When it was read last, nothing "
            f"had been written. The last answer: {last} Run the task again when the swarm answers."
        )

    def unknown(self, last: errors.EngineError, lost: Attempt) -> errors.UpdateUnfinished:
        """The error if an answer was lost, and no later write was answered."""
        return errors.UpdateUnfinished(
            f"It is not known whether the credentials of the service {self.name} were renewed: an update was sent, its "
            f"answer never came, and the swarm shows nobody what it has stored. The last answer: {last} Run the task "
            "again when the swarm answers; a second time does no harm.",
            lost=lost.footprint,
        )

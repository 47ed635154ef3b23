# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what to do with each service before any is touched. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED, QUEUED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Plan,
    Target,
    make_plan,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry
from ansible_collections.swarmops.rollout.plugins.module_utils._service.resolution import (
    CHANGED,
    NEVER,
    HandedOn,
    MissingImage,
    Resolved,
    Resolver,
    UnresolvedImage,
    asks_registry,
    settle,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, Written
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Wait

WARN = "warn"
FAIL = "fail"
ROLLBACK_ALL = "rollback_all"
NO_SUCH_IMAGE = (
    "It has no such image, so no node could pull it, and on_unresolved does not matter. Was it pushed, under this "
    "name? For an image that the nodes hold already, say resolve=never."
)


class Settings(NamedTuple):
    """How a task goes about it; names and meaning are those of the module's options, times are in seconds."""

    check_mode: bool = False
    resolve: str = CHANGED
    on_unresolved: str = WARN
    force: bool = False
    wait: bool = True
    wait_timeout: float = 300
    on_failure: str = FAIL
    max_parallel: int = 0


@dataclass(eq=False, repr=False)
class Member:
    """One service of a task on its way through it, from stage to stage.

    `target` is what it should run; None stands for whatever it runs. `expected_image` and `force_update` are what it
    should hold while it is waited for, `succeeds_as` the outcome where it then runs that after a change. `problem` is
    what went wrong, `aftermath` what was done about it. `lost_footprint` is what a write whose answer was lost may have
    left in the service.
    """

    service: types.Service
    entry: Entry
    target: Optional[Target] = None
    credential: Optional[Credential] = None
    stage: str = QUEUED
    lost_footprint: Optional[Footprint] = None
    written: Optional[Written] = None
    expected_image: Optional[str] = None
    force_update: Optional[int] = None
    succeeds_as: str = CONVERGED
    wait: Optional[Wait] = None
    problem: str = ""
    aftermath: str = ""

    @property
    def identifier(self) -> str:
        """The service's ID."""
        return self.service["ID"]

    @property
    def footprint(self) -> Optional[Footprint]:
        """What this task's update left in the service, or may have left; None where it made none."""
        footprint = self.written.footprint if self.written else None
        return footprint or self.lost_footprint

    def take(self, written: Written, plan: Plan) -> None:
        """Take in what came of writing, and the plan that was carried out."""
        self.written = written
        self.entry.take(plan, written.changed)
        self.entry.warnings += written.warnings
        if written.held is not None:
            self.entry.see(written.held)
        spec = plan.spec if written.changed else written.read["Spec"]
        self.expect(spec, is_forced=written.changed and "force_update" in plan.changes)

    def fail(self, error: errors.RolloutError) -> None:
        """Take in that nothing was written, or that nobody knows whether something was."""
        self.problem = self.entry.fail(error)
        if isinstance(error, errors.UpdateUnfinished):
            self.lost_footprint = error.lost

    def read_back(self, held: types.Service) -> None:
        """Take in the service as the engine holds it after the update. Raises ReadBackMismatch."""
        if self.written is not None:
            self.written = self.written._replace(held=held)
            self.entry.see(held)
            self.written.check()

    def expect(self, spec: types.ServiceSpec, is_forced: bool) -> None:
        """Wait for a service that holds the image of this spec, and where it was forced its count."""
        self.expected_image = stored_image(spec)
        self.force_update = spec["TaskTemplate"].get("ForceUpdate", 0) if is_forced else None


def decide(service: types.Service, wanted: Reference, resolver: Resolver, settings: Settings) -> Member:
    """Decide what to do with one service, asking the registry where that is needed.

    Raises UnresolvedImage with `on_unresolved: fail` and for an image that does not exist, OtherDigest,
    UnsupportedService, CredentialError, InvalidInput.
    """
    image = stored_image(service["Spec"])
    answer = resolver.ask(wanted) if asks_registry(wanted, image, settings.resolve) else None
    is_needed = settings.resolve != NEVER and not Target(wanted).is_met_by(image)
    if isinstance(answer, MissingImage) and is_needed:
        raise MissingImage(f"{answer} {NO_SUCH_IMAGE}")
    if isinstance(answer, UnresolvedImage) and settings.on_unresolved == FAIL:
        raise answer
    target = settle(wanted, answer if isinstance(answer, Resolved) else None)
    plan = make_plan(service["Spec"], target, settings.force)
    entry = Entry.of_plan(service, plan)
    if isinstance(answer, UnresolvedImage):
        entry.warnings.append(f"{answer} {_consequence(wanted, image)}")
    handed_on = resolver.hand_on(wanted, image) if plan.needed else HandedOn()
    entry.warnings += [handed_on.warning] if handed_on.warning else []
    return Member(service, entry, target, handed_on.credential)


def _consequence(wanted: Reference, image: str) -> str:
    """What a missing digest means for a service that holds `image`."""
    if Target(wanted).is_met_by(image):
        return f"Whether the tag has moved is not known; the service keeps {errors.quote(image)}."
    if wanted.digest is not None:
        return "The digest is the one that was asked for; the service's platforms are left as they are."
    image = wanted.with_default_tag().familiar
    return f"The service gets {image} without a digest, so each node pulls what the tag is then."

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what to write into a service (pure). Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import Platforms, Resolved
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    deployment,
    differing_fields,
    stored_image,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt

ALWAYS = "always"
CHANGED = "changed"
NEVER = "never"


class Target(NamedTuple):
    """What a service should run: a reference, and the platforms of its image.

    `platforms` is None if they are not known, and empty if the registry was asked and names none.
    """

    reference: Reference
    platforms: Optional[Platforms] = None

    def is_met_by(self, image: str) -> bool:
        """Whether a stored image has every part that the target states; an invalid reference never has."""
        try:
            return self.reference.covers(Reference.parse(image))
        except InvalidReference:
            return False


class Plan(NamedTuple):
    """What to write into one service.

    `spec` is the spec to write; `changes` maps each field that changes to its value before and after, and is empty if
    there is nothing to write.
    """

    before: str
    after: str
    spec: types.ServiceSpec
    changes: Mapping[str, Tuple[Any, Any]]

    @property
    def needed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.changes)


def make_plan(spec: types.ServiceSpec, target: Target, force: bool = False) -> Plan:
    """Plan what to write so that a service with this spec runs the target.

    If the target is met, the image stays as it is stored, digest and spelling included; `force` still redeploys it.
    Only what changes is copied, and the given spec is not touched. Raises UnsupportedService.
    """
    before = after = stored_image(spec)
    task = dict(spec["TaskTemplate"])
    changes: Dict[str, Tuple[Any, Any]] = {}
    if not target.is_met_by(before):
        after = target.reference.with_default_tag().familiar
        task["ContainerSpec"] = dict(task["ContainerSpec"], Image=after)
        changes["image"] = (before, after)
        changes.update(_follow_platforms(task, target.platforms))
    if force:
        count = task.get("ForceUpdate", 0)
        task["ForceUpdate"] = count + 1
        changes["force_update"] = (count, count + 1)
    return Plan(before, after, dict(spec, TaskTemplate=task), changes)


class ImageChange(NamedTuple):
    """A wanted change of the image; with `force` the service is redeployed even if it has that image."""

    target: Target
    force: bool = False

    def plan(self, spec: types.ServiceSpec) -> Plan:
        """The plan for one spec. Raises UnsupportedService."""
        return make_plan(spec, self.target, self.force)

    def is_met_by(self, spec: types.ServiceSpec, since: Optional[types.ServiceSpec] = None) -> bool:
        """Whether a spec needs no change. Raises UnsupportedService.

        A forced redeployment also counts as done if somebody else has deployed the wanted image `since` that spec.
        """
        if not self.plan(spec).needed:
            return True
        is_wanted = self.force and self.accepts(stored_image(spec))
        return is_wanted and since is not None and deployment(spec) != deployment(since)

    def has_landed(self, attempt: Attempt, now: types.Service) -> bool:
        """Whether an update whose answer was lost was carried out, judging by the service as it is now."""
        return attempt.has_landed(now, deployment)

    def accepts(self, image: str) -> bool:
        """Whether a stored image is the wanted one, whoever set it."""
        return self.target.is_met_by(image)

    def shown(self) -> str:
        """The wanted image, as messages show it."""
        return self.target.reference.familiar


def _follow_platforms(task: Dict[str, Any], platforms: Optional[Platforms]) -> Dict[str, Tuple[Any, Any]]:
    """Make a task template have the platforms of its new image: those of another one must not stay. None: not known."""
    if platforms is None:
        return {}
    placement = task.get("Placement") or {}
    before = placement.get("Platforms")
    if (before or []) == platforms:
        return {}
    others = {name: value for name, value in placement.items() if name != "Platforms"}
    task["Placement"] = {**others, "Platforms": platforms} if platforms else others
    return {"platforms": (before, platforms)}


class OtherDigest(errors.RolloutError):
    """The registry answers with another digest than the one that was requested."""


def asks_registry(wanted: Reference, image: str, resolve: str) -> bool:
    """Whether to ask the registry, for a service that holds `image`.

    A stated digest needs no look-up; the registry is then asked for the platforms alone, and only if the digest
    changes.
    """
    is_met = Target(wanted).is_met_by(image)
    if wanted.digest is not None:
        return not is_met
    return resolve == ALWAYS or (resolve == CHANGED and not is_met)


def settle(wanted: Reference, answer: Optional[Resolved]) -> Target:
    """What a service should run, after the registry was asked; `answer` is None if it was not, or had no digest.

    A stated digest stays as it is. Raises OtherDigest if the registry has another one there.
    """
    if answer is None:
        return Target(wanted)
    platforms = answer.platforms or []
    if wanted.digest is not None:
        _check_digest(wanted, wanted.digest, answer.digest)
        return Target(wanted, platforms)
    return Target(wanted.with_default_tag().with_digest(answer.digest), platforms)


def _check_digest(wanted: Reference, stated: str, answered: str) -> None:
    """Compare digests of the same algorithm; others cannot be compared, and the nodes check what they pull."""
    if stated != answered and stated.partition(":")[0] == answered.partition(":")[0]:
        raise OtherDigest(
            f"The registry {wanted.domain} was asked for {wanted.familiar} and answered with the digest {answered}. "
            "Something between the engine and the registry cannot be trusted."
        )


def rollback_changes(service: types.Service) -> Mapping[str, Tuple[Any, Any]]:
    """What a rollback changes: the image, and only the names of other fields, whose values may be secret."""
    changes: Dict[str, Tuple[Any, Any]] = {}
    image, previous = stored_image(service["Spec"]), stored_image(service["PreviousSpec"])
    if image != previous:
        changes["image"] = (image, previous)
    fields = differing_fields(service["Spec"], service["PreviousSpec"])
    others = [path for path in fields if path != "TaskTemplate.ContainerSpec.Image"]
    if others:
        changes["other_fields"] = ([f"{path}: present" for path in others], [f"{path}: previous" for path in others])
    return changes

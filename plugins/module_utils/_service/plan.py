# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to write into a service, decided without asking anyone (pure). Private to this collection."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

FINGERPRINT_LENGTH = 6  # hexadecimal digits: one of 16 million
SHORTEST_SECRET = 4  # characters; a shorter value is in too many words to be taken out of a text

Platforms = List[Dict[str, str]]


class Target(NamedTuple):
    """What a service shall run: a reference, and the platforms of its image where the registry told them."""

    reference: Reference
    platforms: Optional[Platforms] = None

    def is_met_by(self, image: str) -> bool:
        """Whether a stored image has every part that the target states; a text that is no reference never has."""
        try:
            return self.reference.covers(Reference.parse(image))
        except InvalidReference:
            return False


class Plan(NamedTuple):
    """The decision for one spec.

    `spec` is what to write; `changes` maps each field that changes to its value before and after, and
    is empty where there is nothing to write.
    """

    before: str
    after: str
    spec: types.ServiceSpec
    changes: Mapping[str, Tuple[Any, Any]]

    @property
    def needed(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.changes)


def make_plan(spec: types.ServiceSpec, target: Target, force: bool = False) -> Plan:
    """Decide what to write so that a service with this spec runs the target.

    A target that is met keeps the image as it is stored, pin and spelling included; `force` then
    redeploys it all the same. Only what is changed is copied, and the spec handed in is not touched. Raises
    UnsupportedService.
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
    return Plan(before, after, dict(spec, TaskTemplate=task) if changes else spec, changes)


class ImageChange(NamedTuple):
    """The wanted change of an image; with `force` the service is redeployed even where it has that image."""

    target: Target
    force: bool = False

    def plan(self, spec: types.ServiceSpec) -> Plan:
        """The decision for one spec. Raises UnsupportedService."""
        return make_plan(spec, self.target, self.force)

    def apply(self, spec: types.ServiceSpec) -> types.ServiceSpec:
        """The spec with the change in it. Raises UnsupportedService."""
        return self.plan(spec).spec

    def is_met_by(self, spec: types.ServiceSpec, since: Optional[types.ServiceSpec] = None) -> bool:
        """Whether a spec needs no change. Raises UnsupportedService.

        A forced redeployment is also met where somebody else has deployed the wanted image `since` that spec.
        """
        if not self.plan(spec).needed:
            return True
        is_wanted = self.force and self.accepts(stored_image(spec))
        return is_wanted and since is not None and deployment(spec) != deployment(since)

    def accepts(self, image: str) -> bool:
        """Whether a stored image is the wanted one, whoever set it."""
        return self.target.is_met_by(image)

    def shown(self) -> str:
        """The wanted image, for people."""
        return self.target.reference.familiar


def stored_image(spec: types.ServiceSpec) -> str:
    """The image that a service's spec holds. Raises UnsupportedService where it holds none."""
    task = spec.get("TaskTemplate") or {}
    container = task.get("ContainerSpec") or {}
    runtime = task.get("Runtime") or "container"
    if runtime != "container" or not isinstance(container.get("Image"), str):
        kind = "network-attachment" if "NetworkAttachmentSpec" in task else runtime
        raise errors.UnsupportedService(
            f"The service {errors.quote(str(spec.get('Name')))!r} runs no container image (its runtime is {kind!r}): "
            "its image cannot be changed by this module."
        )
    return str(container["Image"])


def deployment(spec: types.ServiceSpec) -> Tuple[str, int]:
    """The image and the counter of forced redeployments: what an update of this collection changes in a spec."""
    return stored_image(spec), spec["TaskTemplate"].get("ForceUpdate", 0)


def name_of(service: types.Service) -> str:
    """A service's name, fit for a message."""
    return errors.quote(str(service["Spec"].get("Name") or service["ID"]))


def fingerprint(spec: Any) -> str:
    """A digest that tells specs apart, and is too short to check a guess at one of their secrets by it."""
    text = json.dumps(spec, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def spec_secrets(spec: types.ServiceSpec) -> List[str]:
    """What of a spec's environment must never be shown: its entries, and their values where they are long enough."""
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    entries = [str(entry) for entry in container.get("Env") or []]
    values = [entry.partition("=")[2] for entry in entries]
    return entries + [value for value in values if len(value) >= SHORTEST_SECRET]


def platforms_of(distribution: types.Distribution) -> Optional[Platforms]:
    """The platforms of an image, as the Docker CLI writes them into a spec; None where the registry names none.

    Left out are `unknown` ones (attestations); `arm` loses its architecture, which nodes report in too
    many spellings (github.com/moby/swarmkit issue 2294).
    """
    platforms: Platforms = []
    for entry in distribution.get("Platforms") or []:
        system, architecture = str(entry.get("os") or ""), str(entry.get("architecture") or "")
        if "unknown" in (system, architecture):
            continue
        fields = {"Architecture": "" if architecture.lower() == "arm" else architecture, "OS": system}
        platform = {name: value for name, value in fields.items() if value}
        if platform not in platforms:
            platforms.append(platform)
    return platforms or None


def differing_fields(one: Any, other: Any, path: str = "") -> List[str]:
    """The paths at which two specs differ, values left out: `TaskTemplate.ContainerSpec.Env`."""
    return sorted(set(_differences(one, other, path)))


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            inner = f"{path}.{key}" if path else key
            if key not in one or key not in other:
                yield inner
            else:
                yield from _differences(one[key], other[key], inner)
    elif one != other:
        yield path or "the whole spec"


def _follow_platforms(task: Dict[str, Any], platforms: Optional[Platforms]) -> Dict[str, Tuple[Any, Any]]:
    if platforms is None:
        return {}
    placement = task.get("Placement") or {}
    before = placement.get("Platforms")
    if before == platforms:
        return {}
    task["Placement"] = dict(placement, Platforms=platforms)
    return {"platforms": (before, platforms)}

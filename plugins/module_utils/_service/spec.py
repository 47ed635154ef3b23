# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and compare the specs of services, as the engine holds them (pure). Private to this collection."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Iterator, List, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

FINGERPRINT_LENGTH = 6  # hexadecimal digits: one of 16 million
SHORTEST_SECRET = 4  # characters; a shorter value occurs in too many words to be removed from a text


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
    """The image and the counter of forced redeployments: what the updates of this collection change in a spec."""
    return stored_image(spec), spec["TaskTemplate"].get("ForceUpdate", 0)


def name_of(service: types.Service) -> str:
    """A service's name, made safe for messages."""
    return errors.quote(str(service["Spec"].get("Name") or service["ID"]))


def fingerprint(spec: Any) -> str:
    """A digest that tells specs apart, but is too short to check a guess at one of their secrets."""
    text = json.dumps(spec, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def variables(spec: types.ServiceSpec) -> List[str]:
    """The environment in a spec, as it has it: `NAME=value`."""
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return [str(entry) for entry in container.get("Env") or []]


def spec_secrets(spec: types.ServiceSpec) -> List[str]:
    """The parts of a spec's environment never to be shown: its entries, and their values if long enough."""
    entries = variables(spec)
    values = [entry.partition("=")[2] for entry in entries]
    return entries + [value for value in values if len(value) >= SHORTEST_SECRET]


def differing_fields(one: Any, other: Any, path: str = "") -> List[str]:
    """The paths at which two specs differ, without the values: `TaskTemplate.ContainerSpec.Env`."""
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

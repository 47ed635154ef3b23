# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fields of a service's spec differ from those of another one (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .services import Spec

Leaves = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """The fields of a spec, image and platforms apart, that are gone, other or new after a change, by their paths."""

    total: int
    lost: tuple[str, ...]
    added: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.lost)} of {self.total} lost or changed"] * bool(self.lost)
        parts += [f"{len(self.added)} added"] * bool(self.added)
        return ", ".join(parts) or "all kept"


def canonical(value: Any) -> Any:
    """Return a part of a spec without what says the same as saying nothing (0, false, empty), its lists in order."""
    if isinstance(value, dict):
        parts = {name: canonical(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part or part == "" or name == "Replicas"}
    if isinstance(value, list):
        return sorted((canonical(part) for part in value), key=json.dumps)
    return value


def leaves(value: Any, path: str = "") -> Leaves:
    """Return the fields of a spec by their paths; a list is one field."""
    if not isinstance(value, dict):
        return {path[1:]: value}
    return {key: leaf for name, part in value.items() for key, leaf in leaves(part, f"{path}.{name}").items()}


def differing(before: Spec, after: Spec) -> Change:
    """Tell which fields, image and platforms apart, are gone, other or new; the order in a list does not matter."""
    apart = ("TaskTemplate.ContainerSpec.Image", "TaskTemplate.Placement.Platforms")
    had, has = leaves(canonical(before)), leaves(canonical(after))
    for path in apart:
        had.pop(path, None)
        has.pop(path, None)
    lost = tuple(sorted(path for path, value in had.items() if has.get(path) != value))
    return Change(len(had), lost, tuple(sorted(has.keys() - had.keys())))

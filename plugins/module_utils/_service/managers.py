# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managers of different versions in one swarm, and what that does to an update. Private to this collection.

An engine parses a spec into the fields that its own version knows, and shows only those. A field that a newer manager
has set is missing in what an older one returns, so an update through the older one deletes it, and reading back does
not show that. New fields come with minor versions of the API, and so of the engine.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_MANAGERS = 3  # managers named in a warning
_VERSION = re.compile(r"v?(\d+)\.(\d+)")

Release = Tuple[int, int]


def newer_managers(version: str, nodes: List[types.Node]) -> List[str]:
    """The managers whose engine has a later minor version than this, with their versions, newest first (pure)."""
    asked = _release(version)
    if asked is None:
        return []
    found: List[Tuple[Release, str]] = []
    for node in nodes:
        description: Dict[str, Any] = node.get("Description") or {}
        own = str((description.get("Engine") or {}).get("EngineVersion", ""))
        release = _release(own)
        if (node.get("Spec") or {}).get("Role") == "manager" and release is not None and release > asked:
            found.append((release, errors.quote(f"{description.get('Hostname') or node['ID']}: {own}")))
    return [told for _newer, told in sorted(found, reverse=True)[:MOST_MANAGERS]]


def _release(version: str) -> Optional[Release]:
    match = _VERSION.match(version)
    return (int(match.group(1)), int(match.group(2))) if match else None

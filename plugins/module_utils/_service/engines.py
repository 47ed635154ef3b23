# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managers of different versions in one swarm, and what that does to an update. Private to this collection.

An engine reads a spec into the fields that its own version knows, and shows those alone. What a newer manager has set
is missing in what an older one returns, so an update through the older one takes it away, and reading back shows none
of it (fields came with minor versions of the API, and so of the engine).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

NODES = "GET /nodes"
MOST_MANAGERS = 3  # managers that a warning names
_VERSION = re.compile(r"v?(\d+)\.(\d+)")

Release = Tuple[int, int]


def warning_of_newer_managers(engine: Engine, waits: bool = False) -> str:
    """What an update through this engine puts at risk, since other managers are newer; empty where none is.

    Empty also where the engine does not tell: that is no reason to fail. But a task that `waits` looks at the nodes
    over and over: raises NotAllowed, before anything is written, where it may not.
    """
    try:
        version = engine.version()
        newer = newer_managers(version, engine.nodes())
    except errors.EngineError as error:
        if waits and isinstance(error, errors.NotAllowed) and error.call == NODES:
            raise
        return ""
    if not newer:
        return ""
    return (
        f"This manager's engine is {errors.quote(version)}, and other managers have a newer one ({', '.join(newer)}). "
        "Fields of the service that the older engine does not know are lost by an update through it, and it cannot "
        "show that they are. Run the task on the newest manager."
    )


def check_nodes(engine: Engine) -> None:
    """Raises NotAllowed where the nodes may not be read, which every look of a wait does; other errors may pass."""
    try:
        engine.nodes()
    except errors.NotAllowed:
        raise
    except errors.EngineError:
        return


def newer_managers(version: str, nodes: List[types.Node]) -> List[str]:
    """The managers whose engine is of a later minor version than this, with their versions, newest first (pure)."""
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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what a task must know about the swarm's nodes before it writes. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._service.managers import newer_managers

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


def read_nodes(engine: Engine, clock: Clock, waits: bool) -> List[types.Node]:
    """The swarm's nodes; none if the engine does not tell, which is no reason to fail.

    But a task that `waits` reads the nodes over and over: if that is not allowed, this raises NotAllowed before
    anything is written.
    """
    try:
        return Retry(clock, engine).read(engine.nodes)
    except errors.NotAllowed:
        if waits:
            raise
        return []
    except errors.EngineError:
        return []


def warning_of_newer_managers(engine: Engine, nodes: List[types.Node]) -> str:
    """A warning if other managers are newer than this engine, which may lose fields; else empty."""
    try:
        version = engine.version() if nodes else ""
    except errors.EngineError:
        return ""
    newer = newer_managers(version, nodes)
    if not newer:
        return ""
    return (
        f"This manager's engine is {errors.quote(version)}, and other managers have a newer one ({', '.join(newer)}). "
        "An update through the older engine deletes the fields of the service that it does not know, and it cannot "
        "show that. Run the task on the newest manager."
    )

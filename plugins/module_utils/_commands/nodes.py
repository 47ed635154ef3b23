# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task has to know of the swarm's nodes before it writes. Private to this collection."""

from __future__ import annotations

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._service.managers import NODES, newer_managers


def check_nodes(engine: Engine) -> None:
    """Raises NotAllowed where the nodes may not be read, which every look of a wait does; other errors may pass."""
    try:
        engine.nodes()
    except errors.NotAllowed:
        raise
    except errors.EngineError:
        return


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

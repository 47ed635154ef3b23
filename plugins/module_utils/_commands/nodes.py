# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check what a task must know about the swarm's nodes before it writes. Private to this collection."""

from __future__ import annotations

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._service.managers import NODES, newer_managers


def check_nodes(engine: Engine) -> None:
    """Check that the nodes may be read, as every wait must. Raises NotAllowed; ignores errors that may pass."""
    try:
        engine.nodes()
    except errors.NotAllowed:
        raise
    except errors.EngineError:
        return


def warning_of_newer_managers(engine: Engine, waits: bool = False) -> str:
    """A warning if other managers are newer than this engine, which may lose fields; else empty.

    Also empty if the engine does not tell: that is no reason to fail. But a task that `waits` reads the nodes over and
    over: if that is not allowed, this raises NotAllowed before anything is written.
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
        "An update through the older engine deletes the fields of the service that it does not know, and it cannot "
        "show that. Run the task on the newest manager."
    )

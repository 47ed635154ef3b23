# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_wait. Private to this collection."""

from __future__ import annotations

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Convergence
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.options import Params, choose, is_single
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import CONVERGED, Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import (
    Entry,
    Result,
    RolloutFailed,
    as_result,
    explain,
)


def wait_for_services(engine: Engine, params: Params, _check_mode: bool) -> Result:
    """Do the work of swarm_service_wait, which changes nothing and is the same in check mode. Raises RolloutError."""
    clock = Clock()
    chosen = choose(engine, params, clock)
    convergence = Convergence(engine, clock, Watch(engine))
    waits = [convergence.add(service, Expectation(), params["wait_timeout"]) for service, _image in chosen]
    entries = [Entry.of_service(wait.service) for wait in waits]
    convergence.run()
    problems = []
    for entry, wait in zip(entries, waits):
        entry.conclude(wait)
        entry.outcome = str(wait.outcome)
        if wait.outcome != CONVERGED:
            problems.append(explain(entry, wait.reason, params["wait_timeout"]))
    result = as_result(entries, is_single(params))
    if problems:
        raise RolloutFailed(" ".join(problems), result)
    return result

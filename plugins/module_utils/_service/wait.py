# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_wait. Private to this collection."""

from __future__ import annotations

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.options import (
    Host,
    Params,
    choose,
    is_single,
    slice_of,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry, Result, RolloutFailed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout


def wait_for_services(engine: Engine, params: Params, _host: Host) -> Result:
    """Do the work of swarm_service_wait, which changes nothing and is the same in check mode. Raises RolloutError."""
    clock, settings, single = Clock(), Settings(wait_timeout=params["wait_timeout"]), is_single(params)
    try:
        result = _wait(engine, params, clock, settings, single)
    except RolloutFailed as error:
        error.result.pop("diff", None)
        raise
    result.pop("diff", None)
    return result


def _wait(engine: Engine, params: Params, clock: Clock, settings: Settings, single: bool) -> Result:
    wanted = slice_of(params)
    if wanted is not None and wanted.handover:
        rollout = Rollout(engine, clock, settings, [])
        wanted.open(rollout, lambda _reference: None)
    else:
        members = [Member(service, Entry.of_service(service)) for service, _image in choose(engine, params, clock)]
        rollout = Rollout(engine, clock, settings, members)
    return wanted.run(rollout, clock, single) if wanted else rollout.run(single)

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
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry, Result, RolloutFailed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout


def wait_for_services(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_wait, which changes nothing and is the same in check mode. Raises RolloutError."""
    clock, settings = Clock(), Settings(wait_timeout=params["wait_timeout"])
    members = [Member(service, Entry.of_service(service)) for service, _image in choose(engine, params, clock)]
    try:
        result = host.carry_out(Rollout(engine, clock, settings, members), is_single(params))
    except RolloutFailed as error:
        error.result.pop("diff", None)
        raise
    result.pop("diff", None)
    return result

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_wait. Private to this collection."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Host,
    Params,
    lines_of_logs,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result, RolloutFailed


class Options(NamedTuple):
    """The options of swarm_service_wait."""

    choice: Choice
    rollout: Settings

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput."""
        settings = Settings(wait_timeout=params["wait_timeout"], task_logs=lines_of_logs(params))
        return cls(Choice.parse(params), settings)


def wait_for_services(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_wait, which changes nothing and is the same in check mode. Raises RolloutError."""
    options, clock = Options.parse(params), Clock()
    chosen = options.choice.read(engine, clock)
    members = [Member(service) for service, _image in chosen.services]
    rollout = Rollout(engine, clock, options.rollout, members)
    try:
        result = chosen.report(lambda: host.carry_out(rollout, options.choice.is_single))
    except RolloutFailed as error:
        error.result.pop("diff", None)
        raise
    result.pop("diff", None)
    return result

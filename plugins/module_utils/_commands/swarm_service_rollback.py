# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_rollback. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.nodes import read_nodes
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Host,
    Params,
    lines_of_logs,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference, told_apart
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result, as_result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


class Options(NamedTuple):
    """The options of swarm_service_rollback. A given image guards against a rollback to another one."""

    choice: Choice
    rollout: Settings

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput."""
        settings = Settings(params["wait"], params["wait_timeout"], task_logs=lines_of_logs(params))
        return cls(Choice.parse(params), settings)


def roll_back_services(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_rollback. Raises RolloutError."""
    options, clock = Options.parse(params), Clock()
    chosen = options.choice.read(engine, clock)
    members = [plan_member(service, guard) for service, guard in chosen.services]
    if options.rollout.wait and any(member.changed for member in members):
        read_nodes(engine, clock, waits=True)
    single = options.choice.is_single
    if host.check_mode:
        return chosen.report(lambda: as_result([member.entry for member in members], single))
    rollout = Rollout(engine, clock, options.rollout, members)
    return chosen.report(lambda: host.carry_out(rollout, single))


def plan_member(service: types.Service, guard: Optional[Reference]) -> Member:
    """Plan the rollback of one service. With a guard, it must end on that image and no other.

    Raises InvalidInput if there is no previous spec, or if that holds another image than the guard.
    """
    if guard is not None and Target(guard).is_met_by(stored_image(service["Spec"])):
        return Member(service, expected=Expectation.of_spec(service["Spec"]))
    previous = service.get("PreviousSpec")
    if not previous:
        raise errors.InvalidInput(
            f"The service {name_of(service)} has no previous spec to go back to: it was never updated, or the "
            "swarm has rolled it back by itself."
        )
    image = stored_image(previous)
    if guard is not None and not Target(guard).is_met_by(image):
        previous_image, wanted = told_apart(image, guard.familiar)
        raise errors.InvalidInput(
            f"The service {name_of(service)} would go back to {previous_image}, not to {wanted}: it has been "
            "changed more than once since. Use swarm_service_image to set the image."
        )
    return Member(service, RollbackRequest(service))

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options say, for all modules alike. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import (
    GivenKeychain,
    Keychain,
    RunProgram,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import (
    Selector,
    find_services,
    select_services,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Result
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout

    Chosen = List[Tuple[types.Service, Optional[Reference]]]
    CarryOut = Callable[[Rollout, bool], Result]

Params = Dict[str, Any]


def carry_out(rollout: Rollout, single: bool) -> Result:
    """Run a rollout from begin to end. Raises RolloutFailed."""
    return rollout.run(single)


class Host(NamedTuple):
    """What the Ansible of a managed node lends: whether it is check mode, a way to run programs, and one to roll out.

    A task that is watched is carried out in parts (`_rollout/parts.py`).
    """

    check_mode: bool
    run_program: RunProgram
    carry_out: CarryOut = carry_out


def choose(engine: Engine, params: Params, clock: Clock) -> Chosen:
    """The services that are meant, each with the image that the options give it."""
    read = _choice(params)
    engine.connect()
    return Patience(clock, engine).read(lambda: read(engine))


def is_single(params: Params) -> bool:
    return params["name"] is not None


def check_credentials(params: Params, wanted: List[Reference]) -> None:
    """One user's password goes to one registry. Raises InvalidInput."""
    domains = sorted({reference.domain for reference in wanted})
    if params["registry_username"] is not None and len(domains) > 1:
        raise errors.InvalidInput(
            f"registry_username and registry_password are for one registry, but the images are in "
            f"{', '.join(domains)}. "
            "Use registry_auth=docker_config, or a task for each registry."
        )


def keychain(params: Params, run_program: RunProgram) -> Keychain:
    is_given, is_read = params["registry_username"] is not None, params["registry_auth"] == "docker_config"
    if params["docker_config"] is not None and (is_given or not is_read):
        raise errors.InvalidInput("docker_config is given, but it is read only with registry_auth=docker_config.")
    if is_given:
        return GivenKeychain(params["registry_username"], params["registry_password"])
    return _docker_config_keychain(params["docker_config"], run_program) if is_read else Keychain()


def _docker_config_keychain(folder: Optional[str], run_program: RunProgram) -> Keychain:
    """Import what reads config files and runs helpers only where that is asked for."""
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.docker_config import DockerConfigKeychain

    return DockerConfigKeychain(run_program, folder)


def _choice(params: Params) -> Callable[[Engine], Chosen]:
    """Check the options that say which services are meant; gives what reads them. Raises InvalidInput."""
    image = params.get("image")
    common = Reference.parse(image) if image is not None else None
    listed = params.get("services")
    if listed is not None:
        if common is not None:
            raise errors.InvalidInput("image goes with name and select; in services each item has its own.")
        if not listed:
            raise errors.InvalidInput("services is an empty list.")
        images = [Reference.parse(item["image"]) if item.get("image") is not None else None for item in listed]
        names = [item["name"] for item in listed]
        return lambda engine: list(zip(find_services(engine, names), images))
    if params["select"] is not None:
        selector = Selector.parse(**params["select"])
        allow_none = params["allow_none"]
        return lambda engine: [(service, common) for service in select_services(engine, selector, allow_none)]
    if params["name"] is None:
        raise errors.InvalidInput("No service is named: name, services and select are all empty.")
    return lambda engine: [(service, common) for service in find_services(engine, [params["name"]])]

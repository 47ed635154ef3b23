# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_credentials. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.nodes import (
    read_nodes,
    warning_of_newer_managers,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Host,
    Params,
    RegistryOptions,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    AccessRefused,
    UnresolvedImage,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.renewal import Renewal
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.renewal import CredentialChange
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import (
    Result,
    RolloutFailed,
    as_result,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_REFUSED = 5  # services named in a message
UNVERIFIED = "So whether the registry accepts these credentials for the image is not known."
USELESS = "No node could pull the image with them, so they were stored with no service."


class Options(NamedTuple):
    """The options of swarm_service_credentials."""

    choice: Choice
    registry: RegistryOptions

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput if they contradict each other, or no credentials are given."""
        registry = RegistryOptions.parse(params)
        if not (registry.is_given or registry.is_configured):
            raise errors.InvalidInput(
                "No credentials are given: set registry_auth=docker_config, or registry_username and registry_password."
            )
        if registry.is_given and not (registry.username and registry.password):
            raise errors.InvalidInput("registry_username or registry_password is empty.")
        return cls(Choice.parse(params), registry)


class Renewed(NamedTuple):
    """One service, the registry of its image, and whether that accepted the credentials for the image."""

    member: Member
    registry: str
    verified: bool


def renew_credentials(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_credentials. Raises RolloutError."""
    options, clock = Options.parse(params), Clock()
    resolver = Resolver(engine, options.registry.keychain(host.run_program), clock)
    chosen = options.choice.read(engine, clock)
    planned = plan_services([service for service, _image in chosen.services], resolver, options)
    members = [each.member for each in planned]
    changing = [member for member in members if member.changed]
    warning = warning_of_newer_managers(engine, read_nodes(engine, clock, waits=False)) if changing else ""
    for member in changing if warning else []:
        member.warnings.append(warning)
    single = options.choice.is_single
    if host.check_mode:
        return chosen.report(lambda: _told(as_result([member.entry for member in members], single), planned))
    rollout = Rollout(engine, clock, Settings(wait=False), members)
    return chosen.report(lambda: _carried_out(host, rollout, single, planned))


def plan_services(services: List[types.Service], resolver: Resolver, options: Options) -> List[Renewed]:
    """Plan the renewal of all services, and ask their registries; nothing is written yet.

    Raises InvalidInput for what must not be written, and where no credentials are found; AccessRefused if a registry
    refuses them; CredentialError, UnsupportedService.
    """
    references = [Reference.parse(stored_image(service["Spec"])) for service in services]
    changes = [CredentialChange(reference.domain) for reference in references]
    obstacles = [change.obstacle(service) for change, service in zip(changes, services)]
    _refuse([obstacle for obstacle in obstacles if obstacle])
    options.registry.check(references)
    planned = [
        _plan(service, reference, resolver, change) for service, reference, change in zip(services, references, changes)
    ]
    missing = sorted({each.registry for each in planned if each.member.write is None})
    is_asked_for = options.choice.selector is None or all(each.member.write is None for each in planned)
    if missing and is_asked_for:
        raise errors.InvalidInput(f"No credentials were found for the registry {', '.join(missing)}.")
    return planned


def _refuse(obstacles: List[str]) -> None:
    """Raises InvalidInput if there are obstacles; names the first ones."""
    more = len(obstacles) - MOST_REFUSED
    named = obstacles[:MOST_REFUSED] + ([f"The same goes for {more} more services."] if more > 0 else [])
    if named:
        raise errors.InvalidInput(" ".join(named))


def _plan(service: types.Service, reference: Reference, resolver: Resolver, change: CredentialChange) -> Renewed:
    """Plan the renewal for one service, and verify the credentials. Without any, the service is left alone."""
    credential = resolver.credential(reference)
    if credential is None or not credential.holds_secret:
        member = Member(service)
        member.warnings.append(
            f"No credentials were found for the registry {change.registry}, so the service keeps those that it has."
        )
        return Renewed(member, change.registry, verified=False)
    answer = resolver.ask(reference)
    if isinstance(answer, AccessRefused):
        raise AccessRefused(f"{answer} {USELESS}")
    member = Member(service, Renewal(service, change, credential))
    if isinstance(answer, UnresolvedImage):
        member.warnings.append(f"{answer} {UNVERIFIED}")
    return Renewed(member, change.registry, verified=not isinstance(answer, UnresolvedImage))


def _carried_out(host: Host, rollout: Rollout, single: bool, planned: List[Renewed]) -> Result:
    """The result of the writes. Raises RolloutFailed, whose result is as documented, too."""
    try:
        return _told(host.carry_out(rollout, single), planned)
    except RolloutFailed as error:
        raise RolloutFailed(str(error), _told(error.result, planned)) from None


def _told(result: Result, planned: List[Renewed]) -> Result:
    """The result as documented under RETURN: nothing of tasks, since none is touched."""
    told = [_entry(entry, each) for entry, each in zip(result["services"], planned)]
    single = {"service": told[0]} if "service" in result else {}
    return {**result, "services": told, **single}


def _entry(entry: Dict[str, Any], renewed: Renewed) -> Dict[str, Any]:
    kept = {name: value for name, value in entry.items() if name not in ("progress", "tasks")}
    return {**kept, "registry": renewed.registry, "verified": renewed.verified}

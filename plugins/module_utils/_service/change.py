# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_image. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member, Settings, decide
from ansible_collections.swarmops.rollout.plugins.module_utils._service.engines import warning_of_newer_managers
from ansible_collections.swarmops.rollout.plugins.module_utils._service.options import (
    Host,
    Params,
    check_credentials,
    choose,
    is_single,
    keychain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Result, as_result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.resolution import ALWAYS, Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


def change_image(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_image. Raises RolloutError."""
    _check_wish(params)
    clock, settings, single = Clock(), _settings(params, host.check_mode), is_single(params)
    resolver = Resolver(engine, keychain(params, host.run_program), clock)
    rollout = Rollout(engine, clock, settings, _members(engine, params, resolver, settings))
    if host.check_mode:
        return as_result([member.entry for member in rollout.members], single)
    return host.carry_out(rollout, single)


def _members(engine: Engine, params: Params, resolver: Resolver, settings: Settings) -> List[Member]:
    """The services that are meant, and what is to be done with each."""
    chosen = choose(engine, params, Clock())
    wishes = [(service, _wanted(service, image, params["tag"])) for service, image in chosen]
    check_credentials(params, [wanted for _service, wanted in wishes])
    members = [decide(service, wanted, resolver, settings) for service, wanted in wishes]
    changing = [member for member in members if member.entry.changed]
    warning = warning_of_newer_managers(engine, settings.wait) if changing else ""
    for member in changing if warning else []:
        member.entry.warnings.append(warning)
    return members


def _check_wish(params: Params) -> None:
    """Refuse options that could only do nothing, or contradict each other. Raises InvalidInput."""
    if params["max_parallel"] < 0:
        raise errors.InvalidInput(f"max_parallel is {params['max_parallel']}; it must be 0 (all at once) or more.")
    images = [item["image"] for item in params["services"] or []]
    if params["tag"] is not None and any(image is not None for image in images):
        raise errors.InvalidInput(
            "tag and the image of a service in services are both given; either says what it shall run."
        )
    has_image = params["image"] is not None or (bool(images) and None not in images)
    if not has_image and params["tag"] is None and params["resolve"] != ALWAYS and not params["force"]:
        raise errors.InvalidInput(
            "Neither image nor tag is given, so there is nothing to do but to look whether the tag has moved: "
            "say resolve=always for that, or force=true to redeploy, or give an image or a tag."
        )


def _wanted(service: types.Service, image: Optional[Reference], tag: Optional[str]) -> Reference:
    """The reference that a service shall run: the image given, its own repository's tag, or what it has."""
    if image is not None:
        return image
    present = Reference.parse(stored_image(service["Spec"]))
    if tag is not None:
        return present.with_tag(tag)
    return present.with_digest(None) if present.tag or not present.digest else present


def _settings(params: Params, check_mode: bool) -> Settings:
    return Settings(
        check_mode=check_mode,
        resolve=params["resolve"],
        on_unresolved=params["on_unresolved"],
        force=params["force"],
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
        on_failure=params["on_failure"],
        max_parallel=params["max_parallel"],
    )

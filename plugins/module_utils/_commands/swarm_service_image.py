# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do the work of swarm_service_image. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.nodes import (
    read_nodes,
    warning_of_newer_managers,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Chosen,
    Host,
    Params,
    RegistryOptions,
    lines_of_logs,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference, short
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    MissingImage,
    Resolved,
    UnresolvedImage,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import HandedOn, Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import FAIL, Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    ALWAYS,
    CHANGED,
    NEVER,
    ImageChange,
    Target,
    asks_registry,
    settle,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.platforms import (
    check_platforms,
    warning_of_kept_platforms,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result, as_result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

WARN = "warn"
NO_SUCH_IMAGE = (
    "It has no such image, so no node could pull it, and on_unresolved does not matter. Was it pushed, under this "
    "name? For an image that the nodes have already, set resolve=never."
)


class Options(NamedTuple):
    """The options of swarm_service_image, by the names in its documentation."""

    choice: Choice
    registry: RegistryOptions
    rollout: Settings
    tag: Optional[str] = None
    resolve: str = CHANGED
    on_unresolved: str = WARN
    force: bool = False

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput if they contradict each other, or could do nothing."""
        if params["max_parallel"] < 0:
            raise errors.InvalidInput(f"max_parallel is {params['max_parallel']}; it must be 0 (all at once) or more.")
        images = [item["image"] for item in params["services"] or []]
        if params["tag"] is not None and any(image is not None for image in images):
            raise errors.InvalidInput(
                "tag and the image of a service in services are both given; use only one of them."
            )
        has_image = params["image"] is not None or (bool(images) and None not in images)
        if not has_image and params["tag"] is None and params["resolve"] != ALWAYS and not params["force"]:
            raise errors.InvalidInput(
                "Neither image nor tag is given, so there is nothing to do. Give one of them, or set resolve=always "
                "to follow the tag that the service has, or force=true to redeploy."
            )
        return cls(
            Choice.parse(params),
            RegistryOptions.parse(params),
            Settings(
                params["wait"],
                params["wait_timeout"],
                params["on_failure"],
                params["max_parallel"],
                lines_of_logs(params),
            ),
            params["tag"],
            params["resolve"],
            params["on_unresolved"],
            params["force"],
        )


def change_image(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_image. Raises RolloutError."""
    options, clock = Options.parse(params), Clock()
    resolver = Resolver(engine, options.registry.keychain(host.run_program), clock)
    chosen = options.choice.read(engine, clock)
    members = _members(engine, options, resolver, clock, chosen)
    single = options.choice.is_single
    if host.check_mode:
        return chosen.report(lambda: as_result([member.entry for member in members], single))
    rollout = Rollout(engine, clock, options.rollout, members)
    return chosen.report(lambda: host.carry_out(rollout, single))


def _members(engine: Engine, options: Options, resolver: Resolver, clock: Clock, chosen: Chosen) -> List[Member]:
    """Plan what to write into each service."""
    wanted = [(service, _wanted(service, image, options.tag)) for service, image in chosen.services]
    options.registry.check([reference for _service, reference in wanted])
    members = [plan_member(service, reference, resolver, options) for service, reference in wanted]
    changing = [member for member in members if member.changed]
    nodes = read_nodes(engine, clock, options.rollout.wait) if changing else []
    _check_nodes(engine, changing, nodes)
    return members


def _check_nodes(engine: Engine, changing: List[Member], nodes: List[types.Node]) -> None:
    """Check that the nodes can run the new images, and warn of what the update may lose. Raises NoNodeFits."""
    of_managers = warning_of_newer_managers(engine, nodes)
    for member in changing:
        change = member.write.change if isinstance(member.write, Update) else None
        of_platforms = check_platforms(member.service, change.target, nodes) if change else ""
        member.warnings += [warning for warning in (of_platforms, of_managers) if warning]


def _wanted(service: types.Service, image: Optional[Reference], tag: Optional[str]) -> Reference:
    """The reference that a service should run: the given image, its own repository at the given tag, or its own one."""
    if image is not None:
        return image
    present = Reference.parse(stored_image(service["Spec"]))
    if tag is not None:
        return present.with_tag(tag)
    return present.with_digest(None) if present.tag or not present.digest else present


def plan_member(service: types.Service, wanted: Reference, resolver: Resolver, options: Options) -> Member:
    """Plan what to do with one service; ask the registry if needed.

    Raises UnresolvedImage with `on_unresolved: fail` and for an image that does not exist, OtherDigest,
    UnsupportedService, CredentialError, InvalidInput.
    """
    image = stored_image(service["Spec"])
    answer = resolver.ask(wanted) if asks_registry(wanted, image, options.resolve) else None
    is_needed = options.resolve != NEVER and not Target(wanted).is_met_by(image)
    if isinstance(answer, MissingImage) and is_needed:
        raise MissingImage(f"{answer} {NO_SUCH_IMAGE}")
    if isinstance(answer, UnresolvedImage) and options.on_unresolved == FAIL:
        raise answer
    change = ImageChange(settle(wanted, answer if isinstance(answer, Resolved) else None), options.force)
    handed_on = HandedOn() if change.is_met_by(service["Spec"]) else resolver.hand_on(wanted, image)
    member = Member(service, Update(service, change, handed_on.credential))
    is_kept = change.target.platforms is None and "image" in member.entry.changes
    of_platforms = warning_of_kept_platforms(service["Spec"]) if is_kept else ""
    of_digest = f"{answer} {_consequence(wanted, image)}" if isinstance(answer, UnresolvedImage) else ""
    member.warnings += [warning for warning in (of_digest, of_platforms, handed_on.warning) if warning]
    return member


def _consequence(wanted: Reference, image: str) -> str:
    """What a missing digest means for a service that holds `image`."""
    if Target(wanted).is_met_by(image):
        return f"Whether the tag has moved is not known; the service keeps {short(image)}."
    if wanted.digest is not None:
        return "The digest is the one that was asked for; which platforms it is for is not known."
    image = wanted.with_default_tag().familiar
    return f"The service gets {image} without a digest, so each node pulls what the tag then stands for."

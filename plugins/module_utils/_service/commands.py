# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One function a module: from its options to its result. Private to this collection."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import (
    DockerConfigKeychain,
    GivenKeychain,
    Keychain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Convergence
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member, Settings, decide
from ansible_collections.swarmops.rollout.plugins.module_utils._service.inventory import asked_of_registries, describe
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import CONVERGED, Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import (
    Entry,
    Result,
    RolloutFailed,
    as_result,
    explain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.resolution import ALWAYS, Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._service.reversal import Reversal
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import (
    Selector,
    find_services,
    select_services,
)

Params = Dict[str, Any]
Chosen = List[Tuple[Service, Optional[Reference]]]


def change_image(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Do the work of swarm_service_image. Raises RolloutError."""
    _check_wish(params)
    keychain = _keychain(params)
    clock = Clock()
    chosen = _choose(engine, params, clock)
    wishes = [(service, _wanted(service, image, params["tag"])) for service, image in chosen]
    _check_credentials(params, [wanted for _service, wanted in wishes])
    settings = _settings(params, check_mode)
    resolver = Resolver(engine, keychain, clock)
    members = [decide(service, wanted, resolver, settings) for service, wanted in wishes]
    if not check_mode:
        Rollout(engine, clock, settings, members).run(_is_single(params))
    return _result(members, params)


def wait_for_services(engine: Engine, params: Params, _check_mode: bool) -> Result:
    """Do the work of swarm_service_wait, which changes nothing and is the same in check mode. Raises RolloutError."""
    clock = Clock()
    chosen = _choose(engine, params, clock)
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
    result = as_result(entries, _is_single(params))
    if problems:
        raise RolloutFailed(" ".join(problems), result)
    return result


def roll_back_services(engine: Engine, params: Params, check_mode: bool) -> Result:
    """Do the work of swarm_service_rollback. Raises RolloutError."""
    clock = Clock()
    chosen = _choose(engine, params, clock)
    reversal = Reversal(engine, clock, params["wait_timeout"] if params["wait"] else None)
    entries = [reversal.decide(service, guard) for service, guard in chosen]
    if not check_mode:
        reversal.run(_is_single(params))
    return as_result(entries, _is_single(params))


def list_images(engine: Engine, params: Params, _check_mode: bool) -> Result:
    """Do the work of swarm_service_image_info, which reads only. Raises RolloutError."""
    keychain = _keychain(params)
    clock = Clock()
    chosen = _choose(engine, params, clock)
    services = [service for service, _image in chosen]
    if params["check_registry"]:
        _check_credentials(params, asked_of_registries(services))
    resolver = Resolver(engine, keychain, clock) if params["check_registry"] else None
    described = describe(engine, services, resolver)
    result: Result = {"changed": False, "services": described}
    if _is_single(params):
        result["service"] = described[0]
    return result


def _choose(engine: Engine, params: Params, clock: Clock) -> Chosen:
    """The services that are meant, each with the image that the options give it."""
    read = _choice(params)
    engine.connect()
    return Patience(clock, engine).read(lambda: read(engine))


def _choice(params: Params) -> Callable[[Engine], Chosen]:
    """Check the options that say which services are meant; gives what reads them. Raises InvalidInput."""
    image = params.get("image")
    common = Reference.parse(image) if image is not None else None
    listed = params.get("services")
    if listed is not None:
        if common is not None:
            raise InvalidInput("image goes with name and select; in services each item has its own.")
        if not listed:
            raise InvalidInput("services is an empty list.")
        images = [Reference.parse(item["image"]) if item.get("image") is not None else None for item in listed]
        names = [item["name"] for item in listed]
        return lambda engine: list(zip(find_services(engine, names), images))
    if params["select"] is not None:
        selector = Selector.parse(**params["select"])
        allow_none = params["allow_none"]
        return lambda engine: [(service, common) for service in select_services(engine, selector, allow_none)]
    if params["name"] is None:
        raise InvalidInput("No service is named: name, services and select are all empty.")
    return lambda engine: [(service, common) for service in find_services(engine, [params["name"]])]


def _is_single(params: Params) -> bool:
    return params["name"] is not None


def _check_wish(params: Params) -> None:
    """Refuse options that could only do nothing, or contradict each other. Raises InvalidInput."""
    if params["max_parallel"] < 0:
        raise InvalidInput(f"max_parallel is {params['max_parallel']}; it must be 0 (all at once) or more.")
    images = [item["image"] for item in params["services"] or []]
    if params["tag"] is not None and any(image is not None for image in images):
        raise InvalidInput("tag and the image of a service in services are both given; either says what it shall run.")
    has_image = params["image"] is not None or (bool(images) and None not in images)
    if not has_image and params["tag"] is None and params["resolve"] != ALWAYS and not params["force"]:
        raise InvalidInput(
            "Neither image nor tag is given, so there is nothing to do but to look whether the tag has moved: "
            "say resolve=always for that, or force=true to redeploy, or give an image or a tag."
        )


def _wanted(service: Service, image: Optional[Reference], tag: Optional[str]) -> Reference:
    """The reference that a service shall run: the image given, its own repository's tag, or what it has."""
    if image is not None:
        return image
    present = Reference.parse(stored_image(service["Spec"]))
    if tag is not None:
        return present.with_tag(tag)
    return present.with_digest(None) if present.tag or not present.digest else present


def _check_credentials(params: Params, wanted: List[Reference]) -> None:
    """One user's password goes to one registry. Raises InvalidInput."""
    domains = sorted({reference.domain for reference in wanted})
    if params["registry_username"] is not None and len(domains) > 1:
        raise InvalidInput(
            f"registry_username and registry_password are for one registry, but the images are in "
            f"{', '.join(domains)}. "
            "Use registry_auth=docker_config, or a task for each registry."
        )


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


def _result(members: List[Member], params: Params) -> Result:
    return as_result([member.entry for member in members], _is_single(params))


def _keychain(params: Params) -> Keychain:
    if params["registry_username"] is not None:
        return GivenKeychain(params["registry_username"], params["registry_password"])
    if params["registry_auth"] == "docker_config":
        return DockerConfigKeychain(params["docker_config"])
    if params["docker_config"] is not None:
        raise InvalidInput("docker_config is given, but it is read only with registry_auth=docker_config.")
    return Keychain()

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report which image each service runs, and how it stands. Private to this collection."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Host,
    Params,
    RegistryOptions,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import UnresolvedImage
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import state_of

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

Description = Dict[str, Any]
STACK_IMAGE_LABEL = "com.docker.stack.image"  # what the stack's file said at its last deployment (docker/cli)


class Options(NamedTuple):
    """The options of swarm_service_image_info."""

    choice: Choice
    registry: RegistryOptions
    check_registry: bool

    @classmethod
    def parse(cls, params: Params) -> Options:
        """Read the options. Raises InvalidInput."""
        return cls(Choice.parse(params), RegistryOptions.parse(params), params["check_registry"])


def list_images(engine: Engine, params: Params, host: Host) -> Result:
    """Do the work of swarm_service_image_info, which reads only. Raises RolloutError."""
    options, clock = Options.parse(params), Clock()
    keychain = options.registry.keychain(host.run_program)
    resolver = Resolver(engine, keychain, clock) if options.check_registry else None
    chosen = options.choice.read(engine, clock)
    services = [service for service, _image in chosen.services]
    if options.check_registry:
        options.registry.check(asked_of_registries(services))
    described = describe(engine, services, resolver)
    result: Result = {"changed": False, "services": described}
    if options.choice.is_single:
        result["service"] = described[0]
    return chosen.report(lambda: result)


def describe(engine: Engine, services: List[types.Service], resolver: Optional[Resolver]) -> List[Description]:
    """Describe services as documented under RETURN; with a resolver, also what their registries have now.

    If something cannot be determined for one service, its `error` says why, and the others are still described. Raises
    EngineError.
    """
    tasks = engine.tasks(any_of("service", [service["ID"] for service in services])) if services else []
    by_service: Dict[str, List[types.Task]] = {}
    for task in tasks:
        by_service.setdefault(str(task.get("ServiceID")), []).append(task)
    return [_describe(service, by_service.get(service["ID"], []), resolver) for service in services]


def asked_of_registries(services: List[types.Service]) -> List[Reference]:
    """The references to ask registries for: those that are valid and may move."""
    references = []
    for service in services:
        try:
            reference = Reference.parse(stored_image(service["Spec"]))
        except errors.RolloutError:
            continue
        if not _is_pinned_for_good(reference):
            references.append(reference)
    return references


def _is_pinned_for_good(reference: Reference) -> bool:
    """Whether a reference has a digest, and no tag that could move away from it."""
    return reference.tag is None and reference.digest is not None


def _describe(service: types.Service, tasks: List[types.Task], resolver: Optional[Resolver]) -> Description:
    status = service.get("UpdateStatus")
    return {
        "id": service["ID"],
        "name": name_of(service),
        "version": service["Version"]["Index"],
        "image": None,
        "repository": None,
        "tag": None,
        "digest": None,
        "update_status": {
            "state": status.get("State"),
            "message": errors.quote(status.get("Message", "")),
            "started_at": status.get("StartedAt"),
            "completed_at": status.get("CompletedAt"),
        }
        if status
        else None,
        "tasks": _count_tasks(tasks),
        "registry_digest": None,
        "outdated": None,
        "stack_image": None,
        "drifted": None,
        "error": None,
        **_drift(service["Spec"]),
        **_image(service, resolver),
    }


def _image(service: types.Service, resolver: Optional[Resolver]) -> Description:
    """The parts of a service's reference and how it compares with its registry, or why that is not known."""
    told: Description = {}
    try:
        image = stored_image(service["Spec"])
        told["image"] = errors.quote(image)
        reference = Reference.parse(image)
        told.update(repository=reference.familiar_repository, tag=reference.tag, digest=reference.digest)
        if resolver is not None:
            told.update(_compare(reference, resolver))
    except errors.RolloutError as error:
        told["error"] = str(error)
    return told


def _drift(spec: types.ServiceSpec) -> Description:
    """What the stack's file said, and whether another reference runs; nothing for a service without that label."""
    label = (spec.get("Labels") or {}).get(STACK_IMAGE_LABEL)
    if label is None:
        return {}
    told: Description = {"stack_image": errors.quote(label)}
    try:
        wanted = Reference.parse(label)
    except errors.RolloutError as error:
        return {**told, "error": f"Whether the service has drifted is not known ({STACK_IMAGE_LABEL}): {error}"}
    with suppress(errors.RolloutError):  # the service's own image: `_image` says why
        told["drifted"] = not wanted.covers(Reference.parse(stored_image(spec)))
    return told


def _compare(reference: Reference, resolver: Resolver) -> Description:
    """Compare a reference with its registry. One that is pinned for good cannot be outdated."""
    if _is_pinned_for_good(reference):
        return {"outdated": False}
    answer = resolver.ask(reference.with_digest(None))
    if isinstance(answer, UnresolvedImage):
        return {"error": str(answer)}
    return {
        "registry_digest": answer.digest,
        "outdated": answer.digest != reference.digest if reference.digest else None,
    }


def _count_tasks(tasks: List[types.Task]) -> Dict[str, Dict[str, int]]:
    """Count the tasks by state and by image, without those of the past."""
    by_state: Dict[str, int] = {}
    by_image: Dict[str, int] = {}
    for task in tasks:
        if task.get("DesiredState") in ("shutdown", "remove") and state_of(task) != "complete":
            continue
        image = str(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image"))
        by_state[state_of(task)] = by_state.get(state_of(task), 0) + 1
        by_image[image] = by_image.get(image, 0) + 1
    return {"by_state": by_state, "by_image": by_image}

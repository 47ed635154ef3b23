# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which services are meant. Private to this collection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

STACK_LABEL = "com.docker.stack.namespace"
SHORT_ID_LENGTH = 12
MOST_SUGGESTIONS = 3
AMBIGUOUS_PREFIX = "ambiguous"
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?", re.ASCII)  # swarmkit, manager/controlapi/common.go


class Selector(NamedTuple):
    """What services have in common. All that is stated must hold; `repository` is the one that they run now."""

    stack: Optional[str]
    labels: Dict[str, str]
    repository: Optional[Reference]

    @classmethod
    def parse(cls, stack: Optional[str], labels: Optional[Dict[str, Any]], repository: Optional[str]) -> Selector:
        """Check the option `select`. Raises InvalidInput."""
        if not (stack or labels or repository):
            raise errors.InvalidInput(
                "select is empty: give it a stack, labels or a repository, or all services would be meant."
            )
        reference = Reference.parse(repository) if repository else None
        if reference is not None and (reference.tag or reference.digest):
            raise errors.InvalidInput(
                f"select.repository is {repository!r}: a repository has neither a tag nor a digest."
            )
        if labels and None in labels.values():
            raise errors.InvalidInput("select.labels has a label without a value; an empty one is written as ''.")
        return cls(stack or None, {key: _label(value) for key, value in (labels or {}).items()}, reference)

    @property
    def required_labels(self) -> List[Tuple[str, str]]:
        """The labels that a service must have, the stack's own among them."""
        stack = [(STACK_LABEL, self.stack)] if self.stack else []
        return [*self.labels.items(), *stack]

    def takes(self, service: types.Service) -> bool:
        """Whether a service has all that is stated."""
        labels = service["Spec"].get("Labels") or {}
        if any(labels.get(key) != value for key, value in self.required_labels):
            return False
        return self.repository is None or _repository(service) == self.repository.repository

    def __str__(self) -> str:
        labels = [f"label {key}={value}" for key, value in self.labels.items()]
        stack = [f"stack {self.stack}"] if self.stack else []
        repository = [f"repository {self.repository.familiar_repository}"] if self.repository else []
        return ", ".join(stack + labels + repository)


def find_service(engine: Engine, name: str) -> types.Service:
    """Read the service of this exact name, full ID or 12-character short ID.

    Raises InvalidInput for an empty name, ServiceNotFound with the names that come near, EngineError.
    """
    _check_names([name])
    service = _look_up(engine, name)
    if service is None or not _is_called(service, name):
        raise errors.ServiceNotFound(name, _near(name, engine.services()))
    return service


def find_services(engine: Engine, names: List[str]) -> List[types.Service]:
    """Read services by name or ID, as find_service does, with one request for all, or two; in the order given.

    Raises InvalidInput where two names mean one service.
    """
    _check_names(names)
    if len(names) == 1:
        return [find_service(engine, names[0])]
    present = _candidates(engine, names)
    by_name = {str(service["Spec"].get("Name")): service for service in present}
    by_id = {key: service for service in present for key in (service["ID"], service["ID"][:SHORT_ID_LENGTH])}
    found: Dict[str, types.Service] = {}
    for name in names:
        service = by_name.get(name) or by_id.get(name)
        if service is None:
            raise errors.ServiceNotFound(name, _near(name, present))
        if service["ID"] in found:
            raise errors.InvalidInput(f"The service {service['Spec'].get('Name')!r} is listed twice.")
        found[service["ID"]] = service
    return list(found.values())


def _candidates(engine: Engine, names: List[str]) -> List[types.Service]:
    """The services whose names begin with one of these, or all where that leaves one out or takes a long filter."""
    filters = any_of("name", names)
    if filters:
        present = engine.services(filters)
        if {service["Spec"].get("Name") for service in present}.issuperset(names):
            return present
    return engine.services()


def select_services(engine: Engine, selector: Selector, allow_none: bool) -> List[types.Service]:
    """Read the services that a selector takes, by name. Raises ServiceNotFound where none is taken."""
    # The engine splits a filter at its first "=", so it cannot be asked for a key that holds one.
    labels = [f"{key}={value}" for key, value in selector.required_labels if "=" not in key]
    present = engine.services({"label": labels} if labels else None)
    taken = [service for service in present if selector.takes(service)]
    if not taken and not allow_none:
        raise errors.InvalidInput(f"No service has {selector}. With allow_none=true that would be fine.")
    return sorted(taken, key=lambda service: str(service["Spec"].get("Name")))


def _label(value: Any) -> str:
    """A label's text, for values that YAML has read as something else."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _repository(service: types.Service) -> Optional[str]:
    container = (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    try:
        return Reference.parse(str(container.get("Image", ""))).repository
    except InvalidReference:
        return None


def _check_names(names: List[str]) -> None:
    if not all(name.strip() for name in names):
        raise errors.InvalidInput("The name of a service is empty.")


def _look_up(engine: Engine, name: str) -> Optional[types.Service]:
    if not _NAME.fullmatch(name):
        return None
    try:
        return engine.service(name)
    except errors.NotFound:
        return None
    except errors.ApiError as error:
        if AMBIGUOUS_PREFIX in error.reason:
            return None
        raise


def _is_called(service: types.Service, name: str) -> bool:
    """The engine also takes a prefix of an ID of any length; here it must be the usual short one."""
    identifier = service["ID"]
    is_short_id = len(name) == SHORT_ID_LENGTH and identifier.startswith(name)
    return service["Spec"].get("Name") == name or identifier == name or is_short_id


def _near(name: str, services: Iterable[types.Service]) -> List[str]:
    import difflib  # only an error needs it

    names = sorted(str(service["Spec"].get("Name")) for service in services)
    near = difflib.get_close_matches(name, names, n=MOST_SUGGESTIONS)
    near += [other for other in names if name.lower() in other.lower() and other not in near]
    return [errors.quote(other) for other in near[:MOST_SUGGESTIONS]]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the services that a task names or selects. Private to this collection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import STACK_LABEL, Selector
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

SHORT_ID_LENGTH = 12
MOST_SUGGESTIONS = 3
MOST_NAMES = 5  # services named in a message
AMBIGUOUS_PREFIX = "ambiguous"
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?", re.ASCII)  # swarmkit, manager/controlapi/common.go


def find_service(engine: Engine, name: str) -> types.Service:
    """Read the service with this exact name, full ID or 12-character short ID.

    Raises InvalidInput for an empty name, ServiceNotFound with similar names, EngineError.
    """
    _check_names([name])
    service = _look_up(engine, name)
    if service is None or not _is_called(service, name):
        raise errors.ServiceNotFound(name, _near(name, engine.services()))
    return service


def find_services(engine: Engine, names: List[str]) -> List[types.Service]:
    """Read services by name or ID like find_service, in the order given, with one or two requests in all.

    Raises InvalidInput if two names mean the same service.
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
    """The services whose names begin with one of these; all if one is missing or the filter would be too long."""
    filters = any_of("name", names)
    if filters:
        present = engine.services(filters)
        if {service["Spec"].get("Name") for service in present}.issuperset(names):
            return present
    return engine.services()


class Selected(NamedTuple):
    """The services that a selector matches, by name, without those that it leaves out; and what is to be warned of."""

    services: List[types.Service]
    excluded: List[types.Service]
    warning: str = ""


def select_services(engine: Engine, selector: Selector, allow_none: bool) -> Selected:
    """Read the services that a selector matches. Raises InvalidInput if none is left, unless that is allowed."""
    # The engine splits a filter at its first "=", so it cannot be asked for a key that holds one.
    labels = [key if value is None else f"{key}={value}" for key, value in selector.required_labels if "=" not in key]
    present = engine.services({"label": labels} if labels else None)
    taken = sorted(filter(selector.takes, present), key=lambda service: str(service["Spec"].get("Name")))
    left = [service for service in taken if not selector.exclude.takes(service)]
    excluded = [service for service in taken if selector.exclude.takes(service)]
    warning = _warning_of_labels(left, selector.exclude.misplaced_labels, "left out")
    if not taken and selector.labels:
        warning = _warning_of_labels(_of_stack(engine, selector), selector.misplaced_labels, "selected")
    if not left and not allow_none:
        raise errors.InvalidInput(_message_of_none(selector, excluded, warning))
    return Selected(left, excluded, warning)


def _of_stack(engine: Engine, selector: Selector) -> List[types.Service]:
    """All services of the selector's stack, or all if it names none, whatever their other labels."""
    return engine.services({"label": [f"{STACK_LABEL}={selector.stack}"]} if selector.stack else None)


def _message_of_none(selector: Selector, excluded: List[types.Service], warning: str) -> str:
    if excluded:
        return (
            f"select.exclude leaves out each service that has {selector} ({_names(excluded)}). Set allow_none=true if "
            "that is not an error."
        )
    return f"No service has {selector}. Set allow_none=true if that is not an error. {warning}".rstrip()


def _warning_of_labels(
    services: List[types.Service], misplaced: Callable[[types.Service], List[str]], effect: str
) -> str:
    """A warning that labels are those of containers alone and so had no effect; empty if there are none."""
    found = {service["ID"]: misplaced(service) for service in services}
    concerned = sorted((service for service in services if found[service["ID"]]), key=name_of)
    if not concerned:
        return ""
    labels = sorted({label for labels in found.values() for label in labels})
    is_one = len(concerned) == 1
    return (
        f"The containers of {_names(concerned)} have the label {errors.quote(', '.join(labels))}, and the "
        f"{'service does' if is_one else 'services do'} not, so {'it was' if is_one else 'they were'} not {effect}. "
        "In a compose file the labels of a service stand under deploy."
    )


def _names(services: List[types.Service]) -> str:
    names = [name_of(service) for service in services[:MOST_NAMES]]
    more = len(services) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


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
    """Whether a service has this name or ID. The engine also accepts ID prefixes of any length; this does not."""
    identifier = service["ID"]
    is_short_id = len(name) == SHORT_ID_LENGTH and identifier.startswith(name)
    return service["Spec"].get("Name") == name or identifier == name or is_short_id


def _near(name: str, services: Iterable[types.Service]) -> List[str]:
    import difflib  # only an error needs it

    names = sorted(str(service["Spec"].get("Name")) for service in services)
    near = difflib.get_close_matches(name, names, n=MOST_SUGGESTIONS)
    near += [other for other in names if name.lower() in other.lower() and other not in near]
    return [errors.quote(other) for other in near[:MOST_SUGGESTIONS]]

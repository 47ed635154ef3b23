# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the services that a task names or selects. Private to this collection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import Selector

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

SHORT_ID_LENGTH = 12
MOST_SUGGESTIONS = 3
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


def select_services(engine: Engine, selector: Selector, allow_none: bool) -> List[types.Service]:
    """Read the services that a selector matches, sorted by name. Raises ServiceNotFound if it matches none."""
    # The engine splits a filter at its first "=", so it cannot be asked for a key that holds one.
    labels = [f"{key}={value}" for key, value in selector.required_labels if "=" not in key]
    present = engine.services({"label": labels} if labels else None)
    taken = [service for service in present if selector.takes(service)]
    if not taken and not allow_none:
        raise errors.InvalidInput(f"No service has {selector}. Set allow_none=true if that is not an error.")
    return sorted(taken, key=lambda service: str(service["Spec"].get("Name")))


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

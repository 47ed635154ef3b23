# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a service back to its previous spec, on the server's side. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Union

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import (
    PASSING_FAILURES,
    Clock,
    Patience,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import name_of, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import Expectation
from ansible_collections.swarmops.rollout.plugins.module_utils._service.update import removed

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


def expectation_of(spec: types.ServiceSpec) -> Expectation:
    """What a service runs once it is back at a spec."""
    count = spec["TaskTemplate"].get("ForceUpdate", 0)
    return Expectation(image=stored_image(spec), force_update=count)


def roll_back(engine: Engine, clock: Clock, service: types.Service) -> List[str]:
    """Have the engine put `service` back to the PreviousSpec that it was read with; gives the engine's warnings.

    Compare-and-swap as for an update: where somebody else wrote in between, nothing is rolled back. Raises
    UpdateConflict, UpdateUnfinished, ServiceNotFound, ApiError.
    """
    patience = Patience(clock, engine)
    read, unanswered = service, False
    while True:
        sent = _send(engine, read)
        if not isinstance(sent, errors.EngineError):
            return sent
        unanswered = unanswered or not isinstance(sent, errors.OutOfSequence)
        if not patience.lasts():
            raise _unfinished(service, sent, unanswered)
        try:
            read = patience.read(lambda: engine.service(service["ID"]))
        except errors.NotFound:
            raise removed(service) from None
        except errors.EngineError as error:
            raise _unfinished(service, error, unanswered) from sent
        if unanswered and read["Spec"] == service.get("PreviousSpec"):
            return []
        if read["Spec"] != service["Spec"] or read.get("PreviousSpec") != service.get("PreviousSpec"):
            raise errors.UpdateConflict(
                f"Conflict on the service {name_of(service)}: somebody else changed it before it could be rolled back. "
                "Theirs was left as it is.",
                read,
            )


def _send(engine: Engine, read: types.Service) -> Union[List[str], errors.EngineError]:
    try:
        return engine.roll_back_service(read)
    except (errors.OutOfSequence, *PASSING_FAILURES) as error:
        return error


def _unfinished(service: types.Service, last: errors.EngineError, unanswered: bool) -> errors.UpdateUnfinished:
    fate = (
        "It is not known whether the rollback was started: it was asked for, and the answer never came."
        if unanswered
        else "It was not rolled back."
    )
    return errors.UpdateUnfinished(
        f"The service {name_of(service)} could not be rolled back in time. {fate} The last answer: {last}",
        is_known=not unanswered,
    )

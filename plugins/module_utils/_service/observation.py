# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See how services stand, again and again. Private to this collection.

The engine's event stream tells at once when the update of a service moves on. It says nothing of tasks, so a slow
poll goes beside it. Events of other services are passed over: on a busy swarm there is always one. A stream that
breaks (a restarted engine) is opened again at the next pause.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Collection, Dict, List, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import (
    Expectation,
    Judgement,
    Snapshot,
    judge,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


UP_TO_DATE = "_up-to-date"  # the engine's own filter: tasks on the service's present spec
EVENTS = {"type": ["service"]}
LEAST_PAUSE = 0.2  # seconds between snapshots, however many events come
POLL_INTERVAL = 2.0  # seconds between snapshots where no event comes: three requests each


class Sight(NamedTuple):
    """A service as it was seen, and how it was judged."""

    snapshot: Snapshot
    judgement: Judgement


class Observer:
    """Takes snapshots of services with three requests, whatever their number, and a fourth where `sees_former`.

    It remembers since when it has seen each task running.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._running_since: Dict[str, float] = {}
        self.sees_former = False

    @property
    def held(self) -> Dict[str, float]:
        """For how many seconds each task has been seen running."""
        now = self._clock.now()
        return {task: now - since for task, since in self._running_since.items()}

    def look(self, expected: Dict[str, Expectation]) -> Dict[str, Optional[Sight]]:
        """How the services of these IDs stand; None for one that is gone. Raises EngineError."""
        present = self._engine.services(any_of("id", list(expected)))
        services = {service["ID"]: service for service in present if service["ID"] in expected}
        tasks = self._tasks(list(services), {UP_TO_DATE: ["true"]})
        former = self._former(list(services), tasks)
        nodes = self._engine.nodes()
        self._remember_running(tasks)
        held, own, own_former = self.held, _by_service(tasks), _by_service(former)
        sights: Dict[str, Optional[Sight]] = dict.fromkeys(expected)
        for identifier, service in services.items():
            now, before = own.get(identifier, []), own_former.get(identifier, [])
            snapshot = Snapshot(service, now, nodes, self._engine.date, held, before)
            sights[identifier] = Sight(snapshot, judge(snapshot, expected[identifier]))
        return sights

    def _tasks(self, identifiers: List[str], filters: types.Filters) -> List[types.Task]:
        """Tasks of these services; the engine answers 404 where one of the services has just been removed."""
        if not identifiers:
            return []
        found = self._engine.tasks({**any_of("service", identifiers), **filters})
        wanted = set(identifiers)
        return [task for task in found if task.get("ServiceID") in wanted]

    def _former(self, identifiers: List[str], tasks: List[types.Task]) -> List[types.Task]:
        if not self.sees_former:
            return []
        present = {task["ID"] for task in tasks}
        going_on = self._tasks(identifiers, {"desired-state": ["running"]})
        return [task for task in going_on if task["ID"] not in present]

    def _remember_running(self, tasks: List[types.Task]) -> None:
        now = self._clock.now()
        running = [task["ID"] for task in tasks if state_of(task) == "running"]
        self._running_since = {task: self._running_since.get(task, now) for task in running}


def _by_service(tasks: List[types.Task]) -> Dict[str, List[types.Task]]:
    grouped: Dict[str, List[types.Task]] = {}
    for task in tasks:
        grouped.setdefault(str(task.get("ServiceID")), []).append(task)
    return grouped


class Watch:
    """A pause between snapshots that ends early when the engine tells of a change to one of the services."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Event()
        self._listener: Optional[threading.Thread] = None
        self._identifiers: Collection[str] = ()

    def pause(self, seconds: float, identifiers: Collection[str]) -> None:
        """Wait for a change to a service of these IDs, or until the time is over, and a moment at least."""
        self._identifiers = tuple(identifiers)
        if self._listener is None or not self._listener.is_alive():
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
        least = min(LEAST_PAUSE, seconds)
        time.sleep(least)
        self._changed.wait(seconds - least)
        self._changed.clear()

    def _listen(self) -> None:
        try:
            for event in self._engine.events(EVENTS):
                if service_of(event) in self._identifiers:
                    self._changed.set()
        except errors.EngineError:
            return


def service_of(event: bytes) -> str:
    """The ID of the service that an event tells of; empty where it tells of none."""
    try:
        return str(json.loads(event.decode("utf-8"))["Actor"]["ID"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See how services stand, again and again. Private to this collection.

The engine's event stream tells at once when the update of a service moves on. It says nothing of tasks, so
a slow poll goes beside it. A stream that breaks (a restarted engine) is opened again at the next pause.
"""

from __future__ import annotations

import threading
from typing import Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import EngineError
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service, Task
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import (
    Expectation,
    Judgement,
    Snapshot,
    judge,
    state_of,
)

UP_TO_DATE = "_up-to-date"  # the engine's own filter: tasks on the service's present spec
EVENT_TYPES = ["service", "node"]
POLL_INTERVAL = 2.0  # seconds between snapshots where no event comes: three requests each

Seen = Optional[Tuple[Service, Judgement]]


class Observer:
    """Takes snapshots of services with three requests, whatever their number.

    It remembers since when it has seen each task running.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._running_since: Dict[str, float] = {}

    def judgements(self, expected: Dict[str, Expectation]) -> Dict[str, Seen]:
        """How the services of these IDs stand; None for one that is gone. Raises EngineError."""
        services = {service["ID"]: service for service in self._engine.services({"id": list(expected)})}
        tasks = self._tasks(list(services))
        nodes = self._engine.nodes()
        held = self._seen_running(tasks)
        by_service: Dict[str, List[Task]] = {}
        for task in tasks:
            by_service.setdefault(str(task.get("ServiceID")), []).append(task)
        judged: Dict[str, Seen] = dict.fromkeys(expected)
        for identifier, expectation in expected.items():
            service = services.get(identifier)
            if service is not None:
                own = by_service.get(identifier, [])
                snapshot = Snapshot(service, own, nodes, self._engine.date, held)
                judged[identifier] = service, judge(snapshot, expectation)
        return judged

    def _tasks(self, identifiers: List[str]) -> List[Task]:
        """The up-to-date tasks; the engine answers 404 where one of the services has just been removed."""
        return self._engine.tasks({"service": identifiers, UP_TO_DATE: ["true"]}) if identifiers else []

    def _seen_running(self, tasks: List[Task]) -> Dict[str, float]:
        now = self._clock.now()
        running = [task["ID"] for task in tasks if state_of(task) == "running"]
        self._running_since = {task: self._running_since.get(task, now) for task in running}
        return {task: now - since for task, since in self._running_since.items()}


class Watch:
    """A pause between snapshots that ends early when the engine tells of a change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Event()
        self._listener: Optional[threading.Thread] = None

    def pause(self, seconds: float) -> None:
        """Wait for a change, or until the time is over."""
        if self._listener is None or not self._listener.is_alive():
            self._listener = threading.Thread(target=self._listen, daemon=True)
            self._listener.start()
        self._changed.wait(seconds)
        self._changed.clear()

    def _listen(self) -> None:
        try:
            for _event in self._engine.events({"type": EVENT_TYPES}):
                self._changed.set()
        except EngineError:
            return

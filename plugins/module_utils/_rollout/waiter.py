# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until services have converged, or say why not. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import LAST_LOOK, Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import (
    LONGEST_REST,
    POLL_INTERVAL,
    REST,
    Observer,
    Seen,
    Watch,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.explanation import Facts
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UPDATED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, Status
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    failing_tasks,
    image_of,
    is_job,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

LAST_MOMENT = 1.0  # seconds for requests where no time is left
SHORTEST_WAIT = 0.001  # seconds beyond the moment at which time alone changes a status


@dataclass(repr=False)
class Wait:
    """One service that is waited for; `deadline` is a time of the clock.

    It has ended once it has an outcome; `reason` says what was last seen, beside how many tasks run.
    """

    service: types.Service
    expected: Expectation
    deadline: float
    seen: Optional[Seen] = None
    outcome: Optional[Outcome] = None
    reason: str = ""
    tasks: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        """The service's ID."""
        return self.service["ID"]

    @property
    def is_looked_into(self) -> bool:
        """Whether the service was seen and has failed, so that its tasks say what went wrong."""
        return self.status is not None and self.outcome not in (None, CONVERGED, SUPERSEDED, UPDATED)

    def concerns(self, task: types.Task) -> bool:
        """Whether a task belongs to the rollout that is waited for, even if the swarm has rolled it back since."""
        if self.expected.image is not None:
            return image_of(task) == self.expected.image
        is_present = image_of(task) == stored_image(self.service["Spec"])
        return is_present != (self.outcome == ROLLED_BACK or self.is_going_back)

    @property
    def is_going_back(self) -> bool:
        """Whether the swarm itself is rolling the service back; it then keeps no previous spec."""
        state = (self.service.get("UpdateStatus") or {}).get("State", "")
        return state == "rollback_started" and not self.service.get("PreviousSpec") and self.outcome is None

    @property
    def status(self) -> Optional[Status]:
        """How the service stood when it was last seen; None if it has not been seen."""
        return self.seen.status if self.seen else None

    def see(self, seen: Seen) -> None:
        """Record how the service stands."""
        self.service, self.seen = seen.snapshot.service, seen
        self.outcome, self.reason = seen.status.outcome, seen.status.reason

    def take_failing(self, tasks: List[types.Task], nodes: List[types.Node]) -> None:
        """Record what is wrong with those tasks that belong to the rollout that is waited for."""
        own = [task for task in tasks if self.concerns(task)]
        self.tasks = failing_tasks(self.service, own, nodes, is_given_up=self.outcome == PAUSED) or self.tasks

    def facts(self, wanted: str, limit: float) -> Facts:
        """How the wait ended, for a message. `wanted` is the image as stored, `limit` the wait's limit in seconds."""
        outcome, present = self.outcome or TIMED_OUT, stored_image(self.service["Spec"])
        if self.seen is None:
            return Facts(outcome, wanted, present, self.reason, limit)
        status, verb = self.seen.status, "completed" if is_job(self.service) else "run"
        is_spread = len(self.seen.snapshot.nodes) > 1
        count = f"{status.running}/{status.desired} {verb}"
        return Facts(outcome, wanted, present, self.reason, limit, count, self.tasks, is_spread)

    def end(self, outcome: Outcome, reason: str) -> None:
        """End the wait with an outcome that the swarm did not report."""
        self.outcome, self.reason = outcome, reason


class Waiter:
    """Watches services until each has an outcome.

    Failures to read are ignored until a service's own time is over: engines restart, leaders change. A definite refusal
    ends each wait as `updated`, since the rest of the rollout cannot be seen.
    """

    def __init__(self, engine: Engine, clock: Clock, watch: Watch) -> None:
        self._engine = engine
        self._clock = clock
        self._watch = watch
        self.observer = Observer(engine, clock)
        self.poll_interval = POLL_INTERVAL
        self.trouble = ""  # why the last look failed
        self._active: Dict[str, Wait] = {}
        self._explained: Set[str] = set()  # the IDs of the services whose way back was explained

    @property
    def left(self) -> float:
        """Seconds until the last wait times out."""
        now = self._clock.now()
        return max((wait.deadline for wait in self.active), default=now) - now

    @property
    def active(self) -> List[Wait]:
        """The services that are still waited for."""
        return list(self._active.values())

    def add(self, service: types.Service, expected: Expectation, seconds: float) -> Wait:
        """Wait for a service, for at most so many seconds from now."""
        wait = Wait(service, expected, self._clock.now() + seconds)
        self._active[wait.identifier] = wait
        return wait

    def give_up(self, identifier: str) -> None:
        """Stop waiting for the service with this ID."""
        del self._active[identifier]

    def look(self) -> None:
        """Look at the services; those that have ended get an outcome, and are no longer waited for."""
        self.trouble = self._read()
        ended = []
        for wait in self.active:
            if wait.outcome is None and self._clock.now() >= wait.deadline:
                wait.end(TIMED_OUT, self.trouble or wait.reason)
            if wait.outcome is not None:
                del self._active[wait.identifier]
                ended.append(wait)
        self._find_failing_tasks([wait for wait in ended if wait.is_looked_into] + self._turned_back())

    def pause(self) -> None:
        """Wait until there may be news: from the engine, or because a task has now run for long enough."""
        if not self._active:
            return
        waits = self._active.values()
        rest = max(self.poll_interval, min(self.observer.seconds * REST, LONGEST_REST))
        moments = [min(wait.deadline for wait in waits), self._clock.now() + rest]
        settling = [wait.status.settles_in for wait in waits if wait.status is not None]
        moments += [self.observer.began + left + SHORTEST_WAIT for left in settling if left is not None]
        self._watch.pause(max(0.0, min(moments) - self._clock.now()), self._active)

    def _read(self) -> str:
        seconds = min(wait.deadline for wait in self.active) - self._clock.now()
        try:
            with self._engine.within(max(LAST_LOOK, seconds)):
                found = self.observer.look({wait.identifier: wait.expected for wait in self.active})
        except errors.NotAllowed as error:
            for wait in self.active:
                wait.end(UPDATED, str(error))
            return str(error)
        except errors.EngineError as error:
            return str(error)
        for identifier, seen in found.items():
            if seen is None:
                self._active[identifier].end(SUPERSEDED, "somebody else removed it")
            else:
                self._active[identifier].see(seen)
        return ""

    def _turned_back(self) -> List[Wait]:
        """The services that the swarm has begun to roll back since the last look, if somebody is watching."""
        found = [wait for wait in self.active if wait.is_going_back and wait.identifier not in self._explained]
        self._explained.update(wait.identifier for wait in found)
        return found if self.observer.sees_former else []

    def _find_failing_tasks(self, waits: List[Wait]) -> None:
        """Find what went wrong with services.

        After a timeout, that is in what was last seen. Otherwise it takes two requests for all of them, since the tasks
        of a rollout that the swarm has rolled back are not in what was last seen.
        """
        for wait in waits:
            if wait.outcome == TIMED_OUT and wait.seen is not None:
                snapshot = wait.seen.snapshot
                wait.take_failing(snapshot.tasks, snapshot.nodes)
        ended = [wait for wait in waits if wait.outcome != TIMED_OUT]
        if not ended:
            return
        retry = Retry(self._clock, self._engine, self._time_for_tasks(ended))
        try:
            tasks = retry.call(lambda: self._engine.tasks(any_of("service", [wait.identifier for wait in ended])))
            nodes = retry.call(self._engine.nodes)
        except errors.EngineError:
            return  # the outcome stands without them
        for wait in ended:
            wait.take_failing([task for task in tasks if task.get("ServiceID") == wait.identifier], nodes)

    def _time_for_tasks(self, waits: List[Wait]) -> float:
        """The seconds left of the shortest wait; a moment if an outcome came with the last look."""
        return max(LAST_MOMENT, min(wait.deadline for wait in waits) - self._clock.now())

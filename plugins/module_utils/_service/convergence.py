# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until services have converged, or say why not. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import (
    LONGEST_REST,
    POLL_INTERVAL,
    REST,
    Observer,
    Sight,
    Watch,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UPDATED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import LAST_LOOK, Clock, Patience
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import spec_secrets, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import (
    Expectation,
    Judgement,
    image_of,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import (
    ALWAYS_RESTARTS,
    FAILED_STATES,
    is_live,
    restart_policy,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_FAILING_TASKS = 10
LAST_MOMENT = 1.0  # seconds for requests where no time is left
SHORTEST_WAIT = 0.001  # seconds beyond the moment at which time alone changes a judgement


@dataclass(eq=False, repr=False)
class Wait:
    """One service that is waited for; `deadline` is a moment of the clock.

    It has ended when it has an outcome; `reason` says more where that is not `converged`.
    """

    service: types.Service
    expected: Expectation
    deadline: float
    sight: Optional[Sight] = None
    outcome: Optional[str] = None
    reason: str = ""
    tasks: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        """The service's ID."""
        return self.service["ID"]

    def concerns(self, task: types.Task) -> bool:
        """Whether a task belongs to what was waited for, which the swarm may have rolled back since."""
        if self.expected.image is not None:
            return image_of(task) == self.expected.image
        is_present = image_of(task) == stored_image(self.service["Spec"])
        return is_present != (self.outcome == ROLLED_BACK)

    @property
    def judgement(self) -> Optional[Judgement]:
        """How the service stood when it was seen last; None where it has not been seen."""
        return self.sight.judgement if self.sight else None

    def see(self, sight: Sight) -> None:
        """Take in how the service stands."""
        self.service, self.sight = sight.snapshot.service, sight
        self.outcome, self.reason = sight.judgement.outcome, sight.judgement.message

    def take_failing(self, tasks: List[types.Task], nodes: List[types.Node]) -> None:
        """Take in what is wrong with those of the service's tasks that belong to what was waited for."""
        own = [task for task in tasks if self.concerns(task)]
        self.tasks = failing_tasks(self.service, own, nodes, is_given_up=self.outcome == PAUSED)

    def end(self, outcome: str, reason: str) -> None:
        """End without the swarm's word."""
        self.outcome, self.reason = outcome, reason


class Convergence:
    """Watches services until each has an outcome.

    Failures to read are passed over until a service's own time is over: engines restart, leaders change. A definite
    refusal ends each wait as `updated`, since how the service goes on cannot be seen.
    """

    def __init__(self, engine: Engine, clock: Clock, watch: Watch) -> None:
        self._engine = engine
        self._clock = clock
        self._watch = watch
        self.observer = Observer(engine, clock)
        self.poll_interval = POLL_INTERVAL
        self.trouble = ""  # why the last look failed
        self._active: Dict[str, Wait] = {}

    @property
    def active(self) -> List[Wait]:
        """The services that are still waited for."""
        return list(self._active.values())

    def add(self, service: types.Service, expected: Expectation, seconds: float) -> Wait:
        """Wait for a service, for so many seconds from now."""
        wait = Wait(service, expected, self._clock.now() + seconds)
        self._active[wait.identifier] = wait
        return wait

    def give_up(self, identifier: str) -> None:
        """Wait no longer for the service of this ID."""
        del self._active[identifier]

    def observe(self) -> List[Wait]:
        """Look once; gives those that have ended by it."""
        self.trouble = self._look()
        ended = []
        for wait in self.active:
            if wait.outcome is None and self._clock.now() >= wait.deadline:
                wait.end(TIMED_OUT, self.trouble or wait.reason)
            if wait.outcome is not None:
                del self._active[wait.identifier]
                ended.append(wait)
        self._find_failing_tasks(
            [wait for wait in ended if wait.judgement and wait.outcome not in (CONVERGED, SUPERSEDED, UPDATED)]
        )
        return ended

    def pause(self) -> None:
        """Let time pass until there may be news: from the engine, or because a task will have run for long enough."""
        if not self._active:
            return
        waits = self._active.values()
        rest = max(self.poll_interval, min(self.observer.seconds * REST, LONGEST_REST))
        moments = [min(wait.deadline for wait in waits), self._clock.now() + rest]
        settling = [wait.judgement.settles_in for wait in waits if wait.judgement is not None]
        moments += [self.observer.began + left + SHORTEST_WAIT for left in settling if left is not None]
        self._watch.pause(max(0.0, min(moments) - self._clock.now()), self._active)

    def _look(self) -> str:
        seconds = min(wait.deadline for wait in self.active) - self._clock.now()
        try:
            with self._engine.within(max(LAST_LOOK, seconds)):
                sights = self.observer.look({wait.identifier: wait.expected for wait in self.active})
        except errors.NotAllowed as error:
            for wait in self.active:
                wait.end(UPDATED, str(error))
            return str(error)
        except errors.EngineError as error:
            return str(error)
        for identifier, sight in sights.items():
            if sight is None:
                self._active[identifier].end(SUPERSEDED, "The service was removed.")
            else:
                self._active[identifier].see(sight)
        return ""

    def _find_failing_tasks(self, waits: List[Wait]) -> None:
        """Find what went wrong with services.

        Where the time is over, among what was seen last. Else with two requests for all of them, since the tasks of a
        rollout that the swarm has rolled back are not among those.
        """
        for wait in waits:
            if wait.outcome == TIMED_OUT and wait.sight is not None:
                snapshot = wait.sight.snapshot
                wait.take_failing(snapshot.tasks, snapshot.nodes)
        ended = [wait for wait in waits if wait.outcome != TIMED_OUT]
        if not ended:
            return
        patience = Patience(self._clock, self._engine, self._time_for_tasks(ended))
        try:
            tasks = patience.call(lambda: self._engine.tasks(any_of("service", [wait.identifier for wait in ended])))
            nodes = patience.call(self._engine.nodes)
        except errors.EngineError:
            return  # the outcome stands without them
        for wait in ended:
            wait.take_failing([task for task in tasks if task.get("ServiceID") == wait.identifier], nodes)

    def _time_for_tasks(self, waits: List[Wait]) -> float:
        """Seconds that are left of the shortest wait; a moment where an outcome came with the last look."""
        return max(LAST_MOMENT, min(wait.deadline for wait in waits) - self._clock.now())


def failing_tasks(
    service: types.Service, tasks: List[types.Task], nodes: List[types.Node], is_given_up: bool = False
) -> List[Dict[str, Any]]:
    """What is wrong with a service's tasks, the newest of each slot or node, as documented under RETURN (pure).

    Tasks that are older than the service's present rollout are another one's. Both moments are the manager's. Where the
    swarm has given the service up (`is_given_up`), tasks that should always be replaced are wrong to have ended at all.
    """
    counts_ended = is_given_up and restart_policy(service).get("Condition", ALWAYS_RESTARTS) == ALWAYS_RESTARTS
    wrong = [task for task in tasks if _is_wrong(task, counts_ended)]
    if not wrong:
        return []
    began = moment_of((service.get("UpdateStatus") or {}).get("StartedAt", ""))
    newest: Dict[Any, types.Task] = {}
    for task in sorted(wrong, key=lambda task: str(task.get("CreatedAt", ""))):
        created = moment_of(str(task.get("CreatedAt", "")))
        if began is None or created is None or created >= began:
            newest[task.get("Slot") or task.get("NodeID")] = task
    hostnames = {node["ID"]: (node.get("Description") or {}).get("Hostname") for node in nodes}
    secrets = spec_secrets(service["Spec"])
    return [_describe(task, hostnames, secrets) for task in list(newest.values())[:MOST_FAILING_TASKS]]


def _is_wrong(task: types.Task, counts_ended: bool) -> bool:
    state = state_of(task)
    if state == "complete" and counts_ended and not is_live(task):
        return True
    return state in FAILED_STATES or bool((task.get("Status") or {}).get("Err"))


def _describe(task: types.Task, hostnames: Dict[str, Any], secrets: List[str]) -> Dict[str, Any]:
    status = task.get("Status") or {}
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    return {
        "slot": task.get("Slot"),
        "node": hostnames.get(str(task.get("NodeID"))) or task.get("NodeID"),
        "state": state_of(task),
        "error": errors.quote(str(status.get("Err") or ""), secrets),
        "exit_code": code if state_of(task) in ("failed", "complete") else None,
    }

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a rollout stands, judged from one snapshot (pure). Private to this collection.

States and their meaning: swarmkit, manager/orchestrator (replicated, global, jobs) and its update
package. `completed` alone is no proof: with the failure action `continue` the swarm completes over tasks that
crash, so tasks on the wanted spec must be running, and stay so for the update monitor's period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief
from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import seconds_between
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import eligible_nodes
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target, name_of, stored_image

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

DEFAULT_MONITOR = 5.0  # seconds; swarmkit, api/defaults/service.go
NANOSECONDS = 1e9
FAILED_STATES = ("failed", "rejected", "orphaned")
PAST_STATES = ("shutdown", "remove")
SUCCESSOR_TIME = 5.0  # seconds after which a failed task that has no successor will have none
NOT_REPLACED = "its restart policy does not replace failed tasks any more"
ALWAYS_RESTARTS = "any"
NEVER_RESTARTS = "none"


class Expectation(NamedTuple):
    """What the service shall run for its rollout to be the one that is waited for.

    Without an `image` any spec will do, save one that the swarm rolled back to. `image` is the text that was
    stored, `target` also accepts another writer's spelling of the same. `force_update` is the counter that
    a forced redeployment wrote.
    """

    image: Optional[str] = None
    target: Optional[Target] = None
    force_update: Optional[int] = None

    @classmethod
    def of_spec(cls, spec: types.ServiceSpec) -> Expectation:
        """A service that is back at this spec."""
        return cls(image=stored_image(spec), force_update=spec["TaskTemplate"].get("ForceUpdate", 0))

    def is_met_by(self, spec: types.ServiceSpec) -> bool:
        """Whether a spec is the expected one."""
        if self.image is None:
            return True
        stored = stored_image(spec)
        is_wanted = stored == self.image or (self.target is not None and self.target.is_met_by(stored))
        return is_wanted and self.force_update in (None, spec["TaskTemplate"].get("ForceUpdate", 0))


class Snapshot(NamedTuple):
    """The service, its up-to-date tasks and the nodes, as seen together.

    `date` is the engine's own clock then, as in the header Date. `held` maps tasks to the seconds for which
    they have been seen running. `former` are the tasks of earlier specs that still shall run, where asked for.
    """

    service: types.Service
    tasks: List[types.Task]
    nodes: List[types.Node]
    date: str = ""
    held: Mapping[str, float] = {}
    former: Sequence[types.Task] = ()


class Judgement(NamedTuple):
    """How a rollout stands: a line for people, and the outcome once there is one.

    `running` and `desired` count tasks (of jobs: completed ones).
    """

    message: str
    outcome: Optional[str]
    running: int
    desired: int

    @property
    def done(self) -> bool:
        """Whether the wanted state is reached."""
        return self.outcome == CONVERGED

    @property
    def failed(self) -> bool:
        """Whether it will not be reached any more."""
        return self.outcome is not None and self.outcome != CONVERGED


class _Count(NamedTuple):
    """Tasks that count, and how many shall."""

    desired: int
    running: List[types.Task]
    ended: int = 0  # tasks that did their work and shall not run again
    exhausted: bool = False  # failed tasks that the restart policy will not replace

    @property
    def reached(self) -> int:
        return len(self.running) + self.ended


def judge(snapshot: Snapshot, expected: Expectation) -> Judgement:
    """Judge one snapshot."""
    count = _count(snapshot)
    status = snapshot.service.get("UpdateStatus") or {}
    state = status.get("State", "")
    says = errors.quote(status.get("Message", "")) if state != "updating" else ""  # all that it says then is just that
    outcome = _outcome_of_status(snapshot.service, expected)
    if outcome is not None:
        return Judgement(_tell(count, snapshot, says or outcome), outcome, count.reached, count.desired)
    is_moving = state in ("updating", "rollback_started")
    if count.exhausted and not is_moving:
        return Judgement(_tell(count, snapshot, NOT_REPLACED), PAUSED, count.reached, count.desired)
    if is_moving or count.reached < count.desired:
        return Judgement(_tell(count, snapshot, says), None, count.reached, count.desired)
    outcome = CONVERGED if _has_held(count, snapshot) else None
    return Judgement(_tell(count, snapshot, ""), outcome, count.reached, count.desired)


def _outcome_of_status(service: types.Service, expected: Expectation) -> Optional[str]:
    """What the swarm itself, or another writer, has already decided."""
    state = (service.get("UpdateStatus") or {}).get("State", "")
    met = expected.is_met_by(service["Spec"])
    if state == "rollback_started":
        return None
    if state == "rollback_completed":
        is_meant = met if expected.image is not None else _was_asked_for(service)
        return None if is_meant else ROLLED_BACK
    if not met and not state.startswith("rollback"):
        return SUPERSEDED
    return PAUSED if state in ("paused", "rollback_paused") else None


def _was_asked_for(service: types.Service) -> bool:
    """Whether an operator rolled the service back; the swarm, where it does so itself, forgets the previous spec."""
    return bool(service.get("PreviousSpec"))


def _count(snapshot: Snapshot) -> _Count:
    mode = snapshot.service["Spec"].get("Mode") or {}
    down = {node["ID"] for node in snapshot.nodes if (node.get("Status") or {}).get("State") == "down"}
    tasks = [task for task in snapshot.tasks if task.get("NodeID") not in down]
    if "ReplicatedJob" in mode:
        total = mode["ReplicatedJob"].get("TotalCompletions") or mode["ReplicatedJob"].get("MaxConcurrent") or 1
        return _count_job(snapshot, tasks, total)
    if "GlobalJob" in mode:
        nodes = eligible_nodes(snapshot.service["Spec"], snapshot.nodes)
        return _count_job(snapshot, [task for task in tasks if task.get("NodeID") in nodes], len(nodes))
    if "Global" in mode:
        nodes = eligible_nodes(snapshot.service["Spec"], snapshot.nodes)
        return _count_places(snapshot, {node: _newest(tasks, "NodeID", node) for node in nodes}, len(nodes))
    replicas = _replicas(mode)
    slots = {task.get("Slot") for task in tasks}
    return _count_places(snapshot, {slot: _newest(tasks, "Slot", slot) for slot in slots}, replicas)


def _restart_policy(snapshot: Snapshot) -> Dict[str, Any]:
    return snapshot.service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}


def _replicas(mode: Dict[str, Any]) -> int:
    replicas = (mode.get("Replicated") or {}).get("Replicas")
    return 1 if replicas is None else int(replicas)


def _count_places(snapshot: Snapshot, newest: Dict[Any, Optional[types.Task]], desired: int) -> _Count:
    """Count slots or nodes by their newest task."""
    restart = _restart_policy(snapshot)
    may_end = restart.get("Condition", ALWAYS_RESTARTS) != ALWAYS_RESTARTS
    placed = [task for task in newest.values() if task is not None]
    running = [task for task in placed if state_of(task) == "running" and task.get("DesiredState") == "running"]
    ended = sum(1 for task in placed if may_end and state_of(task) == "complete")
    lost = sum(1 for task in placed if _is_given_up(task, restart, snapshot.date))
    exhausted = lost > 0 and len(running) + ended + lost >= desired
    return _Count(desired, running, ended, exhausted)


def _is_given_up(task: types.Task, restart: Dict[str, Any], date: str) -> bool:
    """Whether a place's newest task has failed and gets no successor, which otherwise comes at once, to start later."""
    if state_of(task) not in FAILED_STATES or task.get("DesiredState") not in PAST_STATES:
        return False
    age = seconds_between(_last_news(task), date)
    return restart.get("Condition") == NEVER_RESTARTS or (age is not None and age >= SUCCESSOR_TIME)


def _count_job(snapshot: Snapshot, tasks: List[types.Task], desired: int) -> _Count:
    iteration = ((snapshot.service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    current = [task for task in tasks if _iteration(task) == iteration]
    complete = sum(1 for task in current if state_of(task) == "complete")
    return _Count(desired, [], complete, exhausted=complete < desired and _is_exhausted(snapshot, current))


def _iteration(task: types.Task) -> int:
    iteration = task.get("JobIteration")
    return iteration.get("Index", 0) if iteration else 0


def _is_exhausted(snapshot: Snapshot, tasks: List[types.Task]) -> bool:
    """Whether a job has failed tasks that its restart policy will not replace, and none that are still at it."""
    restart = _restart_policy(snapshot)
    failed = [task for task in tasks if state_of(task) in FAILED_STATES]
    waiting = [task for task in tasks if state_of(task) not in (*FAILED_STATES, "complete", "shutdown", "remove")]
    return restart.get("Condition") == NEVER_RESTARTS and bool(failed) and not waiting


def _has_held(count: _Count, snapshot: Snapshot) -> bool:
    """Whether the running tasks are more than a moment between two crashes.

    They are where they have run for the monitor's period: when the swarm called the update completed, by the
    engine's clock now, or as seen from here.
    """
    status = snapshot.service.get("UpdateStatus") or {}
    config = "RollbackConfig" if status.get("State", "").startswith("rollback") else "UpdateConfig"
    monitor = monitor_seconds(snapshot.service["Spec"], config)
    completed = status.get("CompletedAt", "") if status.get("State") in ("completed", "rollback_completed") else ""
    for task in count.running:
        since = _last_news(task)
        before_completion = seconds_between(since, completed)
        age = seconds_between(since, snapshot.date)
        is_covered = before_completion is not None and before_completion >= monitor
        is_old = age is not None and age >= monitor
        if not (is_covered or is_old or snapshot.held.get(task["ID"], 0.0) >= monitor):
            return False
    return True


def _last_news(task: types.Task) -> str:
    """When the swarm's leader took in how a task stands, by its own clock.

    The status has a moment too, but by the clock of the task's node: a node that is late by a minute would have
    each of its tasks run for a minute from its first moment on.
    """
    return str(task.get("UpdatedAt", ""))


def monitor_seconds(spec: types.ServiceSpec, config: str = "UpdateConfig") -> float:
    """The monitor's period of a spec, for updates or for rollbacks (`RollbackConfig`), in seconds."""
    nanoseconds = (spec.get(config) or {}).get("Monitor")
    return nanoseconds / NANOSECONDS if nanoseconds is not None else DEFAULT_MONITOR


def state_of(task: types.Task) -> str:
    """A task's state, as the engine names it."""
    return str((task.get("Status") or {}).get("State", ""))


def image_of(task: types.Task) -> str:
    """The image that a task is of, as its spec has it."""
    return str(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image"))


def _newest(tasks: List[types.Task], key: str, value: Any) -> Optional[types.Task]:
    own = [task for task in tasks if task.get(key) == value]
    live = [task for task in own if task.get("DesiredState") not in PAST_STATES]
    return max(live or own, key=lambda task: str(task.get("CreatedAt", "")), default=None)


def _tell(count: _Count, snapshot: Snapshot, says: str) -> str:
    name, image = name_of(snapshot.service), brief(stored_image(snapshot.service["Spec"]))
    verb = "complete" if "Job" in "".join(snapshot.service["Spec"].get("Mode") or {}) else "running"
    states: Dict[str, int] = {}
    for task in snapshot.tasks:
        if task.get("DesiredState") in ("running", "ready", "accepted") and state_of(task) != "running":
            states[state_of(task)] = states.get(state_of(task), 0) + 1
    for task in snapshot.former:
        where = f"on {brief(image_of(task))}"
        states[where] = states.get(where, 0) + 1
    rest = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    line = f"{name}: {count.reached}/{count.desired} {verb} {image}"
    return line + (f" ({rest})" if rest else "") + (f": {says}" if says else "")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks of a service count, how many should, and whether they have stood long enough (pure). Private.

Each part takes time in proportion to the number of tasks: a service may have ten thousand.

How long a task has been in its state is measured by one clock alone: that of the swarm's leader, by an update that it
has completed or by what it says of its own clock (`leader_now`), or the one here (`held`). The engine that is asked may
be another manager, or there may be a gateway with its own clock before it, so the header Date counts only if it makes a
task older than clocks can differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import (
    away_nodes,
    owed_nodes,
    state_of_node,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    ALWAYS_RESTARTS,
    FAILED_STATES,
    NEVER_RESTARTS,
    is_live,
    restart_policy,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

DEFAULT_MONITOR = 5.0  # seconds; swarmkit, api/defaults/service.go
NANOSECONDS = 1e9
SUCCESSOR_TIME = 5.0  # seconds after which an ended task without a successor, or a node without a task, will get none
CLOCK_DIFFERENCE = 3600.0  # seconds; nodes whose clocks differ by more refuse each other's certificates (swarmkit, ca)


class Snapshot(NamedTuple):
    """A service, its up-to-date tasks and the nodes, as seen together.

    `date` is the clock of the engine that was asked, from the header Date. `held` maps tasks to the seconds for which
    they have been seen unchanged; `steady` is the same for the service and all nodes together. `former` are the tasks
    of earlier specs that should still run, where asked for. `leader_now` is the start of the look by the clock of the
    swarm's leader, in seconds since 1970, if the engine that was asked is the leader.
    """

    service: types.Service
    tasks: List[types.Task]
    nodes: List[types.Node]
    date: str = ""
    held: Mapping[str, float] = {}
    former: Sequence[types.Task] = ()
    steady: float = 0.0
    leader_now: Optional[float] = None


class Tally(NamedTuple):
    """How many tasks count, and how many should.

    `reached` counts the tasks that run, or have done their work and need not run again. `given_up_in` is the number of
    seconds after which the missing tasks count as given up by the swarm if nothing else happens; None while it goes on.
    `settled_in` is the number of seconds after which the existing ones will have stood long enough.
    """

    desired: int
    reached: int
    given_up_in: Optional[float] = None
    settled_in: float = 0.0
    is_placed: bool = True  # whether any slot or node should have a task


def monitor_seconds(spec: types.ServiceSpec, config: str = "UpdateConfig") -> float:
    """The monitor period of a spec, for updates or for rollbacks (`RollbackConfig`), in seconds."""
    nanoseconds = (spec.get(config) or {}).get("Monitor")
    return nanoseconds / NANOSECONDS if nanoseconds is not None else DEFAULT_MONITOR


def monitor_now(service: types.Service) -> float:
    """The monitor period that counts for a service, in seconds: for its update or, if it goes back, its rollback."""
    state = (service.get("UpdateStatus") or {}).get("State", "")
    return monitor_seconds(service["Spec"], "RollbackConfig" if state.startswith("rollback") else "UpdateConfig")


def tally(snapshot: Snapshot) -> Tally:
    """Count the tasks of one snapshot."""
    mode = snapshot.service["Spec"].get("Mode") or {}
    down = {node["ID"] for node in snapshot.nodes if state_of_node(node) == "down"}
    tasks = [task for task in snapshot.tasks if task.get("NodeID") not in down or state_of(task) == "complete"]
    if "ReplicatedJob" in mode:
        total = mode["ReplicatedJob"].get("TotalCompletions") or mode["ReplicatedJob"].get("MaxConcurrent") or 1
        return _of_job(snapshot, tasks, total)
    if "Global" not in mode and "GlobalJob" not in mode:
        return _of_places(snapshot, _newest(tasks, "Slot"), _replicas(mode))
    nodes = owed_nodes(snapshot.service["Spec"], snapshot.nodes)
    if not nodes:
        return _of_nothing(snapshot, tasks)
    tasks = [task for task in tasks if task.get("NodeID") in nodes]
    if "GlobalJob" in mode:
        return _of_job(snapshot, tasks, len(nodes))
    return _of_places(snapshot, _newest(tasks, "NodeID"), len(nodes))


def _replicas(mode: Dict[str, Any]) -> int:
    replicas = (mode.get("Replicated") or {}).get("Replicas")
    return 1 if replicas is None else int(replicas)


def _newest(tasks: List[types.Task], key: str) -> List[types.Task]:
    """The newest task of each slot or node; a task that should run comes before one that should not."""
    newest: Dict[Any, Tuple[Tuple[bool, str], types.Task]] = {}
    for task in tasks:
        rank = (is_live(task), str(task.get("CreatedAt", "")))
        place = task.get(key)
        if place not in newest or rank > newest[place][0]:
            newest[place] = (rank, task)
    return [task for _rank, task in newest.values()]


def _of_places(snapshot: Snapshot, placed: List[types.Task], desired: int) -> Tally:
    """Count slots or nodes by their newest task."""
    standing = Standing(snapshot)
    restart = restart_policy(snapshot.service)
    may_end = restart.get("Condition", ALWAYS_RESTARTS) != ALWAYS_RESTARTS
    running = [task for task in placed if state_of(task) == "running" and task.get("DesiredState") == "running"]
    ended = sum(1 for task in placed if may_end and state_of(task) == "complete")
    past = FAILED_STATES if may_end else (*FAILED_STATES, "complete")
    lost = [task for task in placed if state_of(task) in past and not is_live(task)]
    given_up_in = None
    if lost and len(running) + ended + len(lost) >= desired:
        given_up_in = standing.until_given_up(lost)
    return Tally(desired, len(running) + ended, given_up_in, standing.until_settled(running))


def _of_job(snapshot: Snapshot, tasks: List[types.Task], desired: int) -> Tally:
    iteration = ((snapshot.service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    current = [task for task in tasks if _iteration(task) == iteration]
    complete = sum(1 for task in current if state_of(task) == "complete")
    lost = [task for task in current if state_of(task) in FAILED_STATES]
    at_work = [task for task in current if is_live(task) and state_of(task) not in (*FAILED_STATES, "complete")]
    is_short = bool(lost) and not at_work and complete < desired
    return Tally(desired, complete, Standing(snapshot).until_given_up(lost) if is_short else None)


def _iteration(task: types.Task) -> int:
    iteration = task.get("JobIteration")
    return iteration.get("Index", 0) if iteration else 0


def _of_nothing(snapshot: Snapshot, tasks: List[types.Task]) -> Tally:
    """Count a global service that no node should run: nothing is wrong, once that has been so for a while."""
    is_waiting = any(is_live(task) and state_of(task) not in ("running", "complete") for task in tasks)
    settled_in = math.inf if is_waiting else Standing(snapshot).until_steady()
    return Tally(0, 0, None, settled_in, is_placed=False)


class Standing:
    """For how long the tasks of a snapshot have been in their states, as far as that is proved.

    The leader's own record counts from when it heard of the task or, if that is later, of the task's node: each new
    leader hears of every node anew, and has its own clock. The status of a task also has a time, by the clock of the
    task's node, which proves nothing.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._now = moment_of(snapshot.date)
        self._away = away_nodes(snapshot.nodes)
        self._nodes = {node["ID"]: moment_of(str(node.get("UpdatedAt", ""))) for node in snapshot.nodes}
        self._never_restarts = restart_policy(snapshot.service).get("Condition") == NEVER_RESTARTS

    def until_settled(self, running: Iterable[types.Task]) -> float:
        """Seconds until the monitor period is over for all these tasks, so that they are not just between two crashes.

        The period is over if the swarm says so, by having called the update completed. Infinite if one of the tasks is
        on a node that the leader has not heard of.
        """
        status = self._snapshot.service.get("UpdateStatus") or {}
        monitor = monitor_now(self._snapshot.service)
        is_completed = status.get("State") in ("completed", "rollback_completed")
        completed = moment_of(status.get("CompletedAt", "")) if is_completed else None
        return max((self._left(task, monitor, completed) for task in running), default=0.0)

    def until_given_up(self, lost: List[types.Task]) -> float:
        """Seconds until it is clear that these ended tasks get no successor, which otherwise comes at once."""
        if self._never_restarts:
            return 0.0
        return max(self._left(task, SUCCESSOR_TIME) for task in lost)

    def until_steady(self) -> float:
        """Seconds until the service and the nodes have been unchanged for a while."""
        moments = [moment_of(str(self._snapshot.service.get("UpdatedAt", ""))), *self._nodes.values()]
        known = [moment for moment in moments if moment is not None]
        if len(known) == len(moments) and self._is_past(max(known), SUCCESSOR_TIME):
            return 0.0
        return math.inf if self._away else max(0.0, SUCCESSOR_TIME - self._snapshot.steady)

    def _left(self, task: types.Task, seconds: float, completed: Optional[float] = None) -> float:
        node = task.get("NodeID", "")
        if node in self._away:
            return math.inf
        heard = moment_of(str(task.get("UpdatedAt", "")))
        of_node = self._nodes.get(node)
        if heard is not None:
            since = heard if of_node is None else max(heard, of_node)
            if completed is not None and completed - since >= seconds:
                return 0.0
            if self._is_past(since, seconds):
                return 0.0
        held = self._snapshot.held.get(task["ID"], 0.0)
        if heard is not None and self._snapshot.leader_now is not None:
            held = max(held, self._snapshot.leader_now - since)
        return max(0.0, seconds - held)

    def _is_past(self, since: float, seconds: float) -> bool:
        """Whether so many seconds have passed since then, by the leader's clock or whatever clocks differ by."""
        leader_now = self._snapshot.leader_now
        if leader_now is not None and leader_now - since >= seconds:
            return True
        return self._now is not None and self._now - since >= seconds + CLOCK_DIFFERENCE

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Node, Service, Task
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import (
    CLOCK_DIFFERENCE,
    DEFAULT_MONITOR,
    SUCCESSOR_TIME,
    Snapshot,
    Standing,
    monitor_seconds,
    tally,
)
from tests.unit.plugins.module_utils.fakes import make_service

HELD = 1000.0  # seconds; longer than anything has to stand


@pytest.mark.parametrize(
    ("config", "seconds"), [({}, 5.0), (None, 5.0), ({"Monitor": 0}, 0.0), ({"Monitor": 10**9}, 1)]
)
def test_monitor_in_seconds(config: Any, seconds: float) -> None:
    assert monitor_seconds({"UpdateConfig": config}) == seconds


def test_a_rollback_has_a_monitor_of_its_own() -> None:
    spec = {"UpdateConfig": {"Monitor": 10**9}, "RollbackConfig": {"Monitor": 2 * 10**9}}
    assert (monitor_seconds(spec), monitor_seconds(spec, "RollbackConfig")) == (1.0, 2.0)


def service(mode: Dict[str, Any], restart: Optional[Dict[str, Any]] = None) -> Service:
    made = make_service(RestartPolicy=restart, Placement=None)
    made["Spec"]["Mode"] = mode
    return made


def node(identifier: str, state: str = "ready") -> Node:
    return {"ID": identifier, "Status": {"State": state}, "Spec": {"Availability": "active"}}


def tasks(*told: Tuple[int, str, str]) -> List[Task]:
    """Tasks by slot, state, and state as desired, each newer than those before it; those of slot N are on node nN."""
    return [
        {
            "ID": f"t{number}",
            "Slot": slot,
            "NodeID": f"n{slot}",
            "Status": {"State": state},
            "DesiredState": desired,
            "CreatedAt": f"2026-01-01T10:00:{number:02}Z",
        }
        for number, (slot, state, desired) in enumerate(told)
    ]


def seen(made: Service, own: List[Task], states: Tuple[str, ...] = ("ready", "ready"), held: float = HELD) -> Snapshot:
    nodes = [node(f"n{number + 1}", state) for number, state in enumerate(states)]
    return Snapshot(made, own, nodes, held={task["ID"]: held for task in own}, steady=held)


RUN, PENDING = "running", "pending"
TWO: Dict[str, Any] = {"Replicated": {"Replicas": 2}}
GLOBAL: Dict[str, Any] = {"Global": {}}
ONCE = {"Condition": "on-failure"}
NEVER = {"Condition": "none"}


@pytest.mark.parametrize(
    ("mode", "restart", "own", "count"),
    [
        pytest.param(TWO, None, [], (2, 0, None), id="none yet"),
        pytest.param(TWO, None, [(1, RUN, RUN), (2, RUN, RUN)], (2, 2, None), id="all"),
        pytest.param(TWO, None, [(1, RUN, RUN), (2, "starting", RUN)], (2, 1, None), id="one starts"),
        pytest.param(TWO, None, [(1, RUN, RUN), (1, RUN, "shutdown")], (2, 1, None), id="a slot counts once"),
        pytest.param(TWO, None, [(1, "failed", "shutdown"), (1, RUN, RUN)], (2, 1, None), id="failed and replaced"),
        pytest.param(
            TWO, None, [(1, RUN, RUN), (1, "failed", "shutdown")], (2, 1, None), id="one that runs comes first"
        ),
        pytest.param(TWO, None, [(1, RUN, RUN), (2, "failed", "shutdown")], (2, 1, 0.0), id="given up"),
        pytest.param(TWO, None, [(1, RUN, RUN), (2, "failed", RUN)], (2, 1, None), id="to be replaced"),
        pytest.param(TWO, None, [(1, RUN, RUN), (2, "complete", "shutdown")], (2, 1, 0.0), id="ended, always restarts"),
        pytest.param(TWO, ONCE, [(1, RUN, RUN), (2, "complete", "shutdown")], (2, 2, None), id="ended as it may"),
        pytest.param(TWO, ONCE, [(1, RUN, RUN), (2, "rejected", "shutdown")], (2, 1, 0.0), id="rejected"),
        pytest.param(TWO, ONCE, [(2, "failed", "shutdown")], (2, 0, None), id="a slot still to come"),
        pytest.param({}, None, [(1, RUN, RUN)], (1, 1, None), id="no mode is one replica"),
        pytest.param({"Replicated": {"Replicas": 0}}, None, [], (0, 0, None), id="no replicas"),
        pytest.param({"Replicated": None}, None, [], (1, 0, None), id="replicas left out"),
        pytest.param(GLOBAL, None, [(1, RUN, RUN), (2, RUN, RUN)], (2, 2, None), id="global"),
        pytest.param(GLOBAL, None, [(1, RUN, RUN)], (2, 1, None), id="global, a node without"),
        pytest.param(
            GLOBAL, None, [(1, RUN, RUN), (3, RUN, RUN)], (2, 1, None), id="global, on a node that is not owed"
        ),
        pytest.param(
            {"ReplicatedJob": {"TotalCompletions": 3, "MaxConcurrent": 1}},
            ONCE,
            [(1, "complete", "complete")],
            (3, 1, None),
            id="job",
        ),
        pytest.param({"ReplicatedJob": {"MaxConcurrent": 2}}, ONCE, [], (2, 0, None), id="job, total left out"),
        pytest.param({"ReplicatedJob": {}}, ONCE, [(1, "complete", "complete")], (1, 1, None), id="job of one"),
        pytest.param({"ReplicatedJob": {}}, ONCE, [(1, "failed", "shutdown")], (1, 0, 0.0), id="job given up"),
        pytest.param(
            {"ReplicatedJob": {}},
            ONCE,
            [(1, "failed", "shutdown"), (1, PENDING, "complete")],
            (1, 0, None),
            id="job tried again",
        ),
        pytest.param({"GlobalJob": {}}, ONCE, [(1, "complete", "complete")], (2, 1, None), id="global job"),
    ],
)
def test_what_counts(
    mode: Dict[str, Any],
    restart: Optional[Dict[str, Any]],
    own: List[Tuple[int, str, str]],
    count: Tuple[int, int, Optional[float]],
) -> None:
    told = tally(seen(service(mode, restart), tasks(*own)))
    assert (told.desired, told.reached, told.given_up_in) == count
    assert told.is_placed


@pytest.mark.parametrize("mode", [{"ReplicatedJob": {"TotalCompletions": 2}}, {"GlobalJob": {}}])
def test_a_job_counts_its_present_iteration(mode: Dict[str, Any]) -> None:
    made = service(mode)
    made["JobStatus"] = {"JobIteration": {"Index": 7}}
    own = tasks((1, "complete", "complete"), (2, "complete", "complete"))
    own[0]["JobIteration"] = {"Index": 7}
    assert tally(seen(made, own)).reached == 1


@pytest.mark.parametrize(("state", "reached"), [(RUN, 1), ("complete", 2)])
def test_tasks_of_a_node_that_is_down_count_where_they_are_complete(state: str, reached: int) -> None:
    own = tasks((1, "complete", "shutdown"), (2, state, "shutdown" if state == "complete" else RUN))
    assert tally(seen(service(TWO, ONCE), own, ("ready", "down"))).reached == reached


@pytest.mark.parametrize(("held", "settled_in"), [(HELD, 0.0), (0.0, 5.0), (4.0, 1.0)])
def test_tasks_must_have_stood_for_the_monitors_period(held: float, settled_in: float) -> None:
    assert DEFAULT_MONITOR == 5.0
    assert tally(seen(service(TWO), tasks((1, RUN, RUN), (2, RUN, RUN)), held=held)).settled_in == settled_in


@pytest.mark.parametrize(
    ("state", "left"), [("completed", 2.0), ("updating", 2.0), ("rollback_completed", 3.0), ("rollback_started", 3.0)]
)
def test_a_rollback_is_held_to_a_monitor_of_its_own(state: str, left: float) -> None:
    made, own = service(TWO), tasks((1, RUN, RUN))
    made["Spec"].update(UpdateConfig={"Monitor": 2 * 10**9}, RollbackConfig={"Monitor": 3 * 10**9})
    made["UpdateStatus"] = {"State": state}
    assert Standing(seen(made, own, held=0.0)).until_settled(own) == left


@pytest.mark.parametrize(
    ("own", "settled_in"),
    [([], 0.0), ([(1, RUN, RUN)], 0.0), ([(1, PENDING, RUN)], math.inf), ([(1, PENDING, "remove")], 0.0)],
)
def test_a_global_service_without_nodes_has_no_place(own: List[Tuple[int, str, str]], settled_in: float) -> None:
    told = tally(seen(service(GLOBAL), tasks(*own), ()))
    assert (told.desired, told.reached, told.is_placed, told.settled_in) == (0, 0, False, settled_in)


@pytest.mark.parametrize(
    ("restart", "held", "left"), [(NEVER, 0.0, 0.0), (ONCE, 0.0, SUCCESSOR_TIME), (None, 3.0, SUCCESSOR_TIME - 3.0)]
)
def test_a_successor_comes_soon_or_never(restart: Optional[Dict[str, Any]], held: float, left: float) -> None:
    own = tasks((1, "failed", "shutdown"))
    assert Standing(seen(service(TWO, restart), own, held=held)).until_given_up(own) == left


HEARD = "2026-01-01T10:00:00Z"
HEARD_AT = 1767261600.0  # the same in seconds


def standing(node_heard: str = "", date: str = "", leader_after: Optional[float] = None, **status: Any) -> float:
    """How long a task that the leader heard of at ten has still to stand; `leader_after` is its clock since then."""
    made, own = service(TWO), tasks((1, RUN, RUN))
    given: Any = {"State": "completed", **status}
    made["UpdateStatus"] = given
    own[0]["UpdatedAt"] = HEARD
    snapshot = seen(made, own, held=0.0)._replace(date=date)
    if node_heard:
        snapshot.nodes[0]["UpdatedAt"] = node_heard
    leader_now = HEARD_AT + leader_after if leader_after is not None else None
    return Standing(snapshot._replace(leader_now=leader_now)).until_settled(own)


@pytest.mark.parametrize(
    ("told", "left"),
    [
        pytest.param({}, 5.0, id="nothing is known"),
        pytest.param({"CompletedAt": "2026-01-01T10:00:05Z"}, 0.0, id="completed later"),
        pytest.param({"CompletedAt": "2026-01-01T10:00:04Z"}, 5.0, id="completed too soon"),
        pytest.param({"CompletedAt": "2026-01-01T10:00:05Z", "State": "updating"}, 5.0, id="not completed"),
        pytest.param(
            {"CompletedAt": "2026-01-01T10:00:05Z", "node_heard": "2026-01-01T10:00:01Z"}, 5.0, id="node heard of later"
        ),
        pytest.param({"leader_after": 5.0}, 0.0, id="the leader's clock"),
        pytest.param({"leader_after": 3.0}, 2.0, id="the leader's clock, not long enough"),
        pytest.param({"leader_after": 5.0, "node_heard": "2026-01-01T10:00:04Z"}, 4.0, id="leader, node heard later"),
        pytest.param({"date": "Thu, 01 Jan 2026 11:00:05 GMT"}, 0.0, id="another clock, however they differ"),
        pytest.param({"date": "Thu, 01 Jan 2026 11:00:04 GMT"}, 5.0, id="another clock, which may be ahead"),
    ],
)
def test_by_which_clock_a_task_has_stood(told: Dict[str, Any], left: float) -> None:
    assert CLOCK_DIFFERENCE == 3600
    assert standing(**told) == pytest.approx(left)


@pytest.mark.parametrize("state", ["unknown", "disconnected"])
def test_nobody_knows_of_a_task_whose_node_is_away(state: str) -> None:
    snapshot = seen(service(TWO), tasks((1, RUN, RUN)), (state, "ready"))
    assert Standing(snapshot).until_settled(snapshot.tasks) == math.inf
    assert Standing(snapshot).until_given_up(snapshot.tasks) == math.inf
    assert Standing(snapshot).until_steady() == math.inf

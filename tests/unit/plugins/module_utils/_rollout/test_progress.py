# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Seen
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import tell
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import (
    ENDED,
    QUEUED,
    ROLLING,
    ROLLING_BACK,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, judge
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import failing_tasks
from tests.unit.plugins.module_utils._service.recorded import snapshot
from tests.unit.plugins.module_utils.fakes import make_service

TASKS = 10000
MOST = 1.0
"""Seconds of processor time; a usual machine takes a twentieth."""


def member(seen: Any) -> Member:
    """A member that is waited for, and stands as in a snapshot."""
    wait = Wait(seen.service, Expectation(), 0.0)
    wait.see(Seen(seen, judge(seen, Expectation())))
    made = Member(seen.service)
    made.stage, made.wait = ROLLING, wait
    return made


def test_what_is_told_of_a_service() -> None:
    seen = snapshot("update paused")
    told = tell(member(seen))
    assert told["name"] == seen.service["Spec"]["Name"]
    assert (told["stage"], told["outcome"]) == (ROLLING, None)
    assert told["line"].startswith(f"{told['name']}: 0/2 running crash:1")
    assert set(told["tasks"]) == {task["ID"] for task in seen.tasks}
    states = {f"slot {slot}, crash:1: {state}" for slot in (1, 2) for state in ("failed", "pending")}
    assert set(told["tasks"].values()) == states
    assert all("non-zero exit (1)" in text for text in told["failing"].values())


def test_where_and_why_tasks_fail_is_told_once_per_place_and_error() -> None:
    seen = snapshot("update paused")
    texts = tell(member(seen))["failing"]
    assert sorted(texts) == [f"{slot} task: non-zero exit (1)" for slot in (1, 2)]
    assert texts["1 task: non-zero exit (1)"] == "slot 1, exit code 1: task: non-zero exit (1)"


def test_tasks_of_a_global_service_are_told_by_their_node() -> None:
    seen = snapshot("global")
    seen.tasks[0]["Status"] = {"State": "failed", "Err": "no space left"}
    told = tell(member(seen))
    place, host = seen.tasks[0]["NodeID"], seen.nodes[0]["Description"]["Hostname"]
    assert told["tasks"] == {seen.tasks[0]["ID"]: f"node {place}, whoami:0.7: failed"}
    assert list(told["failing"]) == [f"{host} no space left"]


def test_tasks_of_earlier_specs_are_told_too() -> None:
    seen = snapshot("update completed")
    former: Any = {**seen.tasks[0], "ID": "old", "Slot": 7, "Spec": {"ContainerSpec": {"Image": "whoami:0.7"}}}
    told = tell(member(seen._replace(former=[former])))
    assert told["tasks"]["old"] == "slot 7, whoami:0.7: running"
    assert len(told["tasks"]) == 3


@pytest.mark.parametrize(
    ("stage", "outcome", "line"),
    [
        (QUEUED, None, "t001: not started"),
        (ROLLING, None, "t001: rolling"),
        (ROLLING_BACK, None, "t001: rolling back"),
        (ENDED, "converged", "t001: converged"),
    ],
)
def test_what_is_told_of_a_service_that_nobody_has_looked_at(stage: str, outcome: Optional[str], line: str) -> None:
    unseen = Member(make_service())
    unseen.stage = stage
    expected: Any = {"name": "t001", "stage": stage, "outcome": outcome, "line": line, "failing": {}, "tasks": {}}
    assert tell(unseen) == expected
    unseen.wait = Wait(unseen.service, Expectation(), 0.0)
    assert tell(unseen) == expected


def test_the_line_is_the_one_of_the_last_look_until_there_is_none_to_come() -> None:
    waiting = member(snapshot("update begun"))
    assert tell(waiting)["line"].startswith(f"{waiting.name}: 0/2 running")
    waiting.stage = QUEUED
    assert tell(waiting)["line"] == f"{waiting.name}: not started"


def test_ten_thousand_tasks_take_no_time_to_tell_of() -> None:
    seen = snapshot("update paused")
    tasks: Any = [{**seen.tasks[0], "ID": f"t{number}", "Slot": number + 1} for number in range(TASKS)]
    seen = seen._replace(tasks=tasks)
    large = member(seen)
    began = time.process_time()
    told = tell(large)
    assert time.process_time() - began < MOST
    assert len(told["tasks"]) == TASKS
    assert len(told["failing"]) == 10
    began = time.process_time()
    assert len(failing_tasks(seen.service, seen.tasks, seen.nodes)) == 10
    assert time.process_time() - began < MOST


@pytest.mark.parametrize(("problem", "outcome"), [("", "converged"), ("It cannot be seen.", "unchanged")])
def test_a_service_with_a_problem_is_not_told_to_have_converged(problem: str, outcome: str) -> None:
    member = Member(make_service())
    member.stage, member.problem = ENDED, problem
    told = tell(member)
    assert told["outcome"] == outcome

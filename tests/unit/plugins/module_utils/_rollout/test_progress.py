# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Seen
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import tell
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, Target
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

ANY = Expectation()
TASKS = 10000
MOST = 1.0
"""Seconds of processor time; a usual machine takes a twentieth."""


def member(seen: Any, expected: Expectation = ANY) -> Member:
    """A member that is waited for, and stands as in a snapshot."""
    wait = Wait(seen.service, expected, 0.0)
    wait.see(Seen(seen, judge(seen, expected)))
    made = Member(seen.service)
    made.stage, made.wait = ROLLING, wait
    return made


def test_what_is_told_of_a_service() -> None:
    seen = snapshot("update paused")
    told = tell(member(seen))
    assert told["name"] == seen.service["Spec"]["Name"]
    assert (told["stage"], told["outcome"], told["failed"]) == (ROLLING, None, False)
    assert (told["change"], told["back"]) == ("", None)
    assert told["line"] == "0/2 running crash:1 (2 pending)"  # the engine's message says no more than the failing tasks
    assert set(told["tasks"]) == {task["ID"] for task in seen.tasks}
    states = {f"slot {slot}, crash:1: {state}" for slot in (1, 2) for state in ("failed", "pending")}
    assert set(told["tasks"].values()) == states
    assert set(told["failing"].values()) == {
        f"slot {slot} failed, exit code 1: task: non-zero exit (1)" for slot in (1, 2)
    }


def test_while_all_tasks_run_they_are_watched_for_a_while() -> None:
    assert tell(member(snapshot("created")))["line"] == "2/2 running whoami:0.7 (watching 1 s)"
    seen = snapshot("update completed")
    seen.service["UpdateStatus"]["State"] = "updating"
    seen.service["Spec"]["UpdateConfig"]["Monitor"] = 40_000_000_000
    assert tell(member(seen))["line"] == "2/2 running whoami:0.6 (watching 40 s)"
    seen.service["UpdateStatus"]["State"] = "rollback_started"
    seen.service["Spec"]["RollbackConfig"] = {"Monitor": 500_000_000}
    seen.service["UpdateStatus"]["Message"] = ""
    assert tell(member(seen))["line"] == "2/2 running whoami:0.6 (watching 0.5 s)"


def test_what_somebody_else_has_done_is_told() -> None:
    told = tell(member(snapshot("update completed"), Expectation("whoami:0.8")))
    assert told["line"] == "2/2 running whoami:0.6: somebody else set whoami:0.6"


@pytest.mark.parametrize(
    ("wanted", "force", "change"),
    [
        ("whoami:0.6", False, "from whoami:0.7 to whoami:0.6"),
        ("whoami:0.7", True, "whoami:0.7 once more"),
        ("whoami:0.7", False, ""),
    ],
)
def test_what_is_to_change(wanted: str, force: bool, change: str) -> None:
    service = make_service("whoami:0.7")
    target = Target(Reference.parse(wanted))
    assert tell(Member(service, Update(service, ImageChange(target, force))))["change"] == change


def test_why_the_swarm_puts_a_service_back() -> None:
    rolling = member(snapshot("rollback started"), Expectation("crash:1"))
    assert rolling.wait is not None
    assert tell(rolling)["back"] == ""
    task = {"slot": 2, "node": "vm", "state": "failed", "error": "task: non-zero exit (5)", "exit_code": 5}
    rolling.wait.tasks = [task]
    told = tell(rolling)
    assert told["back"] == "slot 2 failed, exit code 5"
    assert "slot 2 failed, exit code 5: task: non-zero exit (5)" in told["failing"].values()
    assert "update rolled back" not in told["line"]


def test_why_this_task_puts_a_service_back() -> None:
    back = member(snapshot("rollback started"))
    back.stage, back.cause = ROLLING_BACK, "t002 failed"
    assert tell(back)["back"] == "t002 failed"


def test_where_and_why_tasks_fail_is_told_once_per_place_and_error() -> None:
    seen = snapshot("update paused")
    texts = tell(member(seen))["failing"]
    assert sorted(texts) == [f"{slot} task: non-zero exit (1)" for slot in (1, 2)]
    assert texts["1 task: non-zero exit (1)"] == "slot 1 failed, exit code 1: task: non-zero exit (1)"


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
    ("stage", "outcome", "back"),
    [(QUEUED, None, None), (ROLLING, None, None), (ROLLING_BACK, None, ""), (ENDED, "converged", None)],
)
def test_what_is_told_of_a_service_that_nobody_has_looked_at(
    stage: str, outcome: Optional[str], back: Optional[str]
) -> None:
    unseen = Member(make_service())
    unseen.stage = stage
    told = tell(unseen)
    assert told == {
        "name": "t001",
        "stage": stage,
        "outcome": outcome,
        "failed": False,
        "change": "",
        "back": back,
        "line": "",
        "failing": {},
        "tasks": {},
    }
    unseen.wait = Wait(unseen.service, Expectation(), 0.0)
    assert tell(unseen) == told


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

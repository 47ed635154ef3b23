# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Seen
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import tell
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ENDED, ROLLING
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

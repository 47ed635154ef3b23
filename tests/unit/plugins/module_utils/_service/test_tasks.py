# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import MOST_FAILING_TASKS, failing_tasks
from tests.unit.plugins.module_utils._service.recorded import snapshot


def test_newest_failure_of_each_slot() -> None:
    seen = snapshot("update paused")
    told = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert sorted(task["slot"] for task in told) == [1, 2]


def test_failures_of_an_earlier_rollout_are_not_told() -> None:
    seen = snapshot("update paused")
    seen.service["UpdateStatus"]["StartedAt"] = "2126-01-01T00:00:00Z"
    assert failing_tasks(seen.service, seen.tasks, seen.nodes) == []
    del seen.service["UpdateStatus"]["StartedAt"]
    assert failing_tasks(seen.service, seen.tasks, seen.nodes) != []


def test_image_that_cannot_be_pulled() -> None:
    seen = snapshot("image cannot be pulled")
    [told] = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert (told["slot"], told["state"], told["exit_code"]) == (1, "rejected", None)
    assert "No such image" in told["error"]


@pytest.mark.parametrize("name", ["created", "update completed", "job complete", "one-shot complete", "global"])
def test_nothing_fails_where_all_is_well(name: str) -> None:
    seen = snapshot(name)
    assert failing_tasks(seen.service, seen.tasks, seen.nodes) == []


def test_node_that_has_left_is_told_by_its_id() -> None:
    seen = snapshot("job failed")
    [told] = failing_tasks(seen.service, seen.tasks, [])
    assert told["node"] == seen.tasks[0]["NodeID"]


def test_secret_of_the_environment_is_not_told() -> None:
    seen = snapshot("job failed")
    seen.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["PASSWORD=hunter22"]
    seen.tasks[0]["Status"]["Err"] = "bad value hunter22\nin a line"
    [told] = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert told["error"] == "bad value *** in a line"


def test_list_of_failing_tasks_is_bounded() -> None:
    seen = snapshot("job failed")
    tasks: Any = [dict(seen.tasks[0], Slot=number + 1) for number in range(100)]
    assert len(failing_tasks(seen.service, tasks, seen.nodes)) == MOST_FAILING_TASKS


@pytest.mark.parametrize(("is_given_up", "states"), [(True, ["complete", "complete"]), (False, [])])
def test_tasks_that_ended_are_wrong_where_the_swarm_has_given_up(is_given_up: bool, states: Any) -> None:
    seen = snapshot("one-shot complete")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", "MaxAttempts": 1}
    for task in seen.tasks:
        task["DesiredState"] = "shutdown"
    told = failing_tasks(seen.service, seen.tasks, seen.nodes, is_given_up)
    assert [task["state"] for task in told] == states
    assert [task["exit_code"] for task in told] == [0] * len(states)

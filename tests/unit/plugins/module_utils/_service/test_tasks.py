# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Dict

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    container_of,
    describe_cause,
    describe_failure,
    describe_task,
    failing_tasks,
    has_terminal,
    image_of,
    is_job,
    is_live,
    logging_driver,
    restart_policy,
    state_of,
)
from tests.unit.plugins.module_utils._service.recorded import snapshot
from tests.unit.plugins.module_utils.fakes import make_service


def test_newest_failure_of_each_slot() -> None:
    seen = snapshot("update paused")
    told = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert sorted(task["slot"] for task in told) == [1, 2]


@pytest.mark.parametrize("older_first", [True, False])
def test_of_a_slot_the_failure_of_its_newest_task_is_told(older_first: bool) -> None:
    seen = snapshot("job failed")
    older, newer = seen.tasks[0], copy.deepcopy(seen.tasks[0])
    older["CreatedAt"], newer["CreatedAt"] = "2026-11-23T06:41:00Z", "2026-11-23T06:42:00Z"
    newer["Status"]["Err"] = "another error"
    tasks = [older, newer] if older_first else [newer, older]
    assert [task["error"] for task in failing_tasks(seen.service, tasks, seen.nodes)] == ["another error"]


def test_of_a_global_service_the_newest_failure_of_each_node_is_told() -> None:
    seen = snapshot("global")
    task: Any = {**seen.tasks[0], "Status": {"State": "failed"}}
    tasks: Any = [{**task, "ID": name, "NodeID": node} for name, node in ("1a", "2b", "3a")]
    told = failing_tasks(seen.service, tasks, [])
    assert [(task["slot"], task["node"]) for task in told] == [(None, "a"), (None, "b")]


@pytest.mark.parametrize(("created", "count"), [("10:00:00Z", 1), ("09:59:59.999Z", 0), ("10:00:00.001Z", 1)])
def test_a_task_belongs_to_the_rollout_that_began_before_it_or_with_it(created: str, count: int) -> None:
    seen = snapshot("job failed")
    seen.service["UpdateStatus"] = {"State": "updating", "StartedAt": "2026-01-01T10:00:00Z"}
    seen.tasks[0]["CreatedAt"] = f"2026-01-01T{created}"
    assert len(failing_tasks(seen.service, seen.tasks, seen.nodes)) == count


def test_a_task_whose_age_is_not_known_is_told() -> None:
    seen = snapshot("update paused")
    for task in seen.tasks:
        del task["CreatedAt"]
    assert failing_tasks(seen.service, seen.tasks, seen.nodes) != []


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


def test_a_failing_task_has_its_id_and_when_it_was_created() -> None:
    seen = snapshot("image cannot be pulled")
    [told] = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert told["id"] in [task["ID"] for task in seen.tasks]
    assert told["created"] in [task["CreatedAt"] for task in seen.tasks]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"State": "failed"}, ("failed", "", None)),
        ({"State": "failed", "Err": "no", "ContainerStatus": {"ExitCode": 3}}, ("failed", "no", 3)),
        ({"State": "rejected", "ContainerStatus": {"ExitCode": 3}}, ("rejected", "", None)),
        ({"State": "orphaned"}, ("orphaned", "", None)),
        ({"State": "pending", "Err": "no suitable node"}, ("pending", "no suitable node", None)),
        ({"State": "pending"}, None),
        ({"State": "running"}, None),
        ({"State": "complete", "ContainerStatus": {"ExitCode": 0}}, None),
        ({"State": "shutdown"}, None),
        (None, None),
    ],
)
def test_what_is_wrong_with_a_task(status: Any, told: Any) -> None:
    tasks: Any = [{"ID": "t", "Slot": 1, "NodeID": "n", "DesiredState": "shutdown", "Status": status}]
    found = failing_tasks(make_service(), tasks, [])
    assert [(task["state"], task["error"], task["exit_code"]) for task in found] == ([told] if told else [])


@pytest.mark.parametrize(("condition", "count"), [("any", 1), (None, 1), ("on-failure", 0), ("none", 0)])
def test_a_task_that_ended_is_wrong_only_where_it_should_always_run(condition: Any, count: int) -> None:
    task: Any = {"ID": "t", "Slot": 1, "DesiredState": "shutdown", "Status": {"State": "complete"}}
    service = make_service(RestartPolicy={"Condition": condition} if condition else None)
    assert len(failing_tasks(service, [task], [], is_given_up=True)) == count
    task["DesiredState"] = "running"
    assert failing_tasks(service, [task], [], is_given_up=True) == []


def test_the_image_of_a_task() -> None:
    assert image_of({"Spec": {"ContainerSpec": {"Image": "app:1"}}}) == "app:1"


@pytest.mark.parametrize("name", ["created", "update completed", "job complete", "one-shot complete", "global"])
def test_nothing_fails_where_all_is_well(name: str) -> None:
    seen = snapshot(name)
    assert failing_tasks(seen.service, seen.tasks, seen.nodes) == []


def test_node_that_has_left_is_told_by_its_id() -> None:
    seen = snapshot("job failed")
    [told] = failing_tasks(seen.service, seen.tasks, [])
    assert told["node"] == seen.tasks[0]["NodeID"]
    [told] = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert told["node"] == seen.nodes[0]["Description"]["Hostname"]


def test_secret_of_the_environment_is_not_told() -> None:
    seen = snapshot("job failed")
    seen.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["PASSWORD=hunter22"]
    seen.tasks[0]["Status"]["Err"] = "bad value hunter22\nin a line"
    [told] = failing_tasks(seen.service, seen.tasks, seen.nodes)
    assert told["error"] == "bad value *** in a line"


def test_list_of_failing_tasks_is_bounded() -> None:
    seen = snapshot("job failed")
    tasks: Any = [dict(seen.tasks[0], Slot=number + 1) for number in range(100)]
    assert len(failing_tasks(seen.service, tasks, seen.nodes)) == 10


@pytest.mark.parametrize(("is_given_up", "states"), [(True, ["complete", "complete"]), (False, [])])
def test_tasks_that_ended_are_wrong_where_the_swarm_has_given_up(is_given_up: bool, states: Any) -> None:
    seen = snapshot("one-shot complete")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "any", "MaxAttempts": 1}
    for task in seen.tasks:
        task["DesiredState"] = "shutdown"
    told = failing_tasks(seen.service, seen.tasks, seen.nodes, is_given_up)
    assert [task["state"] for task in told] == states
    assert [task["exit_code"] for task in told] == [0] * len(states)


FAILED: Dict[str, Any] = {
    "slot": 1,
    "node": "vm",
    "state": "failed",
    "error": "task: non-zero exit (3)",
    "exit_code": 3,
}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "slot 1, exit code 3: task: non-zero exit (3)"),
        ({"slot": None}, "node vm, exit code 3: task: non-zero exit (3)"),
        ({"slot": 0}, "node vm, exit code 3: task: non-zero exit (3)"),
        ({"exit_code": 0}, "slot 1, exit code 0: task: non-zero exit (3)"),
        ({"exit_code": None, "state": "rejected"}, "slot 1, rejected: task: non-zero exit (3)"),
        ({"exit_code": None, "error": ""}, "slot 1, failed"),
        ({"exit_code": None, "error": "No such image."}, "slot 1, failed: No such image"),
        ({"node": None}, "slot 1, exit code 3: task: non-zero exit (3)"),
        ({"slot": None, "node": None}, "a task, exit code 3: task: non-zero exit (3)"),
    ],
)
def test_a_failing_task_on_one_line(fields: Dict[str, Any], line: str) -> None:
    assert describe_task({**FAILED, **fields}) == line


@pytest.mark.parametrize(
    ("fields", "place"), [({}, "slot 1 on vm, "), ({"node": None}, "slot 1, "), ({"slot": None}, "node vm, ")]
)
def test_a_node_is_named_where_there_are_several(fields: Dict[str, Any], place: str) -> None:
    assert describe_task({**FAILED, **fields}, names_node=True) == f"{place}exit code 3: task: non-zero exit (3)"


@pytest.mark.parametrize(
    ("fields", "failure", "cause"),
    [
        ({}, "slot 1 failed, exit code 3: task: non-zero exit (3)", "slot 1 failed, exit code 3"),
        ({"slot": None, "error": ""}, "node vm failed, exit code 3", "node vm failed, exit code 3"),
        (
            {"exit_code": None, "state": "rejected", "error": "No such image."},
            "slot 1 rejected: No such image",
            "slot 1 rejected: No such image",
        ),
    ],
)
def test_how_a_task_fails(fields: Dict[str, Any], failure: str, cause: str) -> None:
    task = {**FAILED, **fields}
    assert (describe_failure(task), describe_cause(task)) == (failure, cause)


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ("running", True),
        ("ready", True),
        ("accepted", True),
        ("complete", True),
        ("shutdown", False),
        ("remove", False),
    ],
)
def test_which_tasks_should_run(desired: str, live: bool) -> None:
    assert is_live({"DesiredState": desired}) is live


@pytest.mark.parametrize("task", [{}, {"Status": None, "Spec": None}, {"Status": {}, "Spec": {"ContainerSpec": None}}])
def test_a_task_that_tells_nothing(task: Any) -> None:
    assert (state_of(task), image_of(task), is_live(task)) == ("", "None", True)
    assert (container_of(task), has_terminal(task), logging_driver(task)) == ("", False, "")


def test_what_matters_for_the_log_of_a_task() -> None:
    task: Any = {
        "Status": {"ContainerStatus": {"ContainerID": "abc"}},
        "Spec": {"ContainerSpec": {"TTY": True}, "LogDriver": {"Name": "none"}},
    }
    assert (container_of(task), has_terminal(task), logging_driver(task)) == ("abc", True, "none")


@pytest.mark.parametrize(
    ("mode", "job"),
    [
        ({"ReplicatedJob": {}}, True),
        ({"GlobalJob": {}}, True),
        ({"Replicated": {}}, False),
        ({"Global": {}}, False),
        ({}, False),
        (None, False),
    ],
)
def test_which_services_are_jobs(mode: Any, job: bool) -> None:
    service = make_service()
    service["Spec"]["Mode"] = mode
    assert is_job(service) is job


@pytest.mark.parametrize("policy", [{"Condition": "none"}, {}, None])
def test_a_restart_policy_may_be_left_out(policy: Any) -> None:
    assert restart_policy(make_service(RestartPolicy=policy)) == (policy or {})
    assert restart_policy(make_service()) == {}

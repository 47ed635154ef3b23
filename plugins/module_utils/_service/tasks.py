# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of a service: their states, and what is wrong with those that fail (pure). Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import spec_secrets

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_FAILING_TASKS = 10
FAILED_STATES = ("failed", "rejected", "orphaned")
PAST_STATES = ("shutdown", "remove")
ALWAYS_RESTARTS = "any"
NEVER_RESTARTS = "none"


def failing_tasks(
    service: types.Service, tasks: List[types.Task], nodes: List[types.Node], is_given_up: bool = False
) -> List[Dict[str, Any]]:
    """What is wrong with a service's tasks, the newest of each slot or node, as documented under RETURN (pure).

    Tasks older than the service's present rollout belong to another one; both times are the manager's. If the swarm has
    given the service up (`is_given_up`), tasks that should always be replaced count as failed once they have ended.
    """
    counts_ended = is_given_up and restart_policy(service).get("Condition", ALWAYS_RESTARTS) == ALWAYS_RESTARTS
    wrong = [task for task in tasks if _is_wrong(task, counts_ended)]
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
        "id": task["ID"],
        "slot": task.get("Slot"),
        "node": hostnames.get(str(task.get("NodeID"))) or task.get("NodeID"),
        "state": state_of(task),
        "error": errors.quote(str(status.get("Err") or ""), secrets),
        "exit_code": code if state_of(task) in ("failed", "complete") else None,
        "created": errors.quote(str(task.get("CreatedAt") or "")),
    }


def describe_task(task: Dict[str, Any], names_node: bool = False) -> str:
    """What is wrong with a failing task, on one line: `slot 1, exit code 3: task: non-zero exit (3)`.

    A task without a slot is called by its node; with `names_node` the others also say where they are.
    """
    where = f" on {task['node']}" if names_node and task["slot"] and task["node"] else ""
    how = task["state"] if task["exit_code"] is None else f"exit code {task['exit_code']}"
    error = f": {task['error']}" if task["error"] else ""
    return f"{place_of(task)}{where}, {how}{error}".rstrip(".")


def describe_failure(task: Dict[str, Any]) -> str:
    """How a task fails, in a sentence: `slot 2 failed, exit code 5: task: non-zero exit (5)`."""
    error = f": {task['error']}" if task["error"] else ""
    return f"{place_of(task)} {_fate(task)}{error}".rstrip(".")


def describe_cause(task: Dict[str, Any]) -> str:
    """The same in brief: `slot 2 failed, exit code 5`; the error only where there is no exit code."""
    return describe_failure(task) if task["exit_code"] is None else f"{place_of(task)} {_fate(task)}"


def place_of(task: Dict[str, Any]) -> str:
    """What a failing task is called: by its slot or, without one, by its node."""
    return f"slot {task['slot']}" if task["slot"] else f"node {task['node']}" if task["node"] else "a task"


def _fate(task: Dict[str, Any]) -> str:
    return str(task["state"]) if task["exit_code"] is None else f"{task['state']}, exit code {task['exit_code']}"


def image_of(task: types.Task) -> str:
    """The image in a task's spec."""
    return str(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image"))


def container_of(task: types.Task) -> str:
    """The ID of a task's container; empty if it never had one."""
    status = (task.get("Status") or {}).get("ContainerStatus") or {}
    return str(status.get("ContainerID") or "")


def has_terminal(task: types.Task) -> bool:
    """Whether a task's container has a terminal, so that its output and its errors are one stream."""
    return bool(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("TTY"))


def logging_driver(task: types.Task) -> str:
    """The logging driver in a task's spec; empty where it is the one of the node's engine."""
    return str(((task.get("Spec") or {}).get("LogDriver") or {}).get("Name") or "")


def state_of(task: types.Task) -> str:
    """A task's state, as the engine names it."""
    return str((task.get("Status") or {}).get("State", ""))


def is_live(task: types.Task) -> bool:
    """Whether a task should run, or is to be started."""
    return task.get("DesiredState") not in PAST_STATES


def is_job(service: types.Service) -> bool:
    """Whether a service is a job, whose tasks are meant to end."""
    return not {"ReplicatedJob", "GlobalJob"}.isdisjoint(service["Spec"].get("Mode") or {})


def restart_policy(service: types.Service) -> Dict[str, Any]:
    """A service's restart policy: when the swarm replaces a task that has ended."""
    return service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}

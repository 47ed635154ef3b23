# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a rollout, as it is sent to the controller (pure). Private to this collection.

Of specs it contains nothing but names, images and states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED, UNCHANGED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ENDED, QUEUED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    describe_task,
    failing_tasks,
    image_of,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait

Told = Dict[str, Any]


def tell(member: Member) -> Told:
    """One service's progress: its name, stage, outcome, a line for people, its failing tasks and all tasks."""
    wait = member.wait
    return {
        "name": member.name,
        "stage": member.stage,
        "outcome": _outcome(member),
        "line": _line(member),
        "failing": _failing(wait) if wait else {},
        "tasks": _tasks(wait) if wait else {},
    }


def _outcome(member: Member) -> Optional[str]:
    """The outcome of a service; one that needed no change has converged as well as any."""
    if member.stage != ENDED:
        return None
    return CONVERGED if member.outcome == UNCHANGED and not member.problem else member.outcome


def _line(member: Member) -> str:
    if member.stage == QUEUED:
        return f"{member.name}: not started"
    status = member.wait.status if member.wait else None
    return status.message if status else f"{member.name}: {_outcome(member) or member.stage}"


def _failing(wait: Wait) -> Dict[str, str]:
    """What is wrong with each failing task, by place and error."""
    if wait.seen is None:
        return {}
    snapshot = wait.seen.snapshot
    tasks = failing_tasks(snapshot.service, snapshot.tasks, snapshot.nodes)
    return {f"{task['slot'] or task['node']} {task['error']}": describe_task(task) for task in tasks}


def _tasks(wait: Wait) -> Dict[str, str]:
    """How each task stands, old ones too, by the task's ID."""
    if wait.seen is None:
        return {}
    tasks: List[Any] = [*wait.seen.snapshot.tasks, *wait.seen.snapshot.former]
    images = {image: brief(image) for image in {image_of(task) for task in tasks}}  # few images, thousands of tasks
    return {task["ID"]: f"{_place(task)}, {images[image_of(task)]}: {state_of(task)}" for task in tasks}


def _place(task: types.Task) -> str:
    return f"slot {task['Slot']}" if task.get("Slot") else f"node {task.get('NodeID', '')}"

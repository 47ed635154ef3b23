# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a rollout, as it is sent to the controller (pure). Private to this collection.

Of specs it contains nothing but names, images and states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief
from ansible_collections.swarmops.rollout.plugins.module_utils._service.explanation import SWARM_NAMES_TASK
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED, SUPERSEDED, UNCHANGED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ENDED, ROLLING, ROLLING_BACK
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    describe_cause,
    describe_failure,
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
    """One service's progress.

    `line` says how it stands, for people; `change` what is to change; `back` why it goes back, None if it does not, and
    empty if that is the swarm's own decision. `failing` and `tasks` are its failing tasks and all tasks.
    """
    wait, failing, back = member.wait, _failing(member), _back(member)
    return {
        "name": member.name,
        "stage": member.stage,
        "outcome": _outcome(member),
        "failed": bool(member.problem),
        "change": member.change,
        "back": back,
        "line": _line(member, is_explained=bool(failing) or back is not None),
        "failing": failing,
        "tasks": _tasks(wait) if wait else {},
    }


def _outcome(member: Member) -> Optional[str]:
    """The outcome of a service; one that needed no change has converged as well as any."""
    if member.stage != ENDED:
        return None
    return CONVERGED if member.outcome == UNCHANGED and not member.problem else member.outcome


def _line(member: Member, is_explained: bool) -> str:
    """How many tasks run which image; also the engine's words, unless the failing tasks say the same."""
    status = member.wait.status if member.wait else None
    if status is None or member.wait is None:
        return ""
    if member.wait.outcome == SUPERSEDED:
        return f"{status.line}: {member.wait.reason}"
    return status.line if is_explained and SWARM_NAMES_TASK in status.says else status.message


def _back(member: Member) -> Optional[str]:
    """Why a service goes back, by this task or by the swarm; None if it does not."""
    if member.stage == ROLLING_BACK:
        return member.cause
    if member.stage != ROLLING or member.wait is None:
        return None
    if not member.wait.is_going_back:
        return None
    return describe_cause(member.wait.tasks[0]) if member.wait.tasks else ""


def _failing(member: Member) -> Dict[str, str]:
    """What is wrong with each failing task, by place and error; also with those that the rollout has ended with."""
    tasks = [*member.tasks, *(member.wait.tasks if member.wait else [])]
    if member.wait and member.wait.seen:
        snapshot = member.wait.seen.snapshot
        tasks += failing_tasks(snapshot.service, snapshot.tasks, snapshot.nodes)
    return {f"{task['slot'] or task['node']} {task['error']}": describe_failure(task) for task in tasks}


def _tasks(wait: Wait) -> Dict[str, str]:
    """How each task stands, old ones too, by the task's ID."""
    if wait.seen is None:
        return {}
    tasks: List[Any] = [*wait.seen.snapshot.tasks, *wait.seen.snapshot.former]
    images = {image: brief(image) for image in {image_of(task) for task in tasks}}  # few images, thousands of tasks
    return {task["ID"]: f"{_place(task)}, {images[image_of(task)]}: {state_of(task)}" for task in tasks}


def _place(task: types.Task) -> str:
    return f"slot {task['Slot']}" if task.get("Slot") else f"node {task.get('NodeID', '')}"

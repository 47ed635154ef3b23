# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a task in slices, each a short process, so that its progress can be shown. Private to this collection.

The action plugins ask for slices with the hidden option `_slice`. Without it a task is one process from begin to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import failing_tasks
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    ENDED,
    QUEUED,
    UNCHANGED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import fingerprint
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import image_of, state_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import (
    Result,
    RolloutFailed,
    describe_task,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Wait
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.handover import FindCredential
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.patience import Clock

POLL_INTERVAL = 1.0  # seconds between looks: somebody is watching


class Slice(NamedTuple):
    """What is asked of one slice.

    `handover` is what the last one handed over, `gap` seconds ago; empty in the first. It lasts `seconds`, or until
    the progress is no more the one that was `shown`. With `is_retry` the answer to it never came. `details` adds the
    states of tasks.
    """

    handover: str
    seconds: float
    gap: float
    is_retry: bool
    shown: str
    details: bool

    def open(self, rollout: Rollout, find_credential: FindCredential) -> None:
        """Fill a rollout without members with those that were handed over. Raises InvalidInput."""
        from ansible_collections.swarmops.rollout.plugins.module_utils._service.handover import unpack

        unpack(rollout, self.handover, self.gap, self.is_retry, find_credential)

    def run(self, rollout: Rollout, clock: Clock, single: bool) -> Result:
        """Go on for a while; gives the task's result, or what the next slice needs. Raises RolloutFailed."""
        waiting = rollout.waiting
        waiting.convergence.observer.sees_former, waiting.convergence.poll_interval = True, POLL_INTERVAL
        give_up = clock.now() + self.seconds
        done = rollout.step()
        while not done and clock.now() < give_up and fingerprint(_progress(rollout, self.details)) == self.shown:
            waiting.pause()
            done = rollout.step()
        progress = _progress(rollout, self.details)
        told = {"progress": progress, "shown": fingerprint(progress)}
        if not done:
            from ansible_collections.swarmops.rollout.plugins.module_utils._service.handover import pack

            return {"changed": False, "_slice": {**told, "handover": pack(rollout, clock.now()), "left": waiting.left}}
        try:
            return {**rollout.result(single), "_slice": told}
        except RolloutFailed as error:
            error.result["_slice"] = told
            raise


def _progress(rollout: Rollout, details: bool) -> Dict[str, Any]:
    return {
        "trouble": rollout.waiting.convergence.trouble,
        "services": [_told(member, details) for member in rollout.members],
    }


def _told(member: Member, details: bool) -> Dict[str, Any]:
    """How one service stands, for somebody who watches."""
    wait = member.wait
    return {
        "name": member.entry.name,
        "stage": member.stage,
        "outcome": _outcome(member),
        "changed": member.entry.changed,
        "line": _line(member),
        "failing": _failing(wait) if wait else {},
        "tasks": _tasks(wait) if wait and details else {},
    }


def _outcome(member: Member) -> Optional[str]:
    """What came of a service; one that had to change nothing has converged as well as any."""
    if member.stage != ENDED:
        return None
    return CONVERGED if member.entry.outcome == UNCHANGED else member.entry.outcome


def _line(member: Member) -> str:
    if member.stage == QUEUED:
        return f"{member.entry.name}: not begun"
    line = member.wait.reason if member.wait else ""
    return line or f"{member.entry.name}: {_outcome(member) or member.stage}"


def _failing(wait: Wait) -> Dict[str, str]:
    """What is wrong with each failing task, by place and error."""
    if wait.sight is None:
        return {}
    snapshot = wait.sight.snapshot
    tasks = failing_tasks(snapshot.service, snapshot.tasks, snapshot.nodes)
    return {f"{task['slot'] or task['node']} {task['error']}": describe_task(task) for task in tasks}


def _tasks(wait: Wait) -> Dict[str, str]:
    """How each task stands, old ones too, by the task's ID."""
    if wait.sight is None:
        return {}
    tasks: List[Any] = [*wait.sight.snapshot.tasks, *wait.sight.snapshot.former]
    return {task["ID"]: f"{_place(task)}, {brief(image_of(task))}: {state_of(task)}" for task in tasks}


def _place(task: types.Task) -> str:
    return f"slot {task['Slot']}" if task.get("Slot") else f"node {task.get('NodeID', '')}"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a watched task: the plan, and the job that carries it out. Private to this collection.

One process owns a task from its first write to its result: the job. The plan before it writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Set

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import Told, tell
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout

PLAN = "plan"
JOB = "job"
HEARTBEAT = 5.0  # seconds between two signs of life
CALM = 1.0  # seconds between two lines while no service changes its stage


def plan(rollout: Rollout, single: bool) -> Result:
    """The task's result if it ends with one look; otherwise a result that only says that there is work left.

    Writes nothing. Raises RolloutFailed.
    """
    if not any(member.changed for member in rollout.members) and rollout.step():
        return rollout.result(single)
    return {"changed": False, "goes_on": True}


class Job:
    """Carries out a task, reports its progress, and starts no further service once it is asked to stop."""

    def __init__(self, file: ProgressFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._began = clock.now()
        self._told_at = self._began - CALM
        self._alive_at = self._began
        self._trouble = ""
        self._told: Dict[str, Told] = {}
        self._warned: Set[str] = set()

    def carry_out(self, rollout: Rollout, single: bool) -> Result:
        """Run a rollout to its end. Raises RolloutFailed."""
        rollout.is_stopped = lambda: self._file.is_stopped
        rollout.waiter.observer.sees_former = True
        if any(member.warnings for member in rollout.members):
            self._file.append(self._line(rollout, []))
        while not rollout.step():
            self._tell(rollout)
            rollout.pause()
        self._tell(rollout, is_last=True)
        return rollout.result(single)

    def _tell(self, rollout: Rollout, is_last: bool = False) -> None:
        """Append what is new to the file, at once if a service has changed its stage."""
        now, trouble = self._clock.now(), rollout.waiter.trouble
        new = [told for told in map(tell, rollout.members) if told != self._told.get(told["name"])]
        is_due = is_last or now >= self._told_at + CALM or any(map(self._is_at_another_stage, new))
        if not is_due or not (new or trouble != self._trouble):
            if now >= self._alive_at + HEARTBEAT:
                self._alive_at = now
                self._file.wake()
            return
        self._told.update((told["name"], told) for told in new)
        self._told_at = self._alive_at = now
        self._trouble = trouble
        self._file.append(self._line(rollout, new))

    def _is_at_another_stage(self, told: Told) -> bool:
        before = self._told.get(told["name"])
        return before is None or before["stage"] != told["stage"]

    def _line(self, rollout: Rollout, new: List[Told]) -> Dict[str, Any]:
        """A line of the file: seconds since the job began and until its waits end, and what is new."""
        return {
            "at": round(self._clock.now() - self._began, 1),
            "left": round(rollout.waiter.left, 1),
            "trouble": self._trouble,
            "warnings": self._new_warnings(rollout),
            "services": new,
        }

    def _new_warnings(self, rollout: Rollout) -> List[str]:
        said = [f"{member.name}: {text}" for member in rollout.members for text in member.warnings]
        new = [text for text in said if text not in self._warned]
        self._warned.update(new)
        return new

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job: a task that the controller watches, carried out in the background. Private to this collection.

One process owns the task from its plan to its result. It detaches from Ansible before its first write, and only if it
has something to do or to wait for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Set

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.background import detach
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import Told, tell
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import StartProgram
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout

HEARTBEAT = 5.0  # seconds between two signs of life
CALM = 1.0  # seconds between two lines while no service changes its stage

Answer = Callable[..., None]


class Job:
    """Carries out a task, reports its progress, and starts no further service once it is asked to stop.

    Its folder is made in `base`. `answer` prints the result of a module and raises SystemExit.
    """

    def __init__(self, base: str, answer: Answer, clock: Clock) -> None:
        self._base = base
        self._answer = answer
        self._clock = clock
        self._began = clock.now()
        self._told_at = self._began - CALM
        self._alive_at = self._began
        self._trouble = ""
        self._told: Dict[str, Told] = {}
        self._warned: Set[str] = set()
        self._file: Optional[ProgressFile] = None

    def carry_out(self, rollout: Rollout, single: bool) -> Result:
        """Run a rollout to its end, in the background unless it ends with one look. Raises RolloutFailed."""
        if not any(member.changed for member in rollout.members) and rollout.step():
            return rollout.result(single)
        file = self._detach()
        rollout.is_stopped = lambda: file.is_stopped
        rollout.waiter.observer.sees_former = True
        if any(member.warnings for member in rollout.members):
            file.append(self._line(rollout, []))
        while not rollout.step():
            self._tell(file, rollout)
            rollout.pause()
        self._tell(file, rollout, is_last=True)
        return rollout.result(single)

    def end(self, start_program: StartProgram) -> None:
        """Announce that the result was printed, if this process was in the background."""
        if self._file is not None:
            self._file.end(start_program)

    def _detach(self) -> ProgressFile:
        """Answer Ansible, and return in the background once the controller has begun the job.

        Where nothing can run in the background the answer names no folder, and the controller runs the module again.
        """
        file = ProgressFile.make(self._base)
        if file is None or not detach(file.result, partial(self._answer, goes_on=True, folder=file.folder)):
            if file is not None:
                file.remove()
            self._answer(goes_on=True)
        if file is None or not file.await_beginning():
            raise SystemExit
        self._file = file
        return file

    def _tell(self, file: ProgressFile, rollout: Rollout, is_last: bool = False) -> None:
        """Append what is new to the file, at once if a service has changed its stage."""
        now, trouble = self._clock.now(), rollout.waiter.trouble
        new = [told for told in map(tell, rollout.members) if told != self._told.get(told["name"])]
        is_due = is_last or now >= self._told_at + CALM or any(map(self._is_at_another_stage, new))
        if not is_due or not (new or trouble != self._trouble):
            if now >= self._alive_at + HEARTBEAT:
                self._alive_at = now
                file.wake()
            return
        self._told.update((told["name"], told) for told in new)
        self._told_at = self._alive_at = now
        self._trouble = trouble
        file.append(self._line(rollout, new))

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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a watched task's module, and watch it in the background. Private to this collection.

One process on the managed node owns the task from its plan to its result; the code here only begins and watches it.
Progress goes to standard error, so that the callbacks' standard output stays as it is.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import Board, Progress
from ansible_collections.swarmops.rollout.plugins.plugin_utils._command import Hint, wait_arguments
from ansible_collections.swarmops.rollout.plugins.plugin_utils._farewell import Farewell
from ansible_collections.swarmops.rollout.plugins.plugin_utils._garbage import garbage_ignored
from ansible_collections.swarmops.rollout.plugins.plugin_utils._job import ConnectionLost, Job, News

Result = Dict[str, Any]

JOBS = "SWARMOPS_ROLLOUT_JOBS"  # tells the module where a job may make its folder
RECONNECT_PAUSE = 2.0  # seconds
LEAST_PATIENCE = 60.0  # seconds for which a lost node is tried again at least

NOT_BEGUN = "Interrupted: nothing was started."
UNTOLD = "Interrupted: the job on the node could not be told, and continues the whole rollout."
OVER = "Interrupted: the rollout had just ended."
BEGUN = "Interrupted: the swarm continues the rollout."
PARTLY_BEGUN = f"{BEGUN} Services that were not started stay as they are until you run the task again."
BROKEN = "The connection broke ({reason}); the rollout and the wait continue."
NOT_STARTED = "The job on the node was not begun in time and has ended. Nothing was changed; run the task again."
GOES_ON = "What the swarm has started continues. To keep waiting, run: {command}"
NOT_BACK = f"What became of the task is not known: the connection broke ({{reason}}) and did not come back. {GOES_ON}"
NO_WORD = f"What became of the task is not known: the job on the node ended without a result. {GOES_ON}"

display = Display()


class WatchedAction(ActionBase):
    """An action that shows what its module is doing, and returns what the module alone would return."""

    _supports_async = True
    _supports_check_mode = True
    _task: Any

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Result:
        """Run the module in the background, or as a whole if there is nothing to watch or nobody to show it to."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        return _Watch(self, task_vars).run() if self._is_watched() else self.run_as_a_whole(task_vars)

    def _is_watched(self) -> bool:
        is_plain = self._task.async_val or self._task.check_mode or self._task.no_log
        return not is_plain and self._is_on("show_progress") and self._is_on("wait")

    def _is_on(self, option: str) -> bool:
        """Whether an option that is on by default is on; the module itself refuses what is no boolean."""
        try:
            return bool(boolean(self._task.args.get(option, True)))
        except TypeError:
            return False

    def run_as_a_whole(self, task_vars: Dict[str, Any]) -> Result:
        """Run the module as one process, in the foreground unless the task sets `async`."""
        with garbage_ignored():
            result: Result = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        return result

    def run_watched(self, task_vars: Dict[str, Any]) -> Result:
        """Run the module, which leaves a job in the background if there is something to do or to wait for."""
        folder = self.get_shell_option("async_dir", default="~/.ansible_async")
        task = self._task
        self._task = task.copy()
        self._task.environment = [*(task.environment or []), {JOBS: folder}]
        try:
            with garbage_ignored():
                result: Result = self._execute_module(task_vars=task_vars)
        finally:
            self._task = task
        return result

    def hint(self, task_vars: Dict[str, Any]) -> Hint:
        """The message for an interruption of this task."""
        task = self._task
        variables = {name: value for each in task.environment or [] for name, value in dict(each).items()}
        host = str(task.delegate_to or task_vars.get("inventory_hostname", "localhost"))
        known = (task_vars.get("groups") or {}).get("all", [])
        return Hint(wait_arguments(task.args, variables), host, self._connection.become, known)

    def job(self, first: Result) -> Optional[Job]:
        """The job that the module has left; None if nothing can run in the background there."""
        if "folder" not in first:
            return None
        return Job(self._low_level_execute_command, first["folder"])

    def reset_connection(self) -> None:
        """Make the next command open a new connection."""
        with contextlib.suppress(AnsibleError):
            self._connection.reset()


class _Watch:
    """A task that is being watched."""

    def __init__(self, action: WatchedAction, task_vars: Dict[str, Any]) -> None:
        self._action = action
        self._task_vars = task_vars
        self._progress = Progress()
        self._farewell = Farewell()
        self._hint = action.hint(task_vars)
        hosts = task_vars.get("ansible_play_hosts_all") or []
        self._board = Board(str(task_vars.get("inventory_hostname", "")) if len(hosts) > 1 else "")
        self._began = self._seen_at = time.monotonic()
        self._is_broken = False
        self._job: Optional[Job] = None

    def run(self) -> Result:
        """Plan, and have a job do the rest."""
        try:
            result = self._run()
        except KeyboardInterrupt:
            raise
        except BaseException:  # the task's own time-out among them
            if self._job is not None:
                display.display(self._last_words(), stderr=True)
            self._farewell.take_back()
            raise
        self._farewell.take_back()
        return result

    def _run(self) -> Result:
        self._farewell.leave(self._hint.say(NOT_BEGUN))
        first = self._action.run_watched(self._task_vars)
        if not first.get("goes_on"):
            return first
        result = None
        with self._farewell.holding_signals():
            self._job = self._action.job(first)
            if self._job is not None:
                self._farewell.leave(self._hint.say(UNTOLD))
                self._progress.lag = time.monotonic() - self._began
                result = self._watch(self._job)
            if self._farewell.signal is not None:
                self._farewell.leave(self._hint.say(OVER) if result else self._last_words(), is_last=True)
        if result is None:  # there can be no job
            self._farewell.leave(self._hint.say(UNTOLD))
            result = self._action.run_as_a_whole(self._task_vars)
        return _as_of_one_run(first, result)

    def _watch(self, job: Job) -> Optional[Result]:
        """The job's result; None if the run is interrupted before it is there."""
        self._seen_at = time.monotonic()
        while self._farewell.signal is None:
            try:
                result = self._look(job)
                if result is not None:
                    return result
            except ConnectionLost as lost:
                if self._farewell.signal is None and not self._reconnect(lost):
                    return self._lost(NOT_BACK, _first_line(str(lost)))
        return None

    def _look(self, job: Job) -> Optional[Result]:
        """Show what is new. Returns the result once it is there."""
        news = job.look()
        for told in news.lines:
            self._show(told)
        self._seen_at = time.monotonic()
        self._say(self._board.sign_of_life(self._progress, self._seen_at - self._began))
        return self._result(job, news)

    def _result(self, job: Job, news: News) -> Optional[Result]:
        """The job's result, if the news says that it has ended; its files are then removed."""
        if news.state == "alive" and not any("end" in told for told in news.lines):
            return None
        if news.state == "cancelled":
            self._job = None
            return {"failed": True, "changed": False, "msg": NOT_STARTED}
        result = job.fetch()
        with contextlib.suppress(ConnectionLost):
            job.remove()
        self._job = None
        return result or self._lost(NO_WORD)

    def _reconnect(self, lost: ConnectionLost) -> bool:
        """Prepare another connection. Returns whether there is time for one."""
        if not self._is_broken:
            self._say([BROKEN.format(reason=_first_line(str(lost)))])
        self._is_broken = True
        if time.monotonic() > self._seen_at + max(self._progress.left, LEAST_PATIENCE):
            return False
        time.sleep(RECONNECT_PAUSE)
        self._action.reset_connection()
        return True

    def _lost(self, text: str, reason: str = "") -> Result:
        """The result if the job's own is lost: it is not known what was changed."""
        command = self._hint.command(self._progress.begun)
        return {"failed": True, "changed": True, "msg": text.format(reason=reason, command=command)}

    def _last_words(self) -> str:
        """Tell the job to start no further service. Returns how the rollout continues, with the command that waits."""
        if self._job is None:
            return self._hint.say(NOT_BEGUN)
        try:
            answer = self._job.stop()
        except ConnectionLost:
            answer = ""
        if answer == "cancelled":
            return self._hint.say(NOT_BEGUN)
        if answer != "told":
            return self._hint.say(UNTOLD)
        return self._hint.say(BEGUN if self._progress.is_all_begun else PARTLY_BEGUN, self._progress.begun)

    def _show(self, told: Dict[str, Any]) -> None:
        """Print what is new in a line of the job's file."""
        if self._progress.take(told):
            warnings = self._board.warnings(self._progress)
            details = self._board.details(self._progress) if display.verbosity > 0 else []
            self._say(warnings + details + self._board.lines(self._progress))

    @staticmethod
    def _say(lines: List[str]) -> None:
        for line in lines:
            display.display(line, stderr=True)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip(".") or "no reason given"


def _as_of_one_run(first: Result, last: Result) -> Result:
    """The job's result with the keys that Ansible adds to the run of a module."""
    own = {"goes_on", "folder", "changed", "invocation", "warnings", "deprecations"}
    return {**{key: value for key, value in first.items() if key not in own}, **last}

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module in slices and show its progress in between. Private to this collection.

Each slice is a short run of the module, which gives what the next one needs to go on; between two of them nothing
runs on the managed node, so that a lost connection ends nothing. Progress goes to the standard error: what
callbacks write to the standard output stays as it is.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ansible import context
from ansible.constants import DEFAULT_HOST_LIST
from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import QUEUED
from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import Board
from ansible_collections.swarmops.rollout.plugins.plugin_utils._garbage import garbage_ignored

Result = Dict[str, Any]

SLICE_SECONDS = 15.0  # how long a slice lasts where nothing changes
CYCLE_SECONDS = 1.0  # the least time between two lines on one service
RECONNECT_PAUSE = 2.0  # seconds
LEAST_PATIENCE = 60.0  # seconds for which a lost node is tried again at least
WAIT_MODULE = "swarmops.rollout.swarm_service_wait"
WAYS_TO_SELECT = ("name", "services", "select")
WAIT_ARGUMENTS = (
    "wait_timeout",
    "timeout",
    "docker_host",
    "tls",
    "validate_certs",
    "tls_hostname",
    "ca_path",
    "client_cert",
    "client_key",
)

BEGUN = "Interrupted: the swarm goes on with the rollout."
PARTLY_BEGUN = f"{BEGUN} Services that were not begun stay as they are until you run the task again."
UNWATCHED = "Interrupted: the swarm goes on with what was begun, if anything was."

display = Display()

# The process that forks the workers loads this too. A worker has no terminal of its own, and when it is told to end,
# nobody reads its queue any more.
_TERMINAL = os.dup(2)


class WatchedAction(ActionBase):
    """An action that shows what its module does while it does it, and returns what the module alone would."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: Optional[Dict[str, Any]] = None) -> Result:
        """Run the module: in slices, or as a whole where there is nothing to watch or nobody to show it to."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        if not self._is_watched():
            with garbage_ignored():
                result: Result = self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
            return result
        return self._watch(task_vars)

    def _is_watched(self) -> bool:
        is_plain = self._task.async_val or self._task.check_mode or self._task.no_log
        return not is_plain and self._is_on("show_progress") and self._is_on("wait")

    def _is_on(self, option: str) -> bool:
        """Whether an option that is on by default is on; what is no boolean is for the module to refuse."""
        try:
            return bool(boolean(self._task.args.get(option, True)))
        except TypeError:
            return False

    def _watch(self, task_vars: Dict[str, Any]) -> Result:
        hosts = task_vars.get("ansible_play_hosts_all") or []
        board = Board(str(task_vars.get("inventory_hostname", "")) if len(hosts) > 1 else "")
        asked: Dict[str, Any] = {"details": display.verbosity > 0}
        with self._farewell(UNWATCHED, self._meant(), task_vars), garbage_ignored():
            result = first = self._run_slice(asked, task_vars)
        while "handover" in result.get("_slice", {}):
            told, began = result["_slice"], time.monotonic()
            self._show(board, told["progress"])
            asked.update(handover=told["handover"], shown=told["shown"], seconds=SLICE_SECONDS)
            with self._farewell(*_way_on(told["progress"]), task_vars):
                time.sleep(CYCLE_SECONDS / 2)
                result = self._run_on(asked, began, told["left"], task_vars)
                time.sleep(max(0.0, began + CYCLE_SECONDS - time.monotonic()))
        if result is not first:
            self._show(board, result.get("_slice", {}).get("progress"))
        return _as_of_one_run(first, result)

    def _run_slice(self, asked: Dict[str, Any], task_vars: Dict[str, Any]) -> Result:
        arguments = {**self._task.args, "_slice": asked}
        result: Result = self._execute_module(module_args=arguments, task_vars=task_vars)
        return result

    def _run_on(self, asked: Dict[str, Any], began: float, left: float, task_vars: Dict[str, Any]) -> Result:
        """Run the next slice, again and again while the node cannot be reached and there is time."""
        is_retry = False
        while True:
            has_time = time.monotonic() - began < max(left, LEAST_PATIENCE)
            try:
                asked = {**asked, "gap": time.monotonic() - began, "is_retry": is_retry}
                result = self._run_slice(asked, task_vars)
                if not _is_cut_off(result) or not has_time:
                    return result
                reason = str(result.get("msg", ""))
            except AnsibleConnectionFailure as error:
                if not has_time:
                    raise
                reason = str(error)
            if not is_retry:
                self._say([f"The connection broke ({_first_line(reason)}); the swarm goes on, and so does the wait."])
            is_retry = True
            time.sleep(RECONNECT_PAUSE)
            self._connection.reset()

    def _show(self, board: Board, progress: Optional[Dict[str, Any]]) -> None:
        if progress is not None:
            self._say(board.details(progress) + board.lines(progress))

    @staticmethod
    def _say(lines: List[str]) -> None:
        for line in lines:
            display.display(line, stderr=True)

    @contextmanager
    def _farewell(self, said: str, services: Dict[str, Any], task_vars: Dict[str, Any]) -> Iterator[None]:
        """While this lasts, say what becomes of these services where the run is interrupted, and how to go on."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        text = f"\n{said} To wait on:\n  {self._command(services, task_vars)}\n"
        former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def tell(number: int, frame: Any) -> None:
            os.write(_TERMINAL, text.encode())
            handler = former[signal.Signals(number)]
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
            if callable(handler):
                handler(number, frame)
            else:
                os.kill(os.getpid(), number)

        for number in former:
            signal.signal(number, tell)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _meant(self) -> Dict[str, Any]:
        """The services as the task names them."""
        given = {name: self._task.args[name] for name in WAYS_TO_SELECT if self._task.args.get(name) is not None}
        if isinstance(given.get("services"), list):
            given["services"] = [{"name": item.get("name")} for item in given["services"] if isinstance(item, dict)]
        return given

    def _command(self, services: Dict[str, Any], task_vars: Dict[str, Any]) -> str:
        """The command that waits for these services."""
        kept = {name: self._task.args[name] for name in WAIT_ARGUMENTS if self._task.args.get(name) is not None}
        sources = [source for source in context.CLIARGS.get("inventory") or () if source not in DEFAULT_HOST_LIST]
        inventories = [word for source in sources for word in ("-i", source)]
        become = ["-b"] if self._play_context.become else []
        host = str(task_vars.get("inventory_hostname", "localhost"))
        arguments = json.dumps({**services, **kept})
        command = ["ansible", *inventories, *become, host, "-m", WAIT_MODULE, "-a", arguments]
        return " ".join(map(shlex.quote, command))


def _way_on(progress: Dict[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """What becomes of services without this run, and which of them there are to wait for."""
    begun = [{"name": service["name"]} for service in progress["services"] if service["stage"] != QUEUED]
    services = begun[0] if len(progress["services"]) == 1 and begun else {"services": begun}
    return (BEGUN if len(begun) == len(progress["services"]) else PARTLY_BEGUN), services


def _is_cut_off(result: Result) -> bool:
    """Whether the module's process ended before it could say anything."""
    return bool(result.get("failed")) and "module_stdout" in result


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip(".") or "no reason given"


def _as_of_one_run(first: Result, last: Result) -> Result:
    """The result of the last slice, as the module alone would give it, with what Ansible itself adds to a first run."""
    own = {"_slice", "changed", "invocation", "warnings", "deprecations"}
    result = {**{key: value for key, value in first.items() if key not in own and first is not last}, **last}
    for key in ("warnings", "deprecations"):
        if first is not last and first.get(key):
            result[key] = [*first[key], *last.get(key, [])]
    result.pop("_slice", None)
    result.get("invocation", {}).get("module_args", {}).pop("_slice", None)
    return result

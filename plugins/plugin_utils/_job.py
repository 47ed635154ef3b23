# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in the background of a node, and the small shell commands that control it. Private to this collection.

Its folder is made here, for the job's user alone; `module_utils/_rollout/progress_file.py` describes its contents.
"""

from __future__ import annotations

import json
import secrets
import shlex
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type

from ansible.errors import AnsibleConnectionFailure

DECODER: Type[json.JSONDecoder]
try:
    from ansible.module_utils.common.json import Direction, get_module_decoder
except ImportError:  # before ansible-core 2.19 a result is plain JSON
    DECODER = json.JSONDecoder
else:
    DECODER = get_module_decoder("legacy", Direction.MODULE_TO_CONTROLLER)

Result = Dict[str, Any]
RunShell = Callable[[str], Dict[str, Any]]

# The output of each command ends with one word after the mark; without it, it was cut off.
MARK = "@rollout:"

MAKE = """
umask 077
mkdir -p {base} && mkdir {base}/{name} && cd {base}/{name} && mkfifo wake && : > ticket && pwd -P && echo @rollout:made
"""

UNMAKE = "cd {base} 2>/dev/null && rm -rf -- {name}"

# Waits until the job wakes its watchers or has ended, and prints its file from a byte offset on. Opening the pipe in
# both directions first keeps the shell from waiting for a job that is gone.
LOOK = """
cd {folder} 2>/dev/null || {{ echo @rollout:gone; exit 0; }}
: > watched
tries=0
until [ -e progress ] || [ "$tries" -ge 50 ]; do sleep 0.1 2>/dev/null || sleep 1; tries=$((tries + 1)); done
[ -e progress ] || {{ echo @rollout:waiting; exit 0; }}
if {waits}; then
  exec 3<> wake 4< wake 3>&-
  read -r woken <&4
fi
tail -c +{offset} progress
kill -0 {pid} 2>/dev/null && echo @rollout:alive || echo @rollout:ended
"""

FETCH = """
cd {folder} 2>/dev/null || {{ echo @rollout:gone; exit 0; }}
tries=0
while kill -0 {pid} 2>/dev/null && [ "$tries" -lt 50 ]; do sleep 0.02 2>/dev/null || sleep 1; tries=$((tries + 1)); done
cat j*[0-9]
echo
echo @rollout:fetched
"""

STOP = """
cd {folder} 2>/dev/null && : > stop && echo @rollout:told || echo @rollout:gone
"""
GIVE_UP = """
cd {folder} 2>/dev/null || {{ echo @rollout:gone; exit 0; }}
mv ticket given-up 2>/dev/null && rm -rf -- {folder} && echo @rollout:given-up || echo @rollout:begun
"""
REMOVE = "rm -rf -- {folder}; echo @rollout:removed"


class ConnectionLost(Exception):
    """A command on the node was cut off, or could not be sent; the message says why."""


class News(NamedTuple):
    """What is new from a job: its lines, and whether it is `waiting`, `alive`, `ended`, or its folder `gone`."""

    lines: List[Dict[str, Any]]
    state: str


class Job:
    """A job on a node. Every method that runs a command there raises ConnectionLost."""

    def __init__(self, run_shell: RunShell) -> None:
        self._run_shell = run_shell
        self._offset = 1
        self._pid = 0  # the shell's own process group, until the job has reported its pid
        self._waits = False
        self.folder = ""

    def make_folder(self, base: str) -> bool:
        """Make the job's folder in `base`, where `~/` is the user's home. Returns whether that worked."""
        home, _slash, rest = base.partition("/")
        quoted = f'"$HOME"/{shlex.quote(rest)}' if home == "~" else shlex.quote(base)
        words = {"base": quoted, "name": f"rollout-{secrets.token_hex(8)}"}
        lines = self._run_shell(MAKE.format(**words))["stdout"].splitlines()
        if f"{MARK}made" not in lines:
            self._run_shell(UNMAKE.format(**words))  # it may have been cut off halfway
            return False
        self.folder = lines[lines.index(f"{MARK}made") - 1]
        return True

    def look(self) -> News:
        """Wait for news; after a command that was cut off, return at once with what there is."""
        waits, self._waits = self._waits, False
        state, output = self._run(LOOK, offset=self._offset, pid=self._pid, waits=str(waits).lower())
        lines = []
        for line in output:
            told = _parse(line)
            if told is None:
                continue
            self._offset += len(line) + 1
            self._pid = told.get("pid", self._pid)
            lines.append(told)
        self._waits = self._pid > 0
        return News(lines, state)

    def fetch(self) -> Optional[Result]:
        """The job's result; None if there is none, or not yet."""
        _state, output = self._run(FETCH, pid=self._pid or "none")
        found = [result for result in (_parse(line, DECODER) for line in output) if result is not None]
        return found[-1] if found and "started" not in found[-1] else None

    def stop(self) -> bool:
        """Ask the job to start no further service. Returns whether the request arrived."""
        return self._run(STOP)[0] == "told"

    def give_up(self) -> bool:
        """Cancel the job if it has not begun, and remove its folder. Returns whether it was cancelled."""
        return self._run(GIVE_UP)[0] == "given-up"

    def remove(self) -> None:
        """Remove the job's folder with its result."""
        self._run(REMOVE)

    def _run(self, script: str, **words: Any) -> Tuple[str, List[str]]:
        """Run a script on the node. Returns the word after the mark, and the lines before it."""
        try:
            done = self._run_shell(script.format(folder=shlex.quote(self.folder), **words))
        except AnsibleConnectionFailure as error:
            raise ConnectionLost(str(error)) from None
        lines = done["stdout"].splitlines()
        marks = [number for number, line in enumerate(lines) if line.startswith(MARK)]
        if not marks:
            raise ConnectionLost(done.get("stderr") or done.get("msg") or "")
        return lines[marks[-1]][len(MARK) :], lines[: marks[-1]]


def _parse(text: str, decoder: Type[json.JSONDecoder] = json.JSONDecoder) -> Optional[Dict[str, Any]]:
    """The JSON object in a text; None if it is anything else."""
    try:
        found = json.loads(text, cls=decoder)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

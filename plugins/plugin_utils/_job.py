# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in the background of a node, and the small shell commands that look after it. Private to this collection.

Its folder is made here, for the job's user alone; `module_utils/_rollout/progress_file.py` says what is in it.
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

# Each command ends with one word after the mark, or was cut off.
MARK = "@rollout:"

MAKE = """
umask 077
mkdir -p {base} && mkdir {base}/{name} && cd {base}/{name} && mkfifo wake && : > ticket && pwd -P && echo @rollout:made
"""

UNMAKE = "cd {base} 2>/dev/null && rm -rf -- {name}"

# Waits until the job wakes those who watch it, or has ended, and tells what is in its file from a byte on. To open the
# pipe for both ways first keeps the shell from waiting for a job that is no more.
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
    """A command on the node was cut off, or could not be given; the text says why."""


class News(NamedTuple):
    """What is new of a job: its lines, and whether it is `waiting`, `alive`, `ended`, or its folder `gone`."""

    lines: List[Dict[str, Any]]
    state: str


class Job:
    """A job on a node. Each command raises ConnectionLost."""

    def __init__(self, run_shell: RunShell) -> None:
        self._run_shell = run_shell
        self._offset = 1
        self._pid = 0  # that of the shell's own group, until the job has told its own
        self._waits = False
        self.folder = ""

    def make_folder(self, base: str) -> bool:
        """Make the folder below another one, in which `~/` is the user's home; tell whether that could be done."""
        home, _slash, rest = base.partition("/")
        quoted = f'"$HOME"/{shlex.quote(rest)}' if home == "~" else shlex.quote(base)
        words = {"base": quoted, "name": f"rollout-{secrets.token_hex(8)}"}
        lines = self._run_shell(MAKE.format(**words))["stdout"].splitlines()
        if f"{MARK}made" not in lines:
            self._run_shell(UNMAKE.format(**words))  # it may have been cut off in the middle
            return False
        self.folder = lines[lines.index(f"{MARK}made") - 1]
        return True

    def look(self) -> News:
        """Wait for news; after a command that was cut off, see first what there is."""
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
        """The job's result; None where it is not there, or not yet."""
        _state, output = self._run(FETCH, pid=self._pid or "none")
        found = [result for result in (_parse(line, DECODER) for line in output) if result is not None]
        return found[-1] if found and "started" not in found[-1] else None

    def stop(self) -> bool:
        """Ask the job to start no further service; tell whether that reached it."""
        return self._run(STOP)[0] == "told"

    def give_up(self) -> bool:
        """Keep the job from beginning, and remove its folder; tell whether it had not begun."""
        return self._run(GIVE_UP)[0] == "given-up"

    def remove(self) -> None:
        """Remove the job's folder, and its result with it."""
        self._run(REMOVE)

    def _run(self, script: str, **words: Any) -> Tuple[str, List[str]]:
        """The word after the mark, and the lines before it."""
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
    """The JSON object that a text is; None where it is anything else."""
    try:
        found = json.loads(text, cls=decoder)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in the background of a node, and the small shell commands that control it. Private to this collection.

`module_utils/_rollout/progress_file.py` makes its folder, and describes the contents.
"""

from __future__ import annotations

import json
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

# The job holds the pipe `wake` open: its end is the job's. Opening a pipe in both directions first keeps the shell from
# waiting for a job that is gone.
OPEN_WAKE = "exec 3<> wake 4< wake 3>&-"

# Begins the job, if it has not begun. Waits until the job wakes its watchers or has ended, and prints its file from a
# byte offset on.
LOOK = f"""
cd {{folder}} 2>/dev/null || {{{{ echo @rollout:gone; exit 0; }}}}
: > watched
mv ticket progress 2>/dev/null && exec 5<> go && echo >&5
[ -e progress ] || {{{{ echo @rollout:cancelled; exit 0; }}}}
{OPEN_WAKE}
state=alive
if {{waits}}; then read -r woken <&4 || state=ended; fi
tail -c +{{offset}} progress
echo @rollout:$state
"""

# Waits for the end of the job, which has printed its result by then.
FETCH = f"""
cd {{folder}} 2>/dev/null || {{{{ echo @rollout:gone; exit 0; }}}}
{OPEN_WAKE}
while read -r woken <&4; do :; done
cat result
echo
echo @rollout:fetched
"""

# Cancels the job if it has not begun; otherwise tells it to start no further service.
STOP = """
cd {folder} 2>/dev/null || {{ echo @rollout:gone; exit 0; }}
if mv ticket cancelled 2>/dev/null; then
  exec 5<> go && echo >&5
  rm -rf -- {folder}
  echo @rollout:cancelled
else
  : > stop && echo @rollout:told || echo @rollout:gone
fi
"""
REMOVE = "rm -rf -- {folder}; echo @rollout:removed"


class ConnectionLost(Exception):
    """A command on the node was cut off, or could not be sent; the message says why."""


class News(NamedTuple):
    """What is new from a job: its lines, and whether it is `alive`, `ended`, `cancelled`, or its folder `gone`."""

    lines: List[Dict[str, Any]]
    state: str


class Job:
    """A job in a folder on a node. Every method raises ConnectionLost."""

    def __init__(self, run_shell: RunShell, folder: str) -> None:
        self._run_shell = run_shell
        self._folder = folder
        self._offset = 1
        self._waits = True
        self._may_have_begun = False

    def look(self) -> News:
        """Wait for news; after a command that was cut off, return at once with what there is.

        The first look begins the job. One that nobody has begun in time has cancelled itself.
        """
        waits, self._waits = self._waits, False
        may_have_begun, self._may_have_begun = self._may_have_begun, True
        state, output = self._run(LOOK, offset=self._offset, waits=str(waits).lower())
        lines = []
        for line in output:
            told = _parse(line)
            if told is None:
                continue
            self._offset += len(line) + 1
            lines.append(told)
        self._waits = True
        return News(lines, "cancelled" if state == "gone" and not may_have_begun else state)

    def fetch(self) -> Optional[Result]:
        """Wait for the end of the job. Returns its result; None if it has left none."""
        _state, output = self._run(FETCH)
        found = [result for result in (_parse(line, DECODER) for line in output) if result is not None]
        return found[-1] if found else None

    def stop(self) -> str:
        """Cancel the job if it has not begun; otherwise ask it to start no further service.

        Returns `cancelled`, `told`, or `gone` if there is nobody to tell.
        """
        return self._run(STOP)[0]

    def remove(self) -> None:
        """Remove the job's folder with its result."""
        self._run(REMOVE)

    def _run(self, script: str, **words: Any) -> Tuple[str, List[str]]:
        """Run a script on the node. Returns the word after the mark, and the lines before it."""
        try:
            done = self._run_shell(script.format(folder=shlex.quote(self._folder), **words))
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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder through which a job and the controller exchange messages. Private to this collection.

The job makes the folder, for its user alone, with a ticket in it. The controller begins the job by turning the ticket
into the file that the progress is appended to; whoever takes the ticket away first has cancelled the job.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional

NAME = "rollout-"  # what the name of the folder begins with
TICKET = "ticket"
CANCELLED = "cancelled"  # what becomes of the ticket of a job that never begins
PROGRESS = "progress"  # a JSON object a line
RESULT = "result"  # what the module prints
GO = "go"  # a pipe: a line says that the ticket is gone
STOP = "stop"  # exists when the job should start no further service
WAKE = "wake"  # a pipe: a line wakes the watchers, and its end tells them that the job has ended
WATCHED = "watched"  # written to each time the controller looks
LONGEST_START = 60  # seconds in which a controller may begin a job
UNWATCHED_SECONDS = 60  # how long after its last look a controller may come back for the result

# Removes a job's folder if nobody has fetched its result, `$2` seconds from now at the latest.
REMOVE = """
left=$2
while [ -d "$1" ] && [ "$left" -gt 0 ]; do
  sleep 1
  left=$((left - 1))
  [ -e "$1/stop" ] && break
done
rm -rf -- "$1"
"""

StartProgram = Callable[[List[str]], None]


class ProgressFile:
    """The file to which a job writes its progress; only the job's own user can read or change it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._go = self._wake = -1

    @classmethod
    def make(cls, base: str) -> Optional[ProgressFile]:
        """Make a job's folder in `base`, where `~` is the user's home; None if there can be none."""
        base = os.path.abspath(os.path.expanduser(os.path.expandvars(base)))
        try:
            os.makedirs(base, mode=0o700, exist_ok=True)
            file = cls(tempfile.mkdtemp(prefix=NAME, dir=base))
        except OSError:
            return None
        try:
            file._go, file._wake = file._pipe(GO), file._pipe(WAKE)
            os.close(os.open(file._path(TICKET), os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError:
            file.remove()
            return None
        return file

    @property
    def result(self) -> str:
        """Where the module's result belongs."""
        return self._path(RESULT)

    def await_beginning(self, seconds: float = LONGEST_START) -> bool:
        """Wait until the controller begins the job. Returns False if it does not; the folder is then removed."""
        select.select([self._go], [], [], seconds)
        with contextlib.suppress(OSError):
            os.rename(self._path(TICKET), self._path(CANCELLED))
        if os.path.exists(self._path(PROGRESS)):
            return True
        self.remove()
        return False

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_stopped(self) -> bool:
        """Whether the controller has asked to start no further service."""
        return os.path.lexists(self._path(STOP))

    def append(self, told: Dict[str, Any]) -> None:
        """Append a line. A full disk or a missing folder does not end a rollout."""
        with contextlib.suppress(OSError), open(self._path(PROGRESS), "ab", buffering=0) as file:
            file.write(json.dumps(told).encode() + b"\n")
        self.wake()

    def wake(self) -> None:
        """Wake the watchers; at most one such call waits in the pipe."""
        with contextlib.suppress(OSError):
            os.read(self._wake, 4096)
        with contextlib.suppress(OSError):
            os.write(self._wake, b"\n")

    def end(self, start_program: StartProgram) -> None:
        """Announce the result, which is there when this process has ended, and have the folder removed later."""
        self.append({"end": True})
        left = 2 if self.is_stopped else max(10, UNWATCHED_SECONDS - self._seconds_unwatched())
        start_program(_remove(self.folder, left))

    def _seconds_unwatched(self) -> int:
        try:
            return int(time.time() - os.stat(self._path(WATCHED)).st_mtime)
        except OSError:
            return 0

    def _pipe(self, name: str) -> int:
        """Make a pipe. Opened in both directions, it neither waits for the other side nor ends with it."""
        os.mkfifo(self._path(name), 0o600)
        return os.open(self._path(name), os.O_RDWR | os.O_NONBLOCK)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


def _remove(folder: str, left: int) -> List[str]:
    return ["/bin/sh", "-c", REMOVE, "remove", folder, str(left)]

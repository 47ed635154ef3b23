# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder through which a job and the controller exchange messages. Private to this collection.

The controller makes the folder, for this user alone, with a ticket in it. The job takes the ticket, once, which turns
it into the file that the progress is appended to. So a controller that takes the ticket back knows that no job will
begin.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from typing import Any, Callable, Dict, List

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput

NAME = "rollout-"  # what the name of the folder begins with
TICKET = "ticket"
PROGRESS = "progress"  # a JSON object a line
STOP = "stop"  # exists when the job should start no further service
WAKE = "wake"  # a pipe: a line wakes the watchers, and its end tells them that the job has ended
WATCHED = "watched"  # written to each time the controller looks
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
        self._folder = folder
        self._pipe = -1

    @classmethod
    def take(cls, folder: str, start_program: StartProgram) -> ProgressFile:
        """Take a job's ticket. Raises InvalidInput if the job was cancelled, or the folder is not this user's own."""
        file = cls(os.path.expanduser(folder))
        try:
            os.stat(file._path(TICKET))
            if not _is_own(file._folder):
                raise InvalidInput("The folder of this job does not belong to its user alone.")
            file._pipe = os.open(file._path(WAKE), os.O_RDWR | os.O_NONBLOCK)
            os.rename(file._path(TICKET), file._path(PROGRESS))
        except OSError:
            if os.path.basename(file._folder).startswith(NAME):
                start_program(_remove(file._folder, 2))  # Ansible has made it again, for a result that nobody wants
            raise InvalidInput("This job was cancelled before it began.") from None
        file.append({"pid": os.getpid()})
        return file

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
            os.read(self._pipe, 4096)
        with contextlib.suppress(OSError):
            os.write(self._pipe, b"\n")

    def end(self, start_program: StartProgram) -> None:
        """Announce the result, which is there when this process has ended, and have the folder removed later."""
        self.append({"end": True})
        left = 2 if self.is_stopped else max(10, UNWATCHED_SECONDS - self._seconds_unwatched())
        start_program(_remove(self._folder, left))

    def _seconds_unwatched(self) -> int:
        try:
            return int(time.time() - os.stat(self._path(WATCHED)).st_mtime)
        except OSError:
            return 0

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


def _is_own(folder: str) -> bool:
    """Whether only this user can read or change a folder. Raises OSError."""
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _remove(folder: str, left: int) -> List[str]:
    return ["/bin/sh", "-c", REMOVE, "remove", folder, str(left)]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Continue a module in the background of its node. Private to this collection.

The new process keeps the module's files, which Ansible's wrapper removes when the module ends: it returns through that
wrapper, and the process that Ansible waits for does not.
"""

from __future__ import annotations

import os
import sys
from typing import Callable

STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR = 0, 1, 2


def detach(result: str, answer: Callable[[], None]) -> bool:
    """Continue in a new process, in a session of its own, whose standard output is the file `result`.

    Returns True in the new process. The former one calls `answer`, and ends. Returns False, in the former one, where
    that is not possible: not every way to run a module gives it a process of its own.
    """
    if not _has_own_process():
        return False
    sys.stdout.flush()
    is_ready, ready = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        return False
    if pid == 0:
        _leave_session(result)
        os.write(ready, b"\n")
        os.close(ready)
        os.close(is_ready)
        return True
    os.close(ready)
    if not os.read(is_ready, 1):
        os.waitpid(pid, 0)
        return False
    try:
        answer()
    finally:
        sys.stdout.flush()
        os._exit(0)


def _has_own_process() -> bool:
    """Whether this module prints to the process's own standard output, so that the process is the module's alone."""
    try:
        return sys.stdout.fileno() == STANDARD_OUTPUT
    except (OSError, ValueError, AttributeError):
        return False


def _leave_session(result: str) -> None:
    """Leave the session, the terminal and the streams of the process that Ansible waits for; end if that fails."""
    try:
        os.setsid()
        written = os.open(result, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number, stream in ((nowhere, STANDARD_INPUT), (written, STANDARD_OUTPUT), (nowhere, STANDARD_ERROR)):
            os.dup2(number, stream)
    except OSError:
        os._exit(1)

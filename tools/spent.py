# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python spent.py REPORT COMMAND…``: runs a command, and tells what it took, with all that it left behind.

A job in the background is no child of the command any more when it ends. Here it becomes one of this process, which
waits for it, so that the kernel adds what it took. REPORT becomes JSON: ``seconds`` until the command ended, and
``processor``, the seconds of the processor that all of its processes took.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LONGEST_REST = 120
"""Seconds that processes may go on after the command; then SIGALRM ends this."""


def adopt() -> None:
    """Become the parent of every process below whose own parent ends."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def wait_for_all() -> None:
    """Wait until no process below is left."""
    signal.alarm(LONGEST_REST)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def main() -> int:
    """Run the command and return its exit status."""
    report, *command = sys.argv[1:]
    adopt()
    began = time.perf_counter()
    status = subprocess.run(command, check=False).returncode
    seconds = time.perf_counter() - began
    wait_for_all()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"seconds": seconds, "processor": usage.ru_utime + usage.ru_stime}
    Path(report).write_text(json.dumps(told), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print a message when a run is interrupted. Private to this collection.

A signal ends a worker of Ansible at once, and a worker has no terminal. So it leaves its message in a file in the
controller's temporary folder, and the process that started it prints the message when it exits. A worker that still has
to tell its job of the interruption records the signal, finishes, and then ends by that signal, at a moment when it
holds none of Ansible's locks.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing.util  # imported first, so that its own exit handler runs last
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from ansible import constants

MOST_SECONDS = 1.2  # to wait for the workers' messages
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PREFIX = "swarmops-rollout-"

_MAIN = os.getpid()


class Farewell:
    """A worker's message, printed if the run is interrupted before it is taken back."""

    def __init__(self) -> None:
        self._path = _folder() / f"{PREFIX}{os.getpid()}"
        self.signal: Optional[int] = None  # the one that came while signals were held back

    def leave(self, text: str, is_last: bool = False) -> None:
        """Leave a message in place of an earlier one; `is_last` says that no other will follow."""
        fresh = self._path.with_name(f".{self._path.name}")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps({"worker": os.getpid(), "text": text, "is_last": is_last}), encoding="utf-8")
            fresh.replace(self._path)

    def take_back(self) -> None:
        """Remove the message, since there is nothing to report any more."""
        self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def holding_signals(self) -> Iterator[None]:
        """Hold back the signals that end a run, and end by the first of them afterwards.

        A signal that the process ignores, as a shell arranges for its background jobs, stays ignored.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        former = {number: signal.signal(number, self._note) for number in heeded}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler if handler is not None else signal.SIG_DFL)
            if self.signal is not None:
                os.kill(os.getpid(), self.signal)

    def _note(self, number: int, _frame: Any) -> None:
        """Record the first signal, and pass it to the processes that this worker has started and waits for."""
        if self.signal is None:
            self.signal = number
            if os.getpgrp() == os.getpid():
                os.killpg(os.getpid(), number)


@atexit.register
def _print_last_words() -> None:
    """Print the workers' messages when the process that started them exits."""
    if os.getpid() != _MAIN:
        return
    give_up = time.monotonic() + MOST_SECONDS
    for path in sorted(_folder().glob(f"{PREFIX}*")):
        left = _read(path)
        while left and not left["is_last"] and _is_alive(left["worker"]) and time.monotonic() < give_up:
            time.sleep(0.02)
            left = _read(path)
        if not left:
            continue
        with contextlib.suppress(OSError):
            os.write(2, f"\n{left['text']}\n".encode())
        if _is_alive(left["worker"]):
            os.kill(left["worker"], signal.SIGKILL)


def _folder() -> Path:
    """The controller's temporary folder for this run; Ansible removes it at the end."""
    return Path(constants.DEFAULT_LOCAL_TMP)


def _read(path: Path) -> Dict[str, Any]:
    """A worker's message; empty if it was taken back."""
    try:
        left: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return left


def _is_alive(worker: int) -> bool:
    return any(child.pid == worker for child in multiprocessing.active_children())

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said when a run is interrupted. Private to this collection.

A worker of Ansible ends where a signal finds it, and has no terminal. So it leaves its last words in a file of the
controller's own folder, and the process that has started it prints them when it ends itself. A worker that has a job to
tell takes note of a signal, and ends by it when that is done: at no moment does it hold a lock of Ansible's then.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing.util  # before what is registered here, so that it runs after
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from ansible import constants

MOST_SECONDS = 1.2  # for which the last words are waited for
SIGNALS = (signal.SIGINT, signal.SIGTERM)
PREFIX = "swarmops-rollout-"

_MAIN = os.getpid()


class Farewell:
    """A worker's last words, which are printed if the run is interrupted before they are taken back."""

    def __init__(self) -> None:
        self._path = _folder() / f"{PREFIX}{os.getpid()}"
        self.signal: Optional[int] = None  # the one that came while signals were held

    def leave(self, text: str, is_last: bool = False) -> None:
        """Leave last words in place of others; no more of them come after the last."""
        fresh = self._path.with_name(f".{self._path.name}")
        with contextlib.suppress(OSError):
            fresh.write_text(json.dumps({"worker": os.getpid(), "text": text, "is_last": is_last}), encoding="utf-8")
            fresh.replace(self._path)

    def take_back(self) -> None:
        """Leave nothing: what there was to tell of has ended."""
        self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def holding_signals(self) -> Iterator[None]:
        """While this lasts, only take note of a signal that ends the run; then end by it.

        A signal that the run ignores, as a shell has it for what it starts in the background, stays ignored.
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
        """Keep the first signal in mind, and end with it what this worker has started and waits for."""
        if self.signal is None:
            self.signal = number
            if os.getpgrp() == os.getpid():
                os.killpg(os.getpid(), number)


@atexit.register
def _print_last_words() -> None:
    """Print what workers have left, when the process ends that has started them."""
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
    """The folder that is the controller's own for this run; Ansible removes it at the end."""
    return Path(constants.DEFAULT_LOCAL_TMP)


def _read(path: Path) -> Dict[str, Any]:
    """What a worker has left; nothing where it was taken back."""
    try:
        left: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return left


def _is_alive(worker: int) -> bool:
    return any(child.pid == worker for child in multiprocessing.active_children())

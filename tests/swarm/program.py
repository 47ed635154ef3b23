# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program beside an engine, in its network: a registry, or what stands in for one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from .box import BoxError
from .engine import Endpoint, EngineError, eventually

READY = "ready"
"""What a program of the tests prints once it listens."""
SCRIPT = 'echo $$ > "$0"; exec "$@"'

Kind = TypeVar("Kind", bound="Program")


class Program:
    """A command beside an engine, started on entering the context or by :meth:`start`, and ended by its pid.

    ``files`` is the path of its pid and its log, without a suffix. Its start waits until it prints ``ready``; an empty
    text waits for nothing.
    """

    def __init__(self, engine: Endpoint, files: Path, *command: str, ready: str = READY) -> None:
        self.engine = engine
        self._command = command
        self._ready = ready
        self._pid, self._log = files.with_suffix(".pid"), files.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self: Kind) -> Kind:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def printed(self) -> list[str]:
        """The lines that it has printed since its last start."""
        return self._log.read_text(encoding="utf-8").splitlines()

    def start(self) -> None:
        """Start it, and wait until it is ready; raises :class:`EngineError` with what it printed when it is not."""
        self._log.unlink(missing_ok=True)
        self._process = self.engine.space.spawn("sh", "-c", SCRIPT, str(self._pid), *self._command, log=self._log)
        if self._ready:
            self.expect(lambda: self._ready in self.printed, f"{self._log.stem} listens")

    def expect(self, condition: Callable[[], bool], what: str, timeout: float = 30.0) -> None:
        """Wait until something holds; if it does not, end the program and raise :class:`EngineError` with its log."""
        try:
            eventually(lambda: condition() or not self.runs, what, timeout)
            if not condition():
                raise EngineError(f"it has ended before this: {what}")
        except EngineError as error:
            with contextlib.suppress(BoxError):
                self.stop()
            raise EngineError("\n".join([str(error), *self.printed])) from None

    def stop(self) -> None:
        """End it, at once; raises :class:`BoxError` where it has ended by itself."""
        if self._process is None:
            return
        process, self._process = self._process, None
        try:
            self.engine.space.run("sh", "-c", f'kill -KILL "$(cat {self._pid})"')
        finally:
            process.kill()
            process.wait()

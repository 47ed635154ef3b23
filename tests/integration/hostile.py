# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry beside an engine that lists its tags in bad ways; ``hostile_registry.py`` is the program."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.swarm import Endpoint, eventually

USERNAME, PASSWORD = "releaser", "An0ther-5ecret: of the/registry+nobody?knows"
"""Not the password of other tests: one of them looks for its own in every command line of the machine."""
PAIR = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
GIVEN = {"registry_username": USERNAME, "registry_password": PASSWORD}
PROGRAM = Path(__file__).with_name("hostile_registry.py")


class Hostile:
    """A registry that answers as the first part of a repository says. ``upstream`` is one that it can pass on."""

    def __init__(self, engine: Endpoint, port: int, upstream: str) -> None:
        self.address = f"127.0.0.1:{port}"
        self._engine = engine
        self._arguments = (str(port), upstream)
        self._pid = engine.space.folder / f"hostile-{port}.pid"
        self._log = engine.space.folder / f"hostile-{port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Hostile:
        command = ("sh", "-c", f'echo $$ > {self._pid}; exec "$@"', "sh", sys.executable, "-I", str(PROGRAM))
        self._process = self._engine.space.spawn(*command, *self._arguments, log=self._log)
        eventually(lambda: "ready" in self._log.read_text(encoding="utf-8"), "the hostile registry listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.space.run("sh", "-c", f'kill -KILL "$(cat {self._pid})"')
        if self._process is not None:
            self._process.wait()

    def visits(self, how: str) -> list[tuple[str, str, str]]:
        """The requests in one way so far: path, the host that it was for, the user that it named (``-``: nobody)."""
        lines = [line.split() for line in self._log.read_text(encoding="utf-8").splitlines()]
        visits = [(line[1], line[2], line[3]) for line in lines if line[0] == "visit"]
        return [visit for visit in visits if visit[0].startswith(f"/v2/{how}/")]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry beside an engine that lists its tags in bad ways; ``hostile_registry.py`` is the program."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from tests.swarm import Endpoint
from tests.swarm.program import Program

USERNAME, PASSWORD = "releaser", "An0ther-5ecret: of the/registry+nobody?knows"
"""Not the password of other tests: one of them looks for its own in every command line of the machine."""
PAIR = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
GIVEN = {"registry_username": USERNAME, "registry_password": PASSWORD}
PROGRAM = Path(__file__).with_name("hostile_registry.py")


class Hostile(Program):
    """A registry that answers as the first part of a repository says. ``upstream`` is one that it can pass on."""

    def __init__(self, engine: Endpoint, port: int, upstream: str) -> None:
        self.address = f"127.0.0.1:{port}"
        files = engine.space.folder / f"hostile-{port}"
        super().__init__(engine, files, sys.executable, "-I", str(PROGRAM), str(port), upstream)

    def visits(self, how: str) -> list[tuple[str, str, str]]:
        """The requests in one way so far: path, the host that it was for, the user that it named (``-``: nobody)."""
        lines = [line.split() for line in self.printed]
        visits = [(line[1], line[2], line[3]) for line in lines if line[0] == "visit"]
        return [visit for visit in visits if visit[0].startswith(f"/v2/{how}/")]

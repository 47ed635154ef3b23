# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-rulebook`` in the network of an engine, where a registry can reach it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from tests.papers.desk import Desk, in_network
from tests.swarm import Endpoint, eventually
from tests.swarm.box import BoxError
from tests.swarm.registry import request

LONG = 120.0
"""Seconds within which a slow machine starts Java, or runs a playbook."""
ENDED = (0, 143)
"""With which it ends when it is told to: its own status, or that of Java, which hears the signal too."""
AGAIN = re.compile(r"run_playbook - ERROR - .*?PLAY RECAP .*?\n\n", re.DOTALL)
"""What a failed playbook has printed, and is printed once more."""
RECAP = re.compile(r"^manager1 +: ok=(\d+) +changed=(\d+) +unreachable=0 +failed=(\d+) ", re.MULTILINE)

Run = tuple[int, int, int]
"""How many tasks of a playbook's run were ok, changed and failed."""


class Receiver:
    """Runs ``command`` from a desk, with ``settings`` in its environment; it listens at ``address``."""

    def __init__(
        self, engine: Endpoint, place: Desk, command: Sequence[str], settings: Mapping[str, str], address: str
    ) -> None:
        self._engine, self._desk, self._settings, self.address = engine, place, settings, address
        self._command = [*in_network(engine), *command]
        self._log = place.folder / "rulebook.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Receiver:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._desk.folder,
                env={**self._desk.environment, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.await_answer()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def await_answer(self) -> None:
        """Wait until it answers at its address."""
        eventually(self._answers, f"ansible-rulebook answers; its log is {self._log}", timeout=LONG, every=0.3)

    def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(LONG) in ENDED, self.text
            self._process = None

    @property
    def text(self) -> str:
        """All that it and its playbooks have printed."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    @property
    def runs(self) -> list[Run]:
        """The playbooks that were run to their end."""
        return [(int(ok), int(changed), int(failed)) for ok, changed, failed in RECAP.findall(AGAIN.sub("", self.text))]

    def has_run(self, count: int) -> list[Run]:
        """Wait for so many runs since the start of the test's process, and return all that there are."""
        eventually(lambda: len(self.runs) >= count, f"{count} runs in {self._log}", timeout=LONG, every=0.1)
        return self.runs

    def post(self, body: Any, headers: Mapping[str, str], path: str = "/") -> int:
        """Send it a notification, bytes or what becomes JSON, and return the status of its answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        return request(self._engine, "POST", f"http://{self.address}{path}", headers=sent, body=content).status

    def _answers(self) -> bool:
        assert self._process is None or self._process.poll() is None, self.text
        try:
            return request(self._engine, "GET", f"http://{self.address}/").status in (400, 401, 405)
        except BoxError:
            return False

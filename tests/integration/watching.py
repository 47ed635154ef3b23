# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real ``ansible-playbook`` runs whose progress is read, each with its own inventory and output format."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.run import LIMIT
from tests.swarm import Endpoint, services
from tests.swarm.box import environment, interpreter_for_ansible

LOCAL = "manager1 ansible_connection=local\n"
PROGRESS = r"(\[[\w.-]+\] )?([\w.-]+: |\d+ of \d+ converged|\d+ of \d+ back|\d+ services: )"
JSON_CALLBACK = '''
from __future__ import annotations
DOCUMENTATION = """
name: only_json
type: stdout
short_description: One JSON document
description: Prints the results of a play as one JSON document, and nothing else.
"""
import json
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "only_json"

    def __init__(self):
        super().__init__()
        self._results = []

    def _take(self, result, **_more):
        told = getattr(result, "result", None) or result._result
        self._results.append({key: value for key, value in told.items() if not key.startswith("_ansible")})

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_item_on_ok = _take

    def v2_playbook_on_stats(self, _stats):
        self._display.display(json.dumps(self._results, default=str))
'''


@dataclass(frozen=True)
class Watched:
    """What a run printed; ``progress`` is what came on the standard error, without warnings."""

    status: int
    output: str
    errors: str
    seconds: float

    @property
    def progress(self) -> list[str]:
        """The lines of progress."""
        return [line for line in self.errors.splitlines() if re.match(PROGRESS, line)]


def task(engine: Endpoint, module: str = "swarm_service_image", extra: str = "", **options: Any) -> str:
    """Return a playbook of one task; ``extra`` are keywords of the task, each a line."""
    lines = "".join(f"        {name}: {value}\n" for name, value in options.items())
    keywords = "".join(f"      {line}\n" for line in extra.splitlines())
    return (
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - swarmops.rollout.{module}:\n        docker_host: {engine.host}\n{lines}{keywords}"
    )


@dataclass(frozen=True)
class Play:
    """A playbook that runs, in a group of processes of its own, as in a shell."""

    process: subprocess.Popen[str]
    home: Path
    began: float

    def interrupt(self) -> None:
        """Do what Ctrl-C does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Watched:
        """Wait for its end."""
        try:
            output, errors = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            output, errors = self.kill()
            raise AssertionError(f"no end within {LIMIT} seconds:\n{output}\n{errors}") from None
        return Watched(self.process.returncode, output, errors, time.monotonic() - self.began)

    def kill(self) -> tuple[str, str]:
        """Kill it, and return what it has printed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.communicate()


@contextmanager
def started(
    text: str,
    *arguments: str,
    inventory: str = LOCAL,
    env: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> Iterator[Play]:
    """Start a playbook with the Ansible of a ``python``; it is killed at the end where it still runs."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        for name, content in {"ansible.cfg": "", "play.yml": text, "inventory": inventory}.items():
            folder.joinpath(name).write_text(content, encoding="utf-8")
        folder.joinpath("callbacks").mkdir()
        folder.joinpath("callbacks", "only_json.py").write_text(JSON_CALLBACK, encoding="utf-8")
        settings = {
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_HOME": home,
            "ANSIBLE_REMOTE_TEMP": f"{home}/remote",
            "ANSIBLE_CALLBACK_PLUGINS": str(folder / "callbacks"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "0",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=2s",
            **(env or {}),
        }
        program = str(Path(python).with_name("ansible-playbook"))
        interpreter = ("-e", f"ansible_python_interpreter={interpreter_for_ansible(folder)}")
        process = subprocess.Popen(
            [program, "-i", str(folder / "inventory"), *interpreter, str(folder / "play.yml"), *arguments],
            env={**environment(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        play = Play(process, folder, time.monotonic())
        try:
            yield play
        finally:
            if process.poll() is None:
                play.kill()


def watch(text: str, *arguments: str, inventory: str = LOCAL, env: Mapping[str, str] | None = None) -> Watched:
    """Run a playbook from start to end."""
    with started(text, *arguments, inventory=inventory, env=env) as play:
        return play.end()


def stepwise(name: str, *, image: str = "whoami:0.7", replicas: int = 5, delay: float = 2, **fields: Any) -> Any:
    """Return the spec of a service that rolls one task after the other, with a rest of ``delay`` seconds."""
    spec = services.simple(name, image, replicas=replicas, **fields)
    spec["UpdateConfig"]["Delay"] = int(delay * services.SECOND)
    return spec

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection as its users do: a module by itself (fast), a playbook, or ad hoc.

:func:`module` skips Ansible's controller: it runs the module file in a process of its own, with its arguments as JSON,
which is what the controller does on a managed node. ``tests/conftest.py`` says where the collection is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.swarm.box import environment

COLLECTION = "swarmops.rollout"
LIMIT = 120
"""Seconds after which a run counts as hanging."""

QUIET: Mapping[str, Mapping[str, Any]] = {"swarm_service_image": {"wait": False, "resolve": "never"}}
"""What :func:`module` sets for a module unless told otherwise: no waiting, no registry."""

PROGRAM = """
import importlib, os, sys
module = importlib.import_module(sys.argv.pop(1))
user = int(sys.argv.pop(1))
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
module.main()
"""
"""Imports the module first, since another user may not be allowed to read this checkout."""


@dataclass(frozen=True)
class Result:
    """What a module returned. ``text`` is all that it printed; ``seconds`` is how long it ran."""

    data: dict[str, Any]
    text: str
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether the task is changed."""
        return bool(self.data.get("changed", False))

    @property
    def failed(self) -> bool:
        """Whether the task failed."""
        return bool(self.data.get("failed", False))

    @property
    def message(self) -> str:
        """What a failed task says."""
        return str(self.data.get("msg", ""))

    @property
    def service(self) -> Any:
        """The result's one service."""
        return self.data["service"]


@dataclass(frozen=True)
class Run:
    """An Ansible command that ended: its exit status and what it printed."""

    status: int
    text: str


def module(
    name: str,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
    user: int = 0,
    **params: Any,
) -> Result:
    """Run a module, as another ``user`` (an ID) where one is given, and return its result.

    Raises :class:`AssertionError` with what it printed where that is no result.
    """
    arguments = {**QUIET.get(name, {}), **params, "_ansible_check_mode": check, "_ansible_diff": diff}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"ansible_collections.{COLLECTION}.plugins.modules.{name}", str(user)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    seconds = time.monotonic() - began
    text = done.stdout + done.stderr
    try:
        data = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"{name} ended with {done.returncode} and without a result:\n{text}") from None
    assert bool(done.returncode) == bool(data.get("failed", False)), text
    return Result(data, text, seconds)


def playbook(text: str, *arguments: str) -> Run:
    """Run a playbook with the real ``ansible-playbook``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "playbook.yml")
        path.write_text(text, encoding="utf-8")
        return _ansible("ansible-playbook", str(path), *arguments)


def adhoc(name: str, params: Mapping[str, str], *arguments: str) -> Run:
    """Run a module with the real ``ansible`` command, on this machine."""
    pairs = " ".join(f"{option}={value}" for option, value in params.items())
    return _ansible("ansible", "localhost", "-m", f"{COLLECTION}.{name}", "-a", pairs, *arguments)


def _ansible(program: str, *arguments: str) -> Run:
    with tempfile.TemporaryDirectory() as home:
        config = Path(home, "ansible.cfg")
        config.touch()
        settings = {
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_HOME": home,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }
        done = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            env={**environment(), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT,
        )
    return Run(done.returncode, done.stdout)

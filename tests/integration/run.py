# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection as its users do: a module by itself (fast), a playbook, or ad hoc.

:func:`module` skips Ansible's controller: it runs the module file in a process of its own, with its arguments as JSON,
which is what the controller does on a managed node. ``tests/conftest.py`` says where the collection is.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common.parameters import PASS_VARS

from tests.swarm.box import Machine, capture, environment, new_folder, run
from tests.swarm.collection import NAME, ROOT

COLLECTION = "swarmops.rollout"
LIMIT = 180
"""Seconds after which a run counts as hanging."""

BACKGROUND = '"goes_on": true'
"""In the answer of a module that continues in the background: it ends without an exit status of its own to write."""

INVOCATION = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}
"""Has a result show its task's options, as each does before ansible-core 2.20."""

QUIET: Mapping[str, Mapping[str, Any]] = {"swarm_service_image": {"wait": False, "resolve": "never"}}
"""What :func:`module` sets for a module unless told otherwise: no waiting, no registry."""

MODULES = f"ansible_collections.{COLLECTION}.plugins.modules."
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([MODULES + path.stem for path in ROOT.joinpath("plugins", "modules").glob("*.py")])
"""Processes that have Ansible and the modules imported already: a run costs a fork instead of a third of a second."""


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
    plugin: str,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
    user: int = 0,
    space: Machine | None = None,
    **params: Any,
) -> Result:
    """Run a module, as another ``user`` (an ID) or in another ``space`` where one is given, and return its result.

    Raises :class:`AssertionError` with what it printed where that is no result.
    """
    arguments = {**QUIET.get(plugin, {}), **params, **INVOCATION, "_ansible_check_mode": check, "_ansible_diff": diff}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    variables = {**environment(), "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], **(env or {})}
    began = time.monotonic()
    if user:
        status, output, text = _as_user(MODULES + plugin, given, variables, user)
    elif space or "PYTHONPATH" in (env or {}):
        command = [sys.executable, "-m", MODULES + plugin]
        command = space.command(*command) if space else command
        status, output, text = _fresh(command, given, variables)
    else:
        status, output, text = _forked(MODULES + plugin, given, variables)
    seconds = time.monotonic() - began
    try:
        data = json.loads(output)
    except ValueError:
        raise AssertionError(f"{plugin} ended with {status} and without a result:\n{text}") from None
    assert bool(status) == bool(data.get("failed", False)), f"exit status {status}:\n{text}"
    return Result(data, text, seconds)


def _fresh(command: Sequence[str], given: str, variables: Mapping[str, str], **identity: Any) -> tuple[int, str, str]:
    """Run a module in a new interpreter; ``identity`` is whom subprocess should run it as."""
    done = subprocess.run(
        command,
        input=given,
        env=variables,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
        **identity,
    )
    return done.returncode, done.stdout, done.stdout + done.stderr


def _as_user(module_name: str, given: str, variables: Mapping[str, str], user: int) -> tuple[int, str, str]:
    """Run a module as another user, who may read a copy of what it imports, as on a managed node."""
    copy = _readable_copy()
    command = [_python_of(user), "-B", "-m", module_name]
    identity = {"user": user, "group": user, "extra_groups": ()}
    return _fresh(command, given, {**variables, "PYTHONPATH": str(copy), "HOME": "/"}, **identity)


@functools.cache
def _readable_copy() -> Path:
    """Copy the collection and the packages it imports to where everybody may read them; gone at the end."""
    copy = new_folder()
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    shutil.copytree(sysconfig.get_path("purelib"), copy, dirs_exist_ok=True)
    shutil.copytree(ROOT / "plugins", copy.joinpath("ansible_collections", *NAME, "plugins"))
    run("chmod", "--recursive", "a+rX", str(copy))
    return copy


@functools.cache
def _python_of(user: int) -> str:
    """Return an interpreter that a user may run: this one's own, or else Debian's."""
    own = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    for python in map(str, (own, "/usr/bin/python3")):
        with contextlib.suppress(OSError):
            subprocess.run([python, "-c", ""], user=user, group=user, extra_groups=(), cwd="/", check=True)
            return python
    raise AssertionError(f"user {user} may run neither {own} nor /usr/bin/python3: apt-get install python3")


def _forked(module_name: str, given: str, variables: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a module in a fork of a process that has imported it.

    The fork writes its exit status itself: Python's own account of it is lost where two threads ask for it at once, as
    the start of any other process does.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("stdin", "stdout", "stderr", "status")]
        for file in files:
            file.write_text(given if file.name == "stdin" else "", encoding="utf-8")
        process = FORKS.Process(target=_run_child, args=(module_name, dict(variables), [*map(str, files)]))
        process.start()
        process.join(LIMIT)
        if process.is_alive():
            process.kill()
            raise AssertionError(f"{module_name} hangs: it has not ended within {LIMIT} seconds")
        output, errors, status = (file.read_text(encoding="utf-8") for file in files[1:])
        status = status or ("0" if BACKGROUND in output else "")
        assert status, f"{module_name} was killed:\n{output}{errors}"
        return int(status), output, output + errors


def _run_child(module_name: str, variables: Mapping[str, str], files: Sequence[str]) -> None:
    *streams, status = files
    for number, (file, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY))):
        os.dup2(os.open(file, flags), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.argv = [module_name]
    os.environ.clear()
    os.environ.update(variables)
    module = importlib.import_module(module_name)
    try:
        module.main()
    except SystemExit as ending:
        Path(status).write_text(str(ending.code), encoding="utf-8")


def playbook(text: str, *arguments: str) -> Run:
    """Run a playbook with the real ``ansible-playbook``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "playbook.yml")
        path.write_text(text, encoding="utf-8")
        return _ansible("ansible-playbook", str(path), *arguments)


def registered(plugin: str, verdict: str) -> str:
    """Return a playbook that runs a module with the variable ``options``, prints its result, and sees how it ended."""
    return f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - {COLLECTION}.{plugin}: "{{{{ options }}}}"
      register: result
      ignore_errors: true

    - ansible.builtin.debug:
        var: result

    - ansible.builtin.assert:
        that: result is {verdict}
"""


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
            "ANSIBLE_INJECT_INVOCATION": "1",  # the default until ansible-core 2.20
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        }
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        return Run(*capture(command, {**environment(), **settings}, LIMIT))

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules' main path on every Python, Debian and ansible-core, run by the real ``ansible-playbook``."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration import state
from tests.papers.desk import in_network
from tests.pythons import matrix
from tests.swarm import Endpoint, Engine, Registry, images, services
from tests.swarm.box import capture, environment, interpreter_for_ansible

LIMIT = 300
"""Seconds after which a playbook counts as hanging."""
VERSIONS = """
import json, platform, requests, requests_unixsocket, urllib3
try:
    from importlib.metadata import version
except ImportError:
    from pkg_resources import get_distribution
    version = lambda name: get_distribution(name).version
print(json.dumps({
    "python": platform.python_version(),
    "requests": requests.__version__,
    "urllib3": urllib3.__version__,
    "requests_unixsocket": version("requests-unixsocket"),
}))
"""
PLAYBOOK = """
- hosts: managed
  gather_facts: false
  module_defaults:
    group/swarmops.rollout.swarm:
      docker_host: {host}
      name: {name}
  tasks:
    - name: Look first
      swarmops.rollout.swarm_service_image:
        image: {repository}:0.6
      check_mode: true
      diff: true
      register: looked

    - name: Read
      swarmops.rollout.swarm_service_image_info:
      register: read

    - name: Find the newest tag
      swarmops.rollout.image_tags_info:
        repository: {repository}:0.6
        semver: ">=0.6"
      register: newest

    - name: Renew the credentials
      swarmops.rollout.swarm_service_credentials:
        registry_username: robot
        registry_password: of a registry that asks for none
      register: renewed

    - name: Do it
      swarmops.rollout.swarm_service_image:
        image: {repository}:0.6
      diff: true
      register: done

    - name: Do it again
      swarmops.rollout.swarm_service_image:
        image: {repository}:0.6
      diff: true
      register: again

    - name: Wait for it
      swarmops.rollout.swarm_service_wait:
      register: waited

    - name: Go back
      swarmops.rollout.swarm_service_rollback:
      register: rolled_back

    - name: Ask for a service that is not there
      swarmops.rollout.swarm_service_image:
        name: {name}y
        image: {repository}:0.6
      ignore_errors: true
      register: unknown

    - name: See what came of it
      ansible.builtin.assert:
        that:
          - looked is changed
          - looked.diff == done.diff
          - read is not changed
          - read.service.image == before
          - read.service.tasks.by_state.running == 1
          - newest.tag == '0.7'
          - newest.reference == before
          - renewed is changed
          - renewed.service.verified
          - done is changed
          - done.service.outcome == 'converged'
          - done.service.image.before == before
          - done.service.image.after == after
          - again is not changed
          - again.service.image.before == after
          - again.service.image.after == after
          - waited is not changed
          - waited.service.outcome == 'converged'
          - rolled_back is changed
          - rolled_back.service.outcome == 'rolled_back'
          - rolled_back.service.image.before == after
          - rolled_back.service.image.after == before
          - unknown is failed
          - "'Did you mean {name}?' in unknown.msg"
      vars:
        before: {before}
        after: {after}
"""


@pytest.fixture
def managed(request: pytest.FixtureRequest, case: matrix.Case) -> Iterator[Endpoint]:
    """The engine of the case: a Debian release's own, else the one of all tests."""
    if isinstance(case.managed, matrix.Debian):
        request.getfixturevalue("made")[case.managed].result()
        with Engine(suite=case.managed.suite) as engine:
            images.load(engine)
            yield engine
    else:
        yield request.getfixturevalue("engine")


@pytest.fixture
def python(case: matrix.Case, managed: Endpoint, made: Mapping[matrix.Part, Future[Path]]) -> Path:
    """The managed interpreter, in the engine's network; that of a Debian release runs in the engine's box."""
    if not isinstance(managed, Engine) or not isinstance(case.managed, matrix.Debian):
        own = made[case.managed].result() / "bin" / "python"
        return interpreter_for_ansible(managed.space.folder, *in_network(managed), str(own))
    return interpreter_for_ansible(managed.space.folder, *managed.box.command(*managed.inside("/usr/bin/python3")))


@pytest.mark.parametrize(
    "case", [*matrix.pythons(), *matrix.debians(), *matrix.controllers()], ids=lambda case: case.name
)
def test_main_path(
    case: matrix.Case,
    managed: Endpoint,
    python: Path,
    made: Mapping[matrix.Part, Future[Path]],
    row: matrix.Row,
) -> None:
    row.case = case.name
    controller = made[case.controller].result() / "bin"
    describe(row, controller, python, managed)
    began = time.monotonic()
    with ExitStack() as stack:
        registry = stack.enter_context(Registry(managed, port=5002))
        repository, name = f"{registry.address}/whoami", f"matrix{os.getpid()}x"
        before, after = (
            f"{repository}:{tag}@{registry.push(f'whoami:{tag}', f'whoami:{tag}')}" for tag in ("0.7", "0.6")
        )
        stack.callback(services.remove, managed, name)
        services.create(managed, name, before)
        services.started(managed, name, image=before)
        spec = state.of(managed, name).spec
        playbook = PLAYBOOK.format(host=managed.host, name=name, repository=repository, before=before, after=after)
        play(playbook, controller, inside(case, managed, python), managed.space.folder)
        now = state.of(managed, name)
        assert (now.spec, now.previous_image) == (spec, after)
    row.seconds, row.outcome = f"{time.monotonic() - began:.0f}", "ok"


def inside(case: matrix.Case, managed: Endpoint, python: Path) -> str:
    """Return the variables by which Ansible's commands and modules run where the managed Python is."""
    if not isinstance(managed, Engine) or not isinstance(case.managed, matrix.Debian):
        return f"ansible_python_interpreter={python}"
    shell = managed.space.folder / "sh"
    shell.write_text(
        f'#!/bin/sh\nexec {shlex.join(managed.box.command(*managed.inside("/bin/sh")))} "$@"\n', encoding="ascii"
    )
    shell.chmod(0o755)
    return f"ansible_python_interpreter=/usr/bin/python3 ansible_shell_executable={shell}"


def describe(row: matrix.Row, controller: Path, python: Path, engine: Endpoint) -> None:
    """Put the versions of a case into its line of the table."""
    told = json.loads(output(str(python), "-c", VERSIONS))
    row.python, row.requests, row.urllib3 = told["python"], told["requests"], told["urllib3"]
    row.requests_unixsocket = told["requests_unixsocket"]
    script = "import ansible.release as r, platform as p; print(r.__version__, p.python_version())"
    row.ansible_core, row.controller = output(str(controller / "python"), "-c", script).split()
    row.engine = engine.get("/version")["Version"]


def output(*command: str, **settings: str) -> str:
    """Run a command, which must succeed, and return what it printed."""
    variables = {name: value for name, value in environment().items() if not name.startswith("PYTHON")}
    status, printed = capture(command, {**variables, **settings}, LIMIT)
    assert status == 0, printed
    return printed


def play(playbook: str, controller: Path, inside: str, folder: Path) -> None:
    """Run a playbook with the controller's Ansible; `inside` is where, and what it writes is in the engine's folder."""
    home = folder / "ansible"
    home.mkdir(exist_ok=True)
    (home / "ansible.cfg").touch()
    (home / "playbook.yml").write_text(playbook, encoding="utf-8")
    host = f"managed ansible_connection=local ansible_remote_tmp={home}/tmp ansible_async_dir={home}/async {inside}\n"
    (home / "hosts").write_text(host, encoding="utf-8")
    printed = output(
        *(str(controller / "ansible-playbook"), "-v", "--inventory", str(home / "hosts"), str(home / "playbook.yml")),
        ANSIBLE_CONFIG=str(home / "ansible.cfg"),
        ANSIBLE_HOME=str(home),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_COLLECTIONS_PATH=os.environ["ANSIBLE_COLLECTIONS_PATH"],
    )
    assert "Traceback" not in printed, printed
    assert "changed=4 " in printed, printed

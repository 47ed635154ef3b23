# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an operator sits: Ansible's programs, an inventory of managers, and nothing of this machine's user."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.integration.run import Run
from tests.swarm import Endpoint
from tests.swarm.box import Box, capture, environment, interpreter_for_ansible

LIMIT = 400
"""Seconds after which a command counts as hanging."""
MANAGERS = ("manager1", "manager2", "manager3")
CONFIGURATION = """\
[defaults]
home = {folder}/home
remote_tmp = {folder}/tmp
async_dir = {folder}/async
inventory = {folder}/hosts
local_tmp = {folder}/tmp
pipelining = true
nocolor = true
nocows = true
"""


@dataclass(frozen=True)
class Desk:
    """A folder with settings and an inventory, and the environment in which its commands run there."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *command: str) -> Run:
        """Run a command to its end; both outputs are in the text."""
        return Run(*capture(command, self.environment, LIMIT, self.folder))


def in_network(engine: Endpoint) -> list[str]:
    """Return the words before a command that runs it in the engine's network, and on this machine in all else."""
    return ["nsenter", "--target", str(engine.space.pid), "--net", "--"] if isinstance(engine.space, Box) else []


def desk(engine: Endpoint, folder: Path, *, programs: Path | None = None, python: Path | None = None) -> Desk:
    """Set up a desk in ``folder`` for a swarm whose managers are all reached by the one socket of ``engine``.

    ``programs`` is the folder of Ansible's programs, and ``python`` the managers' interpreter, both this
    environment's own unless given; given programs have no collection but what is installed from the desk. The managers'
    tasks run in the engine's network, as on a manager they do.
    """
    interpreter = interpreter_for_ansible(folder, *in_network(engine), str(python or sys.executable))
    hosts = "".join(f"{name} ansible_connection=local\n" for name in MANAGERS)
    settings = f"[managers:vars]\nansible_python_interpreter={interpreter}\n"
    (folder / "hosts").write_text(f"[managers]\n{hosts}\n{settings}", encoding="utf-8")
    (folder / "ansible.cfg").write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
    found = environment()
    if programs is not None:
        found = {name: value for name, value in found.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
    return Desk(
        folder,
        {
            **found,
            "PATH": f"{programs or Path(sys.executable).parent}:{found['PATH']}",
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "DOCKER_HOST": engine.host,
            "LC_ALL": "C.UTF-8",
        },
    )

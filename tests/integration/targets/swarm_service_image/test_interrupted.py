# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that is named after Ctrl-C: it goes to the host where the task ran, and to that task's engine."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.watching import started, stepwise
from tests.swarm import Endpoint, eventually, services
from tests.swarm.box import environment

INVENTORY = f"""\
controller ansible_connection=local
[managers]
manager1 ansible_connection=local ansible_python_interpreter={sys.executable}
"""
PLAY = """
- hosts: {hosts}
  gather_facts: false
  vars:
    socket: {host}
    for_the_engine:
      DOCKER_HOST: "{{{{ socket }}}}"
      DOCKER_TIMEOUT: "41"
      OTHER_SECRET: hunter2
    target: {target}
{play}
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: {name}
        image: whoami:0.6
        resolve: never
{task}
"""
HERE = "      delegate_to: '{{ target }}'"
ENVIRONMENTS = {
    "play": ("  environment: {DOCKER_HOST: '{{ socket }}', DOCKER_TIMEOUT: 41}", ""),
    "variable": ("", "      environment: '{{ for_the_engine }}'"),
    "both": (
        "  environment: {DOCKER_HOST: 'unix:///nowhere.sock', DOCKER_TIMEOUT: 41}",
        "      environment: {DOCKER_HOST: '{{ socket }}'}",
    ),
}


def interrupt(engine: Endpoint, name: str, text: str) -> tuple[list[str], str]:
    """Interrupt a play whose service rolls out; return the words of the command that is named, and all that is said."""
    services.post(engine, stepwise(name, replicas=2, delay=3))
    services.started(engine, name, 2)
    with started(text, inventory=INVENTORY) as play:
        eventually(lambda: bool(services.running(engine, name, "whoami:0.6")), "the service rolls out", timeout=60)
        play.interrupt()
        run = play.end()
    command = run.errors.partition("To keep waiting, run:\n")[2].partition("\n")[0]
    assert command, run.errors + run.output
    return shlex.split(command), run.errors


def carry_out(words: list[str], folder: Path) -> Any:
    """Run a command that was named, with an inventory that is still there, and return what the module says."""
    inventory = folder / "inventory"
    inventory.write_text(INVENTORY, encoding="utf-8")
    words[words.index("-i") + 1] = str(inventory)
    words[0] = str(Path(sys.executable).with_name("ansible"))
    settings = {**environment(), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder)}
    done = subprocess.run(words, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.partition("=> ")[2])


@pytest.mark.parametrize(("play", "task"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_environment_of_the_task_names_the_engine(
    engine: Endpoint, service_name: str, tmp_path: Path, play: str, task: str
) -> None:
    text = PLAY.format(hosts="manager1", host=engine.host, target="", name=service_name, play=play, task=task)
    words, said = interrupt(engine, service_name, text)
    arguments = json.loads(words[-1])
    assert {name: str(value) for name, value in arguments.items()} == {
        "name": service_name,
        "docker_host": engine.host,
        "timeout": "41",
    }
    assert "hunter2" not in said
    assert carry_out(words, tmp_path)["service"]["outcome"] in ("converged", "unchanged")


def test_the_host_that_the_task_is_delegated_to(engine: Endpoint, service_name: str, tmp_path: Path) -> None:
    play = "  environment: {DOCKER_HOST: '{{ socket }}'}"
    text = PLAY.format(hosts="controller", host=engine.host, target="manager1", name=service_name, play=play, task=HERE)
    words, _said = interrupt(engine, service_name, text)
    assert words[words.index("-m") - 1] == "manager1"
    assert words.count("-i") == 1
    assert carry_out(words, tmp_path)["service"]["outcome"] in ("converged", "unchanged")


def test_a_host_that_no_inventory_knows(engine: Endpoint, service_name: str) -> None:
    """Ansible delegates to any name; a command of its own finds it only where an inventory has it."""
    play = "  environment: {DOCKER_HOST: '{{ socket }}'}"
    task = f"{HERE}\n      vars: {{ansible_connection: local}}"
    text = PLAY.format(
        hosts="controller", host=engine.host, target="192.0.2.77", name=service_name, play=play, task=task
    )
    words, _said = interrupt(engine, service_name, text)
    assert words[words.index("-m") - 1] == "192.0.2.77"
    given = [words[number + 1] for number, word in enumerate(words) if word == "-i"]
    assert given[-1] == "192.0.2.77,"
    assert len(given) == 2

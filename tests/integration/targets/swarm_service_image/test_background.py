# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process owns a rollout: whatever becomes of the connection or the controller, it ends as if nothing had."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.background import (
    CLEAN,
    ONLY_JSON,
    Batch,
    check_cut,
    check_killed,
    cut,
    kill,
    left_behind,
)
from tests.integration.rolling import LONG, at_once, stands
from tests.integration.watching import LOCAL, started, stepwise, task, watch
from tests.swarm import Endpoint, eventually, services
from tests.swarm.box import environment
from tests.swarm.ssh import SSHServer

MOMENTS = random.Random(13)
"""The same moments on every run."""
LIBRARIES = ("requests", "requests_unixsocket", "urllib3", "idna", "certifi", "charset_normalizer")
"""What a module needs to talk to an engine."""
SERVED_WITHIN = 2.0
"""Seconds from Ctrl-C to the end of the playbook."""


@pytest.fixture(scope="module")
def prefix() -> str:
    return f"background{os.getpid()}"


@pytest.fixture(scope="module")
def runs(engine: Endpoint, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Make all runs, two at a time."""

    def folder() -> Path:
        return tmp_path_factory.mktemp("ssh")

    calls: dict[str, Any] = {
        "cut 1": partial(cut, Batch(engine, f"{prefix}-cut1"), folder(), MOMENTS.uniform(0, 6), pipelining=True),
        "cut 2": partial(cut, Batch(engine, f"{prefix}-cut2"), folder(), MOMENTS.uniform(0, 6), pipelining=False),
        "killed": partial(kill, Batch(engine, f"{prefix}-killed"), folder(), MOMENTS.uniform(0, 6)),
        "timed out": partial(time_out, engine, f"{prefix}-limit", folder()),
        "once": partial(run_once, engine, f"{prefix}-once"),
        "interrupted": partial(interrupt, engine, f"{prefix}-interrupted"),
        "become": partial(become_nobody, engine, f"{prefix}-become", folder()),
    }
    yield at_once(calls, most=2)
    services.remove(engine, prefix)


@pytest.mark.parametrize("key", ["cut 1", "cut 2"])
def test_a_cut_connection_changes_nothing_but_the_connection(
    runs: dict[str, Any], engine: Endpoint, prefix: str, key: str
) -> None:
    check_cut(Batch(engine, f"{prefix}-{key.replace(' ', '')}"), *runs[key])


def test_a_killed_controller_changes_nothing_in_the_swarm(runs: dict[str, Any], engine: Endpoint, prefix: str) -> None:
    check_killed(Batch(engine, f"{prefix}-killed"), runs["killed"])


def has_moved(engine: Endpoint, name: str, before: Any) -> bool:
    return bool(versions(engine, name) != before)


def interrupt(engine: Endpoint, name: str) -> list[Any]:
    """Interrupt runs at some moments; return for each what it said, how long that took and what its command returns."""
    told = []
    images = ("whoami:0.7", "whoami:0.6")
    for number in (1, 2):
        stands(engine, stepwise(f"{name}-{number}", replicas=2, delay=4), 2)
    for number in range(1, 5):
        listed = json.dumps([{"service": f"{name}-{each}", "image": images[number % 2]} for each in (1, 2)])
        options: dict[str, Any] = {"services": listed, "max_parallel": 1, "resolve": "never", "wait_timeout": LONG}
        text = task(engine, **options).replace("docker_host:", "docker_url:")
        with started(text, inventory=f"{LOCAL.strip()} ansible_python_interpreter={sys.executable}\n") as play:
            before = versions(engine, name)
            eventually(partial(has_moved, engine, name, before), "it has begun", timeout=LONG)
            time.sleep(MOMENTS.uniform(0, 2))
            play.interrupt()
            began = time.monotonic()
            run = play.end()
            told.append((run, time.monotonic() - began, pasted(run.errors)))
    return told


def versions(engine: Endpoint, name: str) -> list[Any]:
    return [services.inspect(engine, f"{name}-{number}")["Version"]["Index"] for number in (1, 2)]


def pasted(errors: str) -> str:
    """Run the command that a run names, for the host is this machine."""
    words = shlex.split(errors.partition("To keep waiting, run:\n")[2].partition("\n")[0])
    words[words.index("-i") + 1] = "localhost,"
    words[words.index("manager1")] = "localhost"
    words[0] = str(Path(sys.executable).with_name("ansible"))
    local = ["-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    return subprocess.run([*words, *local], env=environment(), capture_output=True, text=True, check=False).stdout


def test_an_interruption_is_told_at_once_and_starts_nothing_more(
    runs: dict[str, Any], engine: Endpoint, prefix: str
) -> None:
    for run, seconds, waited in runs["interrupted"]:
        assert run.status == 99, run.errors
        assert seconds < SERVED_WITHIN
        assert re.search(r"Interrupted: the swarm continues the rollout\. Services that were not started", run.errors)
        assert re.search(r'"outcome": "converged"', waited), run.errors
        assert f"{prefix}-interrupted-1" in run.errors.partition("To keep waiting, run:\n")[2]
        assert f"{prefix}-interrupted-2" not in run.errors.partition("To keep waiting, run:\n")[2]
    assert "PreviousSpec" not in services.inspect(engine, f"{prefix}-interrupted-2")


def time_out(engine: Endpoint, name: str, folder: Path) -> Any:
    """Have Ansible end a task that takes too long; return the run and what is left on the node."""
    for number in (1, 2):
        stands(engine, stepwise(f"{name}-{number}", replicas=3, delay=20), 3)
    listed = json.dumps([{"name": f"{name}-{number}", "image": "whoami:0.6"} for number in (1, 2)])
    options: dict[str, Any] = {"services": listed, "max_parallel": 1, "resolve": "never", "wait_timeout": LONG}
    with SSHServer(folder) as server:
        run = watch(task(engine, extra="timeout: 30", **options), inventory=server.inventory("manager1"))
        return run, left_behind(folder)


def test_a_task_that_ansible_ends_says_how_to_wait_and_starts_nothing_more(
    runs: dict[str, Any], engine: Endpoint, prefix: str
) -> None:
    run, left = runs["timed out"]
    assert run.status == 2, run.errors + run.output
    assert "timeout" in (run.output + run.errors).lower()
    assert "Interrupted: the swarm continues the rollout. Services that were not started" in run.errors
    assert f"{prefix}-limit-1" in run.errors.partition("To keep waiting, run:\n")[2].partition("\n")[0]
    services.started(engine, f"{prefix}-limit-1", 3, image="whoami:0.6", timeout=LONG)
    assert "PreviousSpec" not in services.inspect(engine, f"{prefix}-limit-2")
    assert left == CLEAN


def run_once(engine: Endpoint, name: str) -> Any:
    """Run a task once for two hosts; return the results and the updates of the service."""
    stands(engine, stepwise(name, replicas=2), 2)
    before = services.inspect(engine, name)["Version"]["Index"]
    text = task(engine, extra="run_once: true", name=name, image="whoami:0.6", resolve="never", wait_timeout=LONG)
    run = watch(text, inventory=LOCAL + LOCAL.replace("manager1", "manager2"), env=ONLY_JSON)
    return run, before


def test_run_once_is_one_run(runs: dict[str, Any]) -> None:
    run, before = runs["once"]
    assert run.status == 0, run.errors + run.output
    [told] = json.loads(run.output)
    assert (told["service"]["outcome"], told["service"]["version"]["before"]) == ("converged", before)
    assert run.errors.count("converged in") == 1


def become_nobody(engine: Endpoint, name: str, folder: Path) -> Any:
    """Roll over SSH as another user, whose async_dir is one where all may write; return the result and what is left."""
    stands(engine, stepwise(name, replicas=2), 2)
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for package in LIBRARIES:  # the tests' own may be where nobody else can read
        place = importlib.util.find_spec(package)
        shutil.copytree(Path(str(place and place.origin)).parent, folder / "libraries" / package)
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    socket = Path(engine.host.partition("://")[2])
    socket.parent.chmod(0o755)
    socket.chmod(0o666)
    become = "become: true\nbecome_user: nobody\nbecome_method: ansible.builtin.su"
    extra = f"{become}\nenvironment:\n  PYTHONPATH: {folder}/libraries"
    text = task(engine, extra=extra, name=name, image="whoami:0.6", resolve="never", wait_timeout=LONG)
    flags = "'-s /bin/sh'"  # nobody's own shell lets nobody in
    with SSHServer(folder) as server:
        inventory = server.inventory("manager1", ansible_async_dir=str(shared), ansible_become_flags=flags)
        run = watch(text, "-e", "ansible_python_interpreter=/usr/bin/python3", inventory=inventory, env=ONLY_JSON)
        return run, left_behind(folder), list(shared.iterdir())


def test_another_user_owns_the_job(runs: dict[str, Any], prefix: str) -> None:
    run, left, shared = runs["become"]
    assert run.status == 0, run.errors + run.output
    assert re.search(rf"{prefix}-become: 2/2 running whoami:0\.6, converged in \d+ s", run.errors), run.errors
    assert (left, shared) == (CLEAN, [])


def test_where_no_job_can_be_the_task_is_one_process(engine: Endpoint, service: str) -> None:
    inventory = f"{LOCAL.strip()} ansible_async_dir=/proc/nowhere\n"
    run = watch(task(engine, name=service, image="whoami:0.6", resolve="never"), inventory=inventory, env=ONLY_JSON)
    assert run.status == 0, run.errors + run.output
    told = json.loads(run.output)[0]
    assert (told["changed"], told["service"]["outcome"]) == (True, "converged")

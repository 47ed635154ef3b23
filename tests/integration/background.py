# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch of which one service fails, all processes of a controller, and what a job leaves on its node."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.rolling import LONG
from tests.integration.watching import Watched, started, task
from tests.swarm import Endpoint, eventually, services
from tests.swarm.ssh import SSHServer

SIZE = 8
ONLY_JSON = {"ANSIBLE_STDOUT_CALLBACK": "only_json"}
CLEAN: tuple[list[str], list[str]] = ([], [])
MONITOR = 5
"""Seconds in which a task that crashes is seen to crash, on a busy machine too."""
GRACE = 75
"""Seconds after which nothing is left of a job for whose result nobody comes."""


@dataclass(frozen=True)
class Batch:
    """Services that roll out two at a time; the one at ``bad`` crashes, and then all are to be put back."""

    engine: Endpoint
    prefix: str
    bad: int = 3

    @property
    def names(self) -> list[str]:
        """The names, in the task's order."""
        return [f"{self.prefix}-{number}" for number in range(SIZE)]

    def create(self) -> None:
        """Create the services, and wait until they run."""
        for number, name in enumerate(self.names):
            monitor = MONITOR if number == self.bad else 0.5
            services.post(self.engine, services.simple(name, "whoami:0.7", monitor=monitor))
        for name in self.names:
            services.started(self.engine, name, 1, timeout=LONG)

    def task(self) -> str:
        """Return the playbook."""
        images = ["crash:1" if number == self.bad else "whoami:0.6" for number in range(SIZE)]
        listed = [{"name": name, "image": image} for name, image in zip(self.names, images)]
        options: dict[str, Any] = {"max_parallel": 2, "on_failure": "rollback_all", "resolve": "never"}
        return task(self.engine, services=json.dumps(listed), wait_timeout=LONG, **options)

    def held(self) -> list[Any]:
        """Return the services as the engine has them now."""
        return [services.inspect(self.engine, name) for name in self.names]

    def images(self) -> list[str]:
        """Return the services' images."""
        return [str(each["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) for each in self.held()]

    def written(self) -> set[str]:
        """Return the names of the services that were ever written."""
        return {str(each["Spec"]["Name"]) for each in self.held() if "UpdateStatus" in each}

    @property
    def is_begun(self) -> bool:
        """Whether a service was written."""
        return bool(self.written())

    @property
    def is_at_rest(self) -> bool:
        """Whether all that were written were put back."""
        states = [each["UpdateStatus"]["State"] for each in self.held() if "UpdateStatus" in each]
        return len(states) > self.bad and set(states) == {"rollback_completed"}


class Processes:
    """Some processes."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids

    def kill(self) -> None:
        """Kill them, and those alone."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def controller_of(pid: int) -> Processes:
    """Return a playbook's process and all that it has started but the jobs, which are nobody's children."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return Processes(found)


def left_behind(home: Path) -> tuple[list[str], list[str]]:
    """Return the files and the processes that jobs have left, those whose home is a folder, when their time is over."""
    give_up = time.monotonic() + GRACE
    while True:
        files = [str(path) for path in home.glob(".ansible_async/*")]
        processes = [command for command in map(_command, Path("/proc").glob("[0-9]*")) if str(home) in command]
        left = [each for each in processes if "rollout-" in each or "AnsiballZ" in each]
        if (files, left) == CLEAN or time.monotonic() > give_up:
            return files, left
        time.sleep(1)


def _command(process: Path) -> str:
    """Return a process's command and environment; empty where it has gone."""
    try:
        text = process.joinpath("cmdline").read_bytes() + b" " + process.joinpath("environ").read_bytes()
    except OSError:
        return ""
    return text.replace(b"\0", b" ").decode(errors="replace")


def cut(batch: Batch, folder: Path, after: float, pipelining: bool) -> Any:
    """Kill the connections at a moment of a batch over SSH; return its result and what is left on the node."""
    batch.create()
    with SSHServer(folder) as server:
        inventory = server.inventory("manager1", ansible_pipelining=str(pipelining).lower())
        with started(batch.task(), inventory=inventory, env=ONLY_JSON) as play:
            eventually(lambda: batch.is_begun, "the batch has begun", timeout=LONG)
            time.sleep(after)
            server.cut()
            run = play.end()
        return run, left_behind(folder)


def kill(batch: Batch, folder: Path, after: float) -> Any:
    """Kill the controller, all its processes; return what is left on the node when the swarm has come to rest."""
    batch.create()
    with SSHServer(folder) as server:
        with started(batch.task(), inventory=server.inventory("manager1")) as play:
            eventually(lambda: batch.is_begun, "the batch has begun", timeout=LONG)
            time.sleep(after)
            controller_of(play.process.pid).kill()
            play.kill()
        eventually(lambda: batch.is_at_rest, "the swarm has come to rest", timeout=LONG)
        return left_behind(folder)


def check_cut(batch: Batch, run: Watched, left: Any) -> None:
    """All that were written were put back, the result says so, and nothing is left on the node."""
    told = json.loads(run.output)[0]
    outcomes = [entry["outcome"] for entry in told["services"]]
    assert set(outcomes) == {"rolled_back", "not_started"}, told
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes[batch.bad] == "rolled_back"
    assert told["changed"] is True
    written = batch.written()
    assert [entry["changed"] for entry in told["services"]] == [entry["name"] in written for entry in told["services"]]
    assert set(batch.images()) == {"whoami:0.7"}
    assert left == CLEAN


def check_killed(batch: Batch, left: Any) -> None:
    """All that were written were put back, the one that fails among them, and nothing is left on the node."""
    assert set(batch.images()) == {"whoami:0.7"}
    assert set(batch.names[: batch.bad + 1]) <= batch.written()
    assert left == CLEAN

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C at random moments of a rollout, on the oldest and newest ansible-core and one between: never a hang.

``INTERRUPTIONS`` says how many there are for each ansible-core.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.background import CLEAN, left_behind
from tests.integration.rolling import LONG, stands
from tests.integration.watching import LOCAL, Play, Watched, started, stepwise, task
from tests.pythons import matrix
from tests.swarm import Endpoint, eventually, services
from tests.swarm.box import environment

TIMES = int(os.environ.get("INTERRUPTIONS", "5"))
LONGEST = 6.0
"""Seconds from the begin of the task within which it is interrupted; the rollout takes longer."""
SERVED_WITHIN = 2.0
"""Seconds from Ctrl-C to the end of the playbook."""
RELEASES = {release.name: release for release in (matrix.PINNED[0], matrix.PINNED[-1], matrix.NEWEST)}


@pytest.fixture
def pair(engine: Endpoint, service_name: str) -> Iterator[list[str]]:
    """Two services that take their time to roll out."""
    names = [f"{service_name}-{number}" for number in (1, 2)]
    for name in names:
        stands(engine, stepwise(name, replicas=2, delay=6), 2)
    yield names
    services.remove(engine, service_name)


def is_under_way(play: Play) -> bool:
    """Whether the task has begun: from then on there are last words to print."""
    return any(play.home.glob("tmp/*/swarmops-rollout-*"))


def other_image(engine: Endpoint, name: str) -> str:
    """Return an image that a service has not; a run that was interrupted early has changed nothing."""
    present = services.inspect(engine, name)["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    return "whoami:0.6" if present == "whoami:0.7" else "whoami:0.7"


def interrupted(engine: Endpoint, python: Path, names: list[str], image: str, after: float) -> tuple[Watched, float]:
    """Interrupt a playbook so long after its task began; return what it printed, and the seconds it took to end."""
    listed = json.dumps([{"service": name, "image": image} for name in names])
    text = task(engine, services=listed, max_parallel=1, resolve="never", wait_timeout=LONG)
    with started(text, inventory=LOCAL, python=str(python), env={"HOME": str(python.parents[1])}) as play:
        eventually(partial(is_under_way, play), "the task is under way", timeout=LONG)
        time.sleep(after)
        began = time.monotonic()
        play.interrupt()
        return play.end(), time.monotonic() - began


def waits(python: Path, errors: str) -> str:
    """Run the command that a run names, with the same Ansible and a host that is there; return what it printed."""
    words = shlex.split(errors.partition("To keep waiting, run:\n")[2].partition("\n")[0])
    words[words.index("-i") + 1] = LOCAL.split()[0] + ","
    local = ["-c", "local", "-e", f"ansible_python_interpreter={python}"]
    command = [str(python.with_name(words[0])), *words[1:], *local]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=LONG)
    return done.stdout + done.stderr


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
def test_an_interruption_ends_the_playbook_and_says_how_to_wait(
    engine: Endpoint, pair: list[str], release: matrix.Release
) -> None:
    home = release.here()[0].make()
    python = home / "bin" / "python"
    moments = random.Random(release.name)
    seconds = []
    for number in range(TIMES):
        run, took = interrupted(engine, python, pair, other_image(engine, pair[0]), moments.uniform(0, LONGEST))
        seconds.append(took)
        said = f"number {number}, {took:.1f} s, status {run.status}:\n{run.output}\n{run.errors}"
        assert run.status != 0, said
        assert run.errors.count("To keep waiting, run:\n") == 1, said
        assert run.errors.count("Interrupted:") == 1, said
        assert "Traceback" not in run.errors + run.output, said
    span = f"{min(seconds):.1f} to {max(seconds):.1f} s"
    print(f"\nansible-core {release.name}: {TIMES} interruptions, {span} to the end")
    assert max(seconds) < SERVED_WITHIN
    assert '"outcome": "' in waits(python, run.errors)
    assert left_behind(home) == CLEAN

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker as Ansible has them, a child of the process that ends, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

MODULE = "ansible_collections.swarmops.rollout.plugins.plugin_utils._farewell"
START = f"""
import multiprocessing, os, signal, sys, time
sys.path[:0] = {sys.path!r}
from {MODULE} import Farewell

def worker():
    farewell = Farewell()
    {{worker}}
    time.sleep(60)

process = multiprocessing.get_context("fork").Process(target=worker)
process.start()
time.sleep(0.5)
{{main}}
sys.exit(7)
"""
KILL = "process.kill(); process.join()"


def end(tmp_path: Path, worker: str, main: str, is_mute: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a process that ends while its worker is at work."""
    program = START.format(worker=worker, main=main)
    command = ["/bin/sh", "-c", 'exec "$@" 2>&-' if is_mute else 'exec "$@"', "sh", sys.executable, "-c", program]
    settings = {"ANSIBLE_LOCAL_TEMP": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=30)


def test_the_last_words_of_a_worker_that_is_gone_are_printed(tmp_path: Path) -> None:
    done = end(tmp_path, "farewell.leave('Interrupted. Tschüß')", KILL)
    assert (done.returncode, done.stderr) == (7, "\nInterrupted. Tschüß\n")


def test_words_that_were_taken_back_are_not(tmp_path: Path) -> None:
    done = end(tmp_path, "farewell.leave('Interrupted.'); farewell.take_back()", KILL)
    assert done.stderr == ""


def test_the_last_words_of_a_worker_that_tells_its_job_are_waited_for(tmp_path: Path) -> None:
    worker = "farewell.leave('Not told.'); time.sleep(1); farewell.leave('Told.', is_last=True)"
    assert end(tmp_path, worker, "").stderr == "\nTold.\n"


def test_a_worker_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    done = end(tmp_path, "farewell.leave('Not told.')", "")
    assert done.stderr == "\nNot told.\n"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_is_held_ends_the_worker_afterwards(tmp_path: Path, name: str) -> None:
    worker = f"""signal.signal(signal.{name}, signal.SIG_DFL); farewell.leave('Before.')
    with farewell.holding_signals():
        while farewell.signal is None:
            time.sleep(0.05)
        farewell.leave('After.', is_last=True)"""
    main = f"os.kill(process.pid, signal.{name}); process.join(); print(process.exitcode == -signal.{name})"
    done = end(tmp_path, worker, main)
    assert (done.stderr, done.stdout) == ("\nAfter.\n", "True\n")


def test_a_signal_that_the_run_ignores_stays_ignored(tmp_path: Path) -> None:
    worker = """signal.signal(signal.SIGINT, signal.SIG_IGN)
    with farewell.holding_signals():
        time.sleep(1)
        sys.exit(3 if farewell.signal is None else 4)"""
    done = end(tmp_path, worker, "os.kill(process.pid, signal.SIGINT); process.join(); print(process.exitcode)")
    assert done.stdout == "3\n"


def test_a_closed_standard_error_harms_nothing(tmp_path: Path) -> None:
    done = end(tmp_path, "farewell.leave('Interrupted.')", KILL, is_mute=True)
    assert (done.returncode, done.stdout) == (7, "")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.swarm.collection import ROOT

WORK = 0.4
"""Seconds of the processor that a job takes, in the background."""
DETACHED = f"""
import os, sys, time
read, write = os.pipe()
if os.fork():
    os.close(write)
    os.read(read, 1)  # until the job is on its own
    sys.exit(3)
os.setsid()
if os.fork():
    os._exit(0)
os.close(write)
os.close(read)
while time.process_time() < {WORK}:
    pass
"""


def spent(report: Path, program: str) -> tuple[int, dict[str, float]]:
    """Run a program of Python by the tool; return its status and the report."""
    command = [sys.executable, str(ROOT / "tools" / "spent.py"), str(report), sys.executable, "-c", program]
    status = subprocess.run(command, check=False).returncode
    return status, json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize("program", [DETACHED, f"import time\nwhile time.process_time() < {WORK}: pass"])
def test_what_a_job_takes_in_the_background_counts_too(tmp_path: Path, program: str) -> None:
    status, told = spent(tmp_path / "report", program)
    assert status == (3 if program is DETACHED else 0)
    assert told["processor"] >= WORK


def test_the_seconds_are_those_of_the_command(tmp_path: Path) -> None:
    """The job works on for longer than its command: its time is the processor's, and none of the command's."""
    before = spent(tmp_path / "report", DETACHED.replace(f"< {WORK}", "< 2.5"))[1]
    assert before["seconds"] < 2.5 <= before["processor"]

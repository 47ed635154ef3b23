# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.swarm.box import environment
from tests.swarm.collection import ROOT


def test_an_environment_that_cannot_be_made_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/run", tmp_path / "tools/run")
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    (tmp_path / ".venv").symlink_to(tmp_path / "nowhere")
    done = subprocess.run(
        ["sh", str(tmp_path / "tools/run"), "lint", "true"],
        env={**environment(), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    start, reason, end = done.stderr.partition(f"{tmp_path}/.venv'")
    assert start.startswith("make lint: Python's environment .venv cannot be made: "), done.stderr
    assert (reason, end) == (f"{tmp_path}/.venv'", " All that was printed is in build/setup.log.\n"), done.stderr

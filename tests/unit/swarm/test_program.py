# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.swarm import Endpoint, EngineError, eventually
from tests.swarm.box import BoxError
from tests.swarm.program import Program

LISTENS = "print('ready', flush=True); import time; time.sleep(60)"


def program(folder: Path, text: str) -> Program:
    return Program(Endpoint(f"unix://{folder}/docker.sock"), folder / "thing", sys.executable, "-I", "-c", text)


def test_a_program_runs_until_it_is_left(tmp_path: Path) -> None:
    with program(tmp_path, LISTENS) as started:
        assert started.runs
        assert started.printed == ["ready"]
    assert not started.runs


def test_a_second_start_forgets_what_the_first_printed(tmp_path: Path) -> None:
    with program(tmp_path, LISTENS) as started:
        started.stop()
        started.start()
        assert started.printed == ["ready"]


def test_a_program_that_ended_meanwhile_is_told(tmp_path: Path) -> None:
    ended = program(tmp_path, "print('ready', flush=True); input()")
    with pytest.raises(BoxError), ended:
        eventually(lambda: not ended.runs, "the program has ended")
    assert not ended.runs


def test_a_program_that_ends_says_why_at_once(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught, program(tmp_path, "print('the port is taken')"):
        pass
    assert str(caught.value) == "it has ended before this: thing listens\nthe port is taken"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout import background

MODULE = """
import atexit, os, sys, time
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.background import detach

def answer():
    print("answer")
    raise SystemExit(3)

atexit.register(print, "cleaned up")
folder = sys.argv[1]
print(detach(folder + "/result", answer))
print(os.getsid(0) == os.getpid(), os.isatty(0), sys.stdin.read() == "")
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("no child")
give_up = time.monotonic() + 30
while not os.path.exists(folder + "/end") and time.monotonic() < give_up:
    time.sleep(0.01)
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a module that detaches; its standard streams are pipes, which it would hold open if it kept them."""
    paths = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    command = [sys.executable, "-c", MODULE, str(folder)]
    return subprocess.run(command, env=paths, input="unread", capture_output=True, text=True, check=False, timeout=30)


def result(folder: Path) -> str:
    """What the process in the background has printed, once it has ended."""
    folder.joinpath("end").touch()
    give_up = time.monotonic() + 30
    while "cleaned up" not in folder.joinpath("result").read_text(encoding="utf-8"):
        assert time.monotonic() < give_up, "it has not ended"
        time.sleep(0.01)
    return folder.joinpath("result").read_text(encoding="utf-8")


def test_the_former_process_answers_and_the_new_one_cleans_up(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "answer\n", "")
    assert result(tmp_path) == "True\nTrue False True\nno child\ncleaned up\n"
    assert tmp_path.joinpath("result").stat().st_mode & 0o777 == 0o600


def test_where_the_result_cannot_be_written_the_process_stays(tmp_path: Path) -> None:
    tmp_path.joinpath("end").touch()
    tmp_path.joinpath("result").mkdir()
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "False"
    assert done.stdout.splitlines()[-2:] == ["no child", "cleaned up"]


@pytest.mark.parametrize("output", [io.StringIO(), object()], ids=["no file", "no stream"])
def test_a_module_without_a_process_of_its_own_stays(output: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it was forked"))
    assert not background.detach("/nowhere", lambda: None)


def test_where_there_can_be_no_process_more_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError("no process more")

    monkeypatch.setattr(background, "_has_own_process", lambda: True)
    monkeypatch.setattr(os, "fork", refuse)
    assert not background.detach("/nowhere", lambda: None)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile

Commands = List[List[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a controller makes."""
    made = tmp_path / "rollout-1"
    made.mkdir(mode=0o700)
    made.joinpath("ticket").touch()
    os.mkfifo(made / "wake", 0o600)
    return made


def take(folder: Path, started: Any = None) -> ProgressFile:
    return ProgressFile.take(str(folder), (started if started is not None else []).append)


def lines(folder: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in folder.joinpath("progress").read_text(encoding="utf-8").splitlines()]


def test_a_job_tells_its_process_and_what_is_new(folder: Path) -> None:
    file = take(folder)
    file.append({"services": ["ü"]})
    assert lines(folder) == [{"pid": os.getpid()}, {"services": ["ü"]}]
    assert folder.joinpath("progress").read_bytes().isascii()


def test_who_watches_is_woken_by_each_line_and_by_the_end(folder: Path) -> None:
    file = take(folder)
    script = "exec 3<> wake 4< wake 3>&-; while read -r woken <&4; do echo woken; done; echo ended"
    with subprocess.Popen(["/bin/sh", "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "woken\n"
        for _line in range(3):
            file.append({"at": 1})
            assert watcher.stdout.readline() == "woken\n"
        os.close(file._pipe)
        assert watcher.stdout.readline() == "ended\n"


def test_calls_to_wake_up_do_not_pile_up(folder: Path) -> None:
    file = take(folder)
    for _line in range(9):
        file.append({"at": 1})
    assert os.read(file._pipe, 4096) == b"\n"


def test_a_ticket_is_taken_once(folder: Path) -> None:
    take(folder)
    started: Commands = []
    with pytest.raises(InvalidInput, match="cancelled before it began"):
        take(folder, started)
    assert len(started) == 1  # what removes the result that Ansible writes nevertheless


@pytest.mark.parametrize("name", ["rollout-1", "elsewhere"])
def test_a_job_that_was_given_up_removes_only_a_folder_of_its_own_kind(tmp_path: Path, name: str) -> None:
    started: Commands = []
    tmp_path.joinpath(name).mkdir()
    with pytest.raises(InvalidInput):
        take(tmp_path / name, started)
    assert bool(started) == (name == "rollout-1")


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_can_enter_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(InvalidInput, match="not belong to its user alone"):
        take(folder)
    assert folder.joinpath("ticket").exists()


def test_a_folder_behind_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "rollout-2"
    link.symlink_to(folder)
    assert stat.S_IMODE(link.lstat().st_mode) == 0o777
    with pytest.raises(InvalidInput, match="not belong to its user alone"):
        take(link)


def test_it_can_be_asked_to_stop(folder: Path) -> None:
    file = take(folder)
    assert not file.is_stopped
    folder.joinpath("stop").touch()
    assert file.is_stopped


def test_a_folder_that_is_gone_ends_nothing(folder: Path) -> None:
    file = take(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    file.append({"services": []})
    assert not file.is_stopped
    file.end(lambda _command: None)


@pytest.mark.parametrize(
    ("unwatched", "is_stopped", "left"), [(0, False, 60), (45, False, 15), (99, False, 10), (0, True, 2)]
)
def test_how_long_the_result_waits_for_somebody(folder: Path, unwatched: int, is_stopped: bool, left: int) -> None:
    file = take(folder)
    watched = folder / "watched"
    watched.touch()
    os.utime(watched, (time.time() - unwatched,) * 2)
    if is_stopped:
        folder.joinpath("stop").touch()
    started: Commands = []
    file.end(started.append)
    assert lines(folder)[-1] == {"end": True}
    assert started[0][-2] == str(folder)
    assert abs(int(started[0][-1]) - left) <= 1


def test_the_folder_is_removed_when_its_time_is_over(folder: Path) -> None:
    file = take(folder)
    started: Commands = []
    file.end(started.append)
    subprocess.run([*started[0][:-1], "0"], check=True)
    assert not folder.exists()


def test_a_controller_that_is_interrupted_leaves_nothing_to_wait_for(folder: Path) -> None:
    file = take(folder)
    started: Commands = []
    file.end(started.append)
    folder.joinpath("stop").touch()
    subprocess.run(started[0], check=True, timeout=10)
    assert not folder.exists()

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile

Commands = List[List[str]]


def made(base: Path) -> ProgressFile:
    file = ProgressFile.make(str(base))
    assert file is not None
    return file


@pytest.fixture
def file(tmp_path: Path) -> ProgressFile:
    """That of a job which the controller has begun."""
    file = made(tmp_path)
    begin(file)
    assert file.await_beginning()
    return file


@pytest.fixture
def folder(file: ProgressFile) -> Path:
    return Path(file.folder)


def begin(file: ProgressFile) -> None:
    """Do what the controller does."""
    folder = Path(file.folder)
    folder.joinpath("ticket").rename(folder / "progress")
    folder.joinpath("go").write_bytes(b"\n")


def lines(folder: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in folder.joinpath("progress").read_text(encoding="utf-8").splitlines()]


def test_a_job_tells_what_is_new(file: ProgressFile, folder: Path) -> None:
    file.append({"services": ["ü"]})
    file.append({"at": 1})
    assert lines(folder) == [{"services": ["ü"]}, {"at": 1}]
    assert folder.joinpath("progress").read_bytes().isascii()


def test_who_watches_is_woken_by_each_line_and_by_the_end(file: ProgressFile, folder: Path) -> None:
    script = "exec 3<> wake 4< wake 3>&-; while read -r woken <&4; do echo woken; done; echo ended"
    with subprocess.Popen(["/bin/sh", "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        for _line in range(3):
            file.append({"at": 1})
            assert watcher.stdout.readline() == "woken\n"
        os.close(file._wake)
        assert watcher.stdout.readline() == "ended\n"


def test_calls_to_wake_up_do_not_pile_up(file: ProgressFile) -> None:
    for _line in range(9):
        file.append({"at": 1})
    assert os.read(file._wake, 4096) == b"\n"


def test_the_folder_is_its_users_own(tmp_path: Path) -> None:
    folder = Path(made(tmp_path / "made" / "too").folder)
    assert folder.parent == tmp_path / "made" / "too"
    assert folder.name.startswith("rollout-")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ["go", "ticket", "wake"], 0o600
    )
    assert {path.stat().st_mode & 0o777 for path in (folder.parent, folder.parent.parent)} <= {0o700, 0o755}
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_the_result_is_in_the_folder(file: ProgressFile, folder: Path) -> None:
    assert file.result == str(folder / "result")


def test_a_folder_that_is_gone_need_not_be_removed(file: ProgressFile, folder: Path) -> None:
    file.remove()
    assert not folder.exists()
    file.remove()


def test_a_folder_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Path(made(Path("~/.ansible_async")).folder).parent == tmp_path / ".ansible_async"


def test_where_no_folder_can_be() -> None:
    assert ProgressFile.make("/proc/nowhere") is None


def test_where_a_folder_cannot_be_filled_it_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str, _mode: int) -> None:
        raise OSError("not on this file system")

    monkeypatch.setattr("os.mkfifo", refuse)
    assert ProgressFile.make(str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_nobody_begins_ends(tmp_path: Path) -> None:
    file = made(tmp_path)
    assert not file.await_beginning(0.01)
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_was_cancelled_ends_at_once(tmp_path: Path) -> None:
    file = made(tmp_path)
    folder = Path(file.folder)
    folder.joinpath("ticket").rename(folder / "cancelled")
    folder.joinpath("go").write_bytes(b"\n")
    began = time.monotonic()
    assert not file.await_beginning()
    assert time.monotonic() < began + 5
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_was_begun_at_the_last_moment_begins(tmp_path: Path) -> None:
    file = made(tmp_path)
    Path(file.folder, "ticket").rename(Path(file.folder, "progress"))
    assert file.await_beginning(0.01)


def test_a_controller_that_comes_too_late_finds_no_ticket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = made(tmp_path)

    def come_late(path: str) -> bool:
        with pytest.raises(FileNotFoundError):
            begin(late)
        return Path(path).is_file()

    monkeypatch.setattr("os.path.exists", come_late)
    assert not late.await_beginning(0.01)


def test_it_can_be_asked_to_stop(file: ProgressFile, folder: Path) -> None:
    assert not file.is_stopped
    folder.joinpath("stop").touch()
    assert file.is_stopped


def test_a_folder_that_is_gone_ends_nothing(file: ProgressFile, folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    file.append({"services": []})
    assert not file.is_stopped
    file.end(lambda _command: None)


@pytest.mark.parametrize(
    ("unwatched", "is_stopped", "left"),
    [(0, False, 60), (45, False, 15), (99, False, 10), (0, True, 2), (None, False, 60)],
)
def test_how_long_the_result_waits_for_somebody(
    file: ProgressFile,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    unwatched: Optional[int],
    is_stopped: bool,
    left: int,
) -> None:
    if unwatched is not None:
        folder.joinpath("watched").touch()
        os.utime(folder / "watched", (1e9, 1e9))
        monkeypatch.setattr("time.time", lambda: 1e9 + unwatched)
    if is_stopped:
        folder.joinpath("stop").touch()
    started: Commands = []
    file.end(started.append)
    assert lines(folder)[-1] == {"end": True}
    assert started[0][-2:] == [str(folder), str(left)]


def test_the_folder_is_removed_when_its_time_is_over(file: ProgressFile, folder: Path) -> None:
    started: Commands = []
    file.end(started.append)
    subprocess.run([*started[0][:-1], "0"], check=True)
    assert not folder.exists()


def test_a_controller_that_is_interrupted_leaves_nothing_to_wait_for(file: ProgressFile, folder: Path) -> None:
    started: Commands = []
    file.end(started.append)
    folder.joinpath("stop").touch()
    subprocess.run(started[0], check=True, timeout=10)
    assert not folder.exists()

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.swarm import packages

HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for one of apt's locks."""
    path = tmp_path / "lock-frontend"
    path.touch()
    monkeypatch.setattr(packages, "APT_LOCKS", (str(path), str(tmp_path / "absent")))
    return path


@pytest.fixture
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock as apt and dpkg do."""
    command, pipe = [sys.executable, "-c", HOLD, str(lock)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


@pytest.mark.usefixtures("lock")
def test_nobody_holds_a_free_lock() -> None:
    assert packages._holder() == ""


def test_own_lock_does_not_count(lock: Path) -> None:
    with lock.open("w", encoding="ascii") as own:
        fcntl.lockf(own, fcntl.LOCK_EX)
        assert packages._holder() == ""


def test_holder_is_named(holder: subprocess.Popen[str]) -> None:
    assert packages._holder().endswith(f"(process {holder.pid})")
    assert packages._holder().startswith("python")


def test_wait_is_told_once_and_bounded(
    holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "PATIENCE", 1)
    with pytest.raises(packages.PackagesError, match=rf"process {holder.pid}\) has been installing packages for 1 s"):
        packages._await_apt()
    assert capsys.readouterr().err.count("Waiting for python") == 1


def test_wait_ends_with_the_lock(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()
    holder.wait()
    packages._await_apt()


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("demo", "dockerd"),
        ("swarm", "docker"),
        ("test", "sshd"),
        ("test-eda", "java"),
        ("test-machines", "debootstrap"),
    ],
)
def test_each_target_has_what_it_runs(target: str, command: str) -> None:
    assert command in packages.TARGETS.get(target, packages.TESTS)


def test_missing_commands_are_named_by_their_packages() -> None:
    wanted = {"sh": "dash", "no-such-command-b": "b", "no-such-command-a": "a", "no-such-command-c": "a"}
    assert packages.missing(wanted) == ["a", "b"]

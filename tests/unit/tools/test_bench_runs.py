# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.swarm.collection import ROOT
from tools.bench_runs import FORMER, BenchFailed, former_collection, timed

IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.com")


def repository(folder: Path, *messages: str) -> Path:
    """Make a repository that has a collection, with a commit of each message; its plugin says which one it is."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for name in ("meta/runtime.yml", "plugins/what", "galaxy.yml"):
        folder.joinpath(name).parent.mkdir(exist_ok=True)
        folder.joinpath(name).touch()
    for message in messages:
        folder.joinpath("plugins/what").write_text(message, encoding="utf-8")
        for command in (("add", "."), ("commit", "--quiet", "--message", message)):
            subprocess.run(["git", *IDENTITY, "-C", str(folder), *command], check=True)
    return folder


def test_the_former_version_is_that_of_its_release(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "Begin", f"Release {FORMER}, at last", "Go on", f"Tell of Release {FORMER}")
    home = former_collection(tmp_path / "former", root) / "ansible_collections" / "swarmops" / "rollout"
    assert (home / "plugins" / "what").read_text(encoding="utf-8") == f"Release {FORMER}, at last"
    assert sorted(path.name for path in home.iterdir()) == ["galaxy.yml", "meta", "plugins"]


def test_a_shallow_clone_is_refused_in_one_line(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", f"Release {FORMER}", "Go on")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", root.as_uri(), str(shallow)], check=True)
    with pytest.raises(BenchFailed, match=rf"^Version {FORMER}, .* \(no commit .* Nothing was measured\.$") as failed:
        former_collection(tmp_path / "former", shallow)
    assert "\n" not in str(failed.value)


def test_a_tarball_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match=r"not a git repository.* whole history.* Nothing was measured\.$") as failed:
        former_collection(tmp_path / "former", tmp_path)
    assert "\n" not in str(failed.value)


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BenchFailed, match=r"\(git is not installed\)"):
        former_collection(tmp_path / "former", ROOT)


def test_a_status_that_is_allowed_is_no_failure() -> None:
    command = ["sh", "-c", "cat; exit 2"]
    assert timed(command, {}, "said", allowed=(2,)).text == "said"
    with pytest.raises(BenchFailed, match=r"failed \(2\):\nsaid"):
        timed(command, {}, "said")

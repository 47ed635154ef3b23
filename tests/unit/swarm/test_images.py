# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives that hold the test images."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.swarm import images, packages


@pytest.fixture(autouse=True)
def busybox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "busybox"
    program.write_bytes(b"program")
    monkeypatch.setattr(packages, "which", lambda _command: str(program))
    images.archive.cache_clear()
    images._busybox.cache_clear()


def test_archive_shares_the_first_layer() -> None:
    with tarfile.open(fileobj=io.BytesIO(images.archive(("whoami:0.6", "whoami:0.7")))) as tar:
        manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
        first, second = manifest
        assert [entry["RepoTags"] for entry in manifest] == [["whoami:0.6"], ["whoami:0.7"]]
        assert first["Layers"][0] == second["Layers"][0]
        assert first["Layers"][1] != second["Layers"][1]
        assert set(first["Layers"] + second["Layers"]) <= set(tar.getnames())


@pytest.mark.parametrize("name", sorted(images.IMAGES))
def test_every_image_stops_at_once(name: str) -> None:
    assert images.IMAGES[name].config()["StopSignal"] == "SIGKILL"


def test_health_check_is_part_of_the_image() -> None:
    assert images.IMAGES["unhealthy:1"].config()["Healthcheck"]["Test"] == ["CMD", "/bin/false"]

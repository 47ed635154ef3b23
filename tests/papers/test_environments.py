# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment of the guide, up to what its image is built from; and what sees that all is ready."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from tests.papers.shop import EXAMPLES, Shop
from tests.swarm.box import run
from tests.swarm.collection import NAME, ROOT, collection_path

DEFINITION = EXAMPLES / "execution-environment.yml"


def builder(*arguments: str) -> str:
    return run(str(Path(sys.executable).with_name("ansible-builder")), *arguments)


def test_execution_environment(tmp_path: Path) -> None:
    context = tmp_path / "context"
    builder("create", "--file", str(DEFINITION), "--context", str(context))
    text = (context / "Containerfile").read_text(encoding="utf-8")
    assert "ansible-galaxy collection install" in text
    wanted = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    [collection] = wanted["collections"]
    assert collection["name"] == "https://github.com/swarmops/rollout.git"


def test_execution_environment_of_this_collection_alone(tmp_path: Path) -> None:
    """What the build asks the installed collection for: it wants the library, and nothing else."""
    with collection_path(tmp_path) as collections:
        told = yaml.safe_load(builder("introspect", str(collections)))
    assert told["python"] == {"requests-unixsocket": [f"from collection {'.'.join(NAME)}"]}
    assert not told["system"]


def test_preflight(shop: Shop) -> None:
    done = shop.play("preflight")
    assert done.status == 0, done.text
    assert done.text.count("changed=0") == 3
    assert "failed=0" in done.text


def test_preflight_says_what_is_missing(shop: Shop) -> None:
    shop.put("preflight.yml")
    nobody = shop.desk.run("env", "DOCKER_HOST=unix:///nowhere", "ansible-playbook", "preflight.yml")
    assert nobody.status == 2
    assert "/nowhere" in nobody.text


def test_the_builder_is_the_one_of_the_guide() -> None:
    guide = (ROOT / "docs/docsite/rst/awx.rst").read_text(encoding="utf-8")
    assert "docs/examples/execution-environment.yml" in guide

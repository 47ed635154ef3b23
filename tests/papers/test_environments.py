# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment of the guide, up to what its image is built from; and what sees that all is ready."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

from tests.papers.shop import Shop
from tests.swarm.box import run
from tests.swarm.collection import NAME, ROOT, collection_path


def commands_of(guide: str) -> list[str]:
    """Return the commands of a guide, in order."""
    text = (ROOT / f"docs/docsite/rst/{guide}.rst").read_text(encoding="utf-8")
    return re.findall(r"^ +\$ (.*)$", text, re.MULTILINE)


def test_execution_environment(shop: Shop) -> None:
    """Make the context; the command that builds an image of it takes the same definition, and a base from afar."""
    create, build = commands_of("awx")
    assert build == create.replace("create", "build") + " -t registry.example.com/ee/swarmops"
    shop.put("execution-environment.yml")
    done = shop.desk.run(*create.split())
    assert done.status == 0, done.text
    context = shop.desk.folder / "context"
    [recipe] = context.glob("*file")  # a Dockerfile where there is docker and no podman
    assert "ansible-galaxy collection install" in recipe.read_text(encoding="utf-8")
    wanted = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))
    [collection] = wanted["collections"]
    assert collection["name"] == "https://github.com/swarmops/rollout.git"


def test_execution_environment_gets_what_this_collection_needs(tmp_path: Path) -> None:
    """What the build asks the installed collection for: it wants the library, and nothing else."""
    program = str(Path(sys.executable).with_name("ansible-builder"))
    with collection_path(tmp_path) as collections:
        told = yaml.safe_load(run(program, "introspect", str(collections)))
    assert told["python"] == [f"requests-unixsocket  # from collection {'.'.join(NAME)}"]
    assert not told["system"]


def test_preflight(shop: Shop) -> None:
    """Put a newer Ansible beside Debian's, and have it see whether all is ready."""
    *install, preflight = commands_of("compatibility")
    shop.put("preflight.yml")
    (shop.desk.folder / "hosts.ini").write_text((shop.desk.folder / "hosts").read_text(encoding="utf-8"))
    for command in install:
        done = shop.desk.run(*command.split())
        assert done.status == 0, done.text
    assert preflight.startswith("ansible-playbook ")
    done = shop.desk.run(*f"ansible/bin/{preflight}".split())
    assert done.status == 0, done.text
    assert done.text.count("changed=0") == 3
    assert "failed=0" in done.text


def test_preflight_says_what_is_missing(shop: Shop) -> None:
    shop.put("preflight.yml")
    nobody = shop.desk.run("env", "DOCKER_HOST=unix:///nowhere", "ansible-playbook", "preflight.yml")
    assert nobody.status == 2
    assert "/nowhere" in nobody.text

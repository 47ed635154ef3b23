# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipelines of the guide: their own commands, run against a real swarm; the check changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.integration import state
from tests.papers.shop import EXAMPLES, NEW, OLD, Shop
from tests.swarm.collection import ROOT

PIPELINES = EXAMPLES / "pipelines"
INSTALLED = ("pip install ansible-core", "pipx install ansible-core", "python -m venv")
"""What brings Ansible into a runner; here it is there already."""
REQUIREMENTS = "ansible-galaxy collection install -r requirements.yml"


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline runs first, what it runs for a proposed change, and what after it was accepted."""

    setup: list[str]
    check: list[str]
    release: list[str]


def gitlab(text: str) -> Pipeline:
    read: Any = yaml.safe_load(text)
    assert read["check"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
    assert read["release"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
    assert read["stages"] == ["check", "release"]
    assert read["release"]["resource_group"]
    return Pipeline(read["default"]["before_script"], read["check"]["script"], read["release"]["script"])


def github(text: str) -> Pipeline:
    read: Any = yaml.safe_load(text)
    assert set(read[True]) == {"pull_request", "push"}  # YAML 1.1 takes "on" for true
    assert read["concurrency"]["cancel-in-progress"] is False
    steps = [step for step in read["jobs"]["release"]["steps"] if "run" in step]
    by_event = {step["if"]: [step["run"]] for step in steps if "if" in step}
    setup = [step["run"] for step in steps if "if" not in step]
    return Pipeline(setup, by_event["github.event_name == 'pull_request'"], by_event["github.event_name == 'push'"])


def jenkins(text: str) -> Pipeline:
    stages = {name: re.findall(r"^ +sh '(.*)'$", body, re.MULTILINE) for name, body in stages_of(text).items()}
    assert list(stages) == ["Install", "Check", "Release"]
    assert "disableConcurrentBuilds()" in text
    assert "changeRequest()" in stages_of(text)["Check"]
    assert "branch 'main'" in stages_of(text)["Release"]
    return Pipeline(*([command.replace("ansible/bin/", "") for command in run] for run in stages.values()))


def stages_of(text: str) -> dict[str, str]:
    """Return the stages of a Jenkinsfile, by name."""
    parts = re.split(r"stage\('(\w+)'\)", text)
    return dict(zip(parts[1::2], parts[2::2]))


def check_setup(commands: list[str]) -> None:
    """See that Ansible and the collection are installed, in this order."""
    assert any(known in commands[0] for known in INSTALLED)
    assert commands[1] == REQUIREMENTS


@pytest.mark.parametrize(
    ("name", "read"), [("gitlab-ci.yml", gitlab), ("github-actions.yml", github), ("Jenkinsfile", jenkins)]
)
def test_pipeline(shop: Shop, name: str, read: Callable[[str], Pipeline]) -> None:
    pipeline = read((PIPELINES / name).read_text(encoding="utf-8"))
    check_setup(pipeline.setup)
    [service] = shop.stand({"api": shop.image("app", OLD)})
    (shop.desk.folder / "hosts.ini").write_text((shop.desk.folder / "hosts").read_text(encoding="utf-8"))
    shop.put("stack_release.yml")
    before = state.of(shop.engine, service)
    for command in pipeline.setup[2:]:
        run(shop, command)

    checked = run(shop, *pipeline.check)
    assert "changed=1 " in checked
    assert f':{NEW}"' in checked.replace(f":{NEW}@", f':{NEW}"')
    assert state.of(shop.engine, service) == before

    assert "changed=1 " in run(shop, *pipeline.release)
    assert shop.has(service) == shop.image("app", NEW)
    assert "changed=0 " in run(shop, *pipeline.release)


def run(shop: Shop, *commands: str) -> str:
    """Run commands as a runner does, with the variables that it sets."""
    text = ""
    for command in commands:
        done = shop.desk.run("env", f"RELEASE={NEW}", f"SSH_KEY={os.devnull}", "sh", "-ec", command)
        assert done.status == 0, done.text
        text += done.text
    return text


def test_every_pipeline_is_in_the_guide() -> None:
    guide = (ROOT / "docs/docsite/rst/pipelines.rst").read_text(encoding="utf-8")
    assert [path.name for path in PIPELINES.iterdir() if f"pipelines/{path.name}" not in guide] == []

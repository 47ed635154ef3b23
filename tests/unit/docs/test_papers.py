# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the papers at the root name is there: pages and targets; and CI runs what the project's own run does."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.swarm.collection import ROOT

PAPERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def targets() -> set[str]:
    """Return what make can make."""
    return set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))


def commands_of(job: Any) -> set[str]:
    """Return the commands of a job, for each target of its matrix."""
    names = job["strategy"]["matrix"].get("target", [""])
    lines = [step["run"] for step in job["steps"] if "run" in step]
    return {line.replace("${{ matrix.target }}", name) for line in lines for name in names}


@pytest.mark.parametrize("paper", PAPERS)
def test_pages_and_targets_are_there(paper: str) -> None:
    text = text_of(paper)
    pages = re.findall(r"\]\((?!https:)([^)#]+)\)", text)
    assert [page for page in pages if not (ROOT / page).is_file()] == []
    assert set(re.findall(r"`(?:\w+=\S+ )?make ([\w-]+)`", text)) <= targets()


def test_ci_runs_what_a_change_must_pass() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    always = set().union(*(commands_of(job) for job in jobs.values() if "if" not in job))
    every = set().union(*(commands_of(job) for job in jobs.values()))
    own = {line for line in text_of(".ci/run").splitlines() if line.startswith("make ")}
    assert own <= always
    assert {line.split()[1] for line in every if line.startswith("make ")} <= targets()


def test_hooks_run_what_is_there() -> None:
    [repository] = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    entries = [hook["entry"].split() for hook in repository["hooks"]]
    assert {words[1] for words in entries if words[0] == "make"} <= targets()


def test_papers_of_the_repository_stay_out_of_the_archive() -> None:
    ignored = yaml.safe_load(text_of("galaxy.yml"))["build_ignore"]
    dotted = {path.name for path in ROOT.iterdir() if path.name.startswith(".") and path.name != ".git"}
    assert [name for name in dotted if name not in ignored and not name.endswith("_cache")] == []

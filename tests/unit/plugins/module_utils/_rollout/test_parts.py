# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout import parts
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.parts import Job
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from tests.unit.plugins.module_utils._rollout.test_rollout import rollout
from tests.unit.plugins.module_utils.rolling import CRASH, NEW, OLD, RollingEngine


class File(ProgressFile):
    """Keeps what a job tells, and asks it to stop after so many lines."""

    def __init__(self, stops_after: int = 999) -> None:
        super().__init__("")
        self.lines: List[Dict[str, Any]] = []
        self.woken = 0
        self._stops_after = stops_after

    @property
    def is_stopped(self) -> bool:
        return len(self.lines) >= self._stops_after

    def wake(self) -> None:
        self.woken += 1

    def append(self, told: Dict[str, Any]) -> None:
        self.lines.append(told)


def job(engine: RollingEngine, task: Rollout, file: File) -> Any:
    return Job(file, engine.clock).carry_out(task, single=False)


def test_a_decision_writes_nothing() -> None:
    engine = RollingEngine(2)
    assert parts.plan(rollout(engine, [OLD, NEW]), single=False) == {"changed": False, "goes_on": True}
    assert engine.written == []


def test_a_decision_is_the_end_where_all_is_as_it_should_be() -> None:
    result = parts.plan(rollout(RollingEngine(1), [OLD]), single=True)
    assert (result["changed"], result["service"]["outcome"]) == (False, "unchanged")
    assert result["service"]["progress"] == {"running": 1, "desired": 1}


def test_a_decision_goes_on_where_there_is_something_to_wait_for() -> None:
    engine = RollingEngine(1)
    engine.begin(0, NEW)
    assert parts.plan(rollout(engine, [NEW]), single=True)["goes_on"]


def test_a_job_tells_what_is_new() -> None:
    engine, file = RollingEngine(2), File()
    result = job(engine, rollout(engine, [NEW, NEW], max_parallel=1), file)
    assert [entry["outcome"] for entry in result["services"]] == ["converged", "converged"]
    stages = [{told["name"]: told["stage"] for told in line["services"]} for line in file.lines]
    assert stages == [{"s0": "rolling", "s1": "queued"}, {"s0": "ended"}, {"s1": "rolling"}, {"s1": "ended"}]
    assert [line["at"] for line in file.lines] == sorted(line["at"] for line in file.lines)
    assert file.lines[0]["left"] == pytest.approx(300)
    assert file.lines[-1]["services"][0]["line"] == "s1: 1/1 running whoami:0.6"


def test_a_job_tells_of_nothing_but_names_images_and_states() -> None:
    engine, file = RollingEngine(1), File()
    job(engine, rollout(engine, [NEW]), file)
    assert "correct horse" not in str(file.lines)


def test_a_job_tells_its_warnings_before_it_writes_and_once() -> None:
    class Beside(File):
        """Keeps how much was written, too."""

        def append(self, told: Dict[str, Any]) -> None:
            super().append({**told, "written": len(engine.written)})

    engine, file = RollingEngine(2), Beside()
    task = rollout(engine, [NEW, NEW])
    task.members[1].warnings.append("Beware.")
    job(engine, task, file)
    assert [(line["warnings"], line["written"]) for line in file.lines][:2] == [(["s1: Beware."], 0), ([], 2)]
    assert sum(len(line["warnings"]) for line in file.lines) == 1


def test_a_job_that_fails_tells_the_end_too() -> None:
    engine, file = RollingEngine(1), File()
    with pytest.raises(RolloutFailed):
        job(engine, rollout(engine, [CRASH], on_failure="rollback"), file)
    last = file.lines[-1]["services"][0]
    assert (last["stage"], last["outcome"]) == ("ended", "rolled_back")


def test_a_job_that_is_stopped_starts_nothing_more() -> None:
    engine, file = RollingEngine(3), File(stops_after=1)
    job(engine, rollout(engine, [NEW] * 3, max_parallel=1), file)
    assert engine.written == [0]

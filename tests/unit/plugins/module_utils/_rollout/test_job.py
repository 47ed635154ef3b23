# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout import job as job_module
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.job import Job
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from tests.unit.plugins.module_utils._rollout.test_rollout import rollout
from tests.unit.plugins.module_utils.fakes import FakeClock
from tests.unit.plugins.module_utils.rolling import CRASH, NEW, OLD, RollingEngine


class File(ProgressFile):
    """Keeps what a job tells, and asks it to stop after so many lines; `is_begun`: whether the controller begins it."""

    def __init__(self, stops_after: int = 999, is_begun: bool = True) -> None:
        super().__init__("/jobs/rollout-1")
        self.lines: List[Dict[str, Any]] = []
        self.woken = 0
        self.is_removed = self.has_ended = False
        self._stops_after = stops_after
        self._is_begun = is_begun

    @property
    def is_stopped(self) -> bool:
        return len(self.lines) >= self._stops_after

    def await_beginning(self, _seconds: float = 0) -> bool:
        return self._is_begun

    def wake(self) -> None:
        self.woken += 1

    def append(self, told: Dict[str, Any]) -> None:
        self.lines.append(told)

    def remove(self) -> None:
        self.is_removed = True

    def end(self, _start_program: Any) -> None:
        self.has_ended = True


class Answered(Exception):
    """The module has printed its answer, and this process ends."""


def answer(**result: Any) -> None:
    raise Answered(result)


@pytest.fixture(autouse=True)
def detached(monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Make this process the one in the background; return where its results go."""
    results: List[str] = []

    def stay(result: str, _answer: Any) -> bool:
        results.append(result)
        return True

    monkeypatch.setattr(job_module, "detach", stay)
    return results


def prepared(engine: RollingEngine, file: Optional[File], monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(ProgressFile, "make", lambda _base: file)
    return Job("/jobs", answer, engine.clock)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Carry out a task as a job with a file."""
    return lambda engine, task, file: prepared(engine, file, monkeypatch).carry_out(task, single=False)


def test_a_task_that_ends_with_one_look_is_no_job(monkeypatch: pytest.MonkeyPatch, detached: List[str]) -> None:
    engine, file = RollingEngine(1), File()
    job = prepared(engine, file, monkeypatch)
    result = job.carry_out(rollout(engine, [OLD]), single=True)
    assert (result["changed"], result["service"]["outcome"]) == (False, "unchanged")
    assert result["service"]["progress"] == {"running": 1, "desired": 1}
    job.end(lambda _command: None)
    assert (detached, file.has_ended) == ([], False)


def test_a_task_detaches_where_there_is_something_to_wait_for(job: Any, detached: List[str]) -> None:
    engine = RollingEngine(1)
    engine.begin(0, NEW)
    result = job(engine, rollout(engine, [NEW]), File())
    assert (result["changed"], result["services"][0]["outcome"]) == (False, "unchanged")
    assert detached == ["/jobs/rollout-1/result"]


def test_a_job_writes_nothing_before_it_is_begun(job: Any) -> None:
    engine, file = RollingEngine(1), File(is_begun=False)
    with pytest.raises(SystemExit) as caught:
        job(engine, rollout(engine, [NEW]), file)
    assert (caught.value.code, engine.written, file.lines) == (None, [], [])


def test_where_no_folder_can_be_the_answer_names_none(job: Any) -> None:
    engine = RollingEngine(1)
    with pytest.raises(Answered) as caught:
        job(engine, rollout(engine, [NEW]), None)
    assert caught.value.args == ({"goes_on": True},)
    assert engine.written == []


def test_where_no_process_can_be_in_the_background_nothing_stays(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "detach", lambda _result, _answer: False)
    engine, file = RollingEngine(1), File()
    with pytest.raises(Answered) as caught:
        job(engine, rollout(engine, [NEW]), file)
    assert (caught.value.args, file.is_removed, engine.written) == (({"goes_on": True},), True, [])


def test_the_answer_names_the_folder(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "detach", lambda _result, answer: answer())
    engine = RollingEngine(1)
    with pytest.raises(Answered) as caught:
        job(engine, rollout(engine, [NEW]), File())
    assert caught.value.args == ({"goes_on": True, "folder": "/jobs/rollout-1"},)


def test_a_job_announces_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, file = RollingEngine(1), File()
    job = prepared(engine, file, monkeypatch)
    job.carry_out(rollout(engine, [NEW]), single=True)
    job.end(lambda _command: None)
    assert file.has_ended


def test_a_job_tells_what_is_new(job: Any) -> None:
    engine, file = RollingEngine(2), File()
    result = job(engine, rollout(engine, [NEW, NEW], max_parallel=1), file)
    assert [entry["outcome"] for entry in result["services"]] == ["converged", "converged"]
    stages = [{told["name"]: told["stage"] for told in line["services"]} for line in file.lines]
    assert stages == [{"s0": "rolling", "s1": "queued"}, {"s0": "ended"}, {"s1": "rolling"}, {"s1": "ended"}]
    assert [line["at"] for line in file.lines] == sorted(line["at"] for line in file.lines)
    assert file.lines[0]["left"] == pytest.approx(300)
    assert file.lines[-1]["services"][0]["line"] == "1/1 running whoami:0.6"


def test_a_job_tells_of_nothing_but_names_images_and_states(job: Any) -> None:
    engine, file = RollingEngine(1), File()
    job(engine, rollout(engine, [NEW]), file)
    assert "correct horse" not in str(file.lines)


def test_a_job_tells_its_warnings_before_it_writes_and_once(job: Any) -> None:
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


def test_a_job_that_fails_tells_the_end_too(job: Any) -> None:
    engine, file = RollingEngine(1), File()
    with pytest.raises(RolloutFailed):
        job(engine, rollout(engine, [CRASH], on_failure="rollback"), file)
    last = file.lines[-1]["services"][0]
    assert (last["stage"], last["outcome"]) == ("ended", "rolled_back")


def test_a_job_that_is_stopped_starts_nothing_more(job: Any) -> None:
    engine, file = RollingEngine(3), File(stops_after=1)
    job(engine, rollout(engine, [NEW] * 3, max_parallel=1), file)
    assert engine.written == [0]


class Teller:
    """A job that tells of one service, whose progress is what a test says, by a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: Dict[str, Any] = {"name": "s0", "stage": "rolling", "line": "0/1"}
        monkeypatch.setattr(job_module, "tell", lambda _member: dict(self.told))
        self.clock, self.file = FakeClock(), File()
        self.rollout: Any = SimpleNamespace(
            members=[SimpleNamespace(name="s0", warnings=[])], waiter=SimpleNamespace(trouble="", left=59.96)
        )
        self._job = Job("/jobs", answer, self.clock)

    def tell(self, after: float, is_last: bool = False, trouble: str = "", **told: Any) -> List[Any]:
        """What is appended that many seconds later, when this has changed."""
        self.clock.sleep(after)
        self.told.update(told)
        self.rollout.waiter.trouble = trouble
        before = len(self.file.lines)
        self._job._tell(self.file, self.rollout, is_last)
        return [(line["trouble"], [each["line"] for each in line["services"]]) for line in self.file.lines[before:]]


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> Teller:
    return Teller(monkeypatch)


def test_a_line_says_when_it_was_written_and_how_long_the_waits_may_last(teller: Teller) -> None:
    teller.tell(1.26)
    assert teller.file.lines == [
        {"at": 1.3, "left": 60.0, "trouble": "", "warnings": [], "services": [{**teller.told}]},
    ]


def test_a_line_a_second_is_enough_while_no_service_changes_its_stage(teller: Teller) -> None:
    assert teller.tell(0.0) == [("", ["0/1"])]
    assert teller.tell(0.5, line="starting") == []
    assert teller.tell(0.5, line="started") == [("", ["started"])]
    assert teller.tell(2.0) == []


def test_a_change_of_stage_is_told_at_once(teller: Teller) -> None:
    teller.tell(0.0)
    assert teller.tell(0.125, stage="ended", line="1/1") == [("", ["1/1"])]


def test_trouble_is_told_when_it_comes_and_when_it_goes(teller: Teller) -> None:
    teller.tell(0.0)
    assert teller.tell(0.5, trouble="The engine is away.") == []
    assert teller.tell(0.5, trouble="The engine is away.") == [("The engine is away.", [])]
    assert teller.tell(1.0, trouble="The engine is away.") == []
    assert teller.tell(1.0) == [("", [])]


def test_the_last_news_are_told_at_once_and_not_twice(teller: Teller) -> None:
    teller.tell(0.0)
    assert teller.tell(0.125, is_last=True, line="1/1") == [("", ["1/1"])]
    assert teller.tell(0.125, is_last=True) == []


def test_where_nothing_is_new_a_sign_of_life_comes_every_five_seconds(teller: Teller) -> None:
    teller.tell(0.0)
    woken = []
    for _look in range(24):
        teller.tell(0.5)
        woken.append(teller.file.woken)
    assert woken == [*[0] * 9, *[1] * 10, *[2] * 5]
    teller.tell(0.5, line="1/1")
    for _look in range(9):
        teller.tell(0.5)
    assert teller.file.woken == 2


def test_a_job_sees_the_tasks_of_earlier_specs(job: Any) -> None:
    engine = RollingEngine(1)
    task = rollout(engine, [NEW])
    assert not task.waiter.observer.sees_former
    job(engine, task, File())
    assert task.waiter.observer.sees_former

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import (
    AnswerLost,
    ApiError,
    EngineUnreachable,
    OutOfSequence,
    RolloutError,
    ServiceNotFound,
    SwarmUnavailable,
    UpdateConflict,
    UpdateUnfinished,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollback import expectation_of, roll_back
from tests.unit.plugins.module_utils._service.recorded import RecordedEngine, snapshot
from tests.unit.plugins.module_utils.fakes import OUT_OF_SEQUENCE, FakeClock

MOVED = OutOfSequence("POST /services/x/update", 500, OUT_OF_SEQUENCE)
PASSING = [AnswerLost("cut"), SwarmUnavailable("POST", 500, "no leader"), EngineUnreachable("away")]


def paused() -> Tuple[RecordedEngine, Any]:
    """Give an engine with an update that has paused, and the service as it was read."""
    seen, read = snapshot("update paused"), snapshot("update paused").service
    for service in (seen.service, read):
        service["PreviousSpec"] = snapshot("created").service["Spec"]
    return RecordedEngine(seen), read


def go_back(engine: RecordedEngine, read: Any) -> List[str]:
    return roll_back(engine, FakeClock(), read)  # type: ignore[arg-type]


def bump(engine: RecordedEngine) -> None:
    engine.service("")["Version"]["Index"] += 1


def test_one_request_at_the_version_that_was_read() -> None:
    engine, read = paused()
    engine.answers = [["a warning"]]
    assert go_back(engine, read) == ["a warning"]
    assert engine.rollbacks == [read["Version"]["Index"]]


def test_status_that_moved_is_met_by_asking_again() -> None:
    engine, read = paused()
    bump(engine)
    engine.answers = [MOVED, []]
    assert go_back(engine, read) == []
    assert engine.rollbacks == [read["Version"]["Index"], read["Version"]["Index"] + 1]


@pytest.mark.parametrize("error", PASSING)
def test_passing_failure_is_met_by_asking_again(error: RolloutError) -> None:
    engine, read = paused()
    engine.answers = [error, error, []]
    assert go_back(engine, read) == []
    assert len(engine.rollbacks) == 3


@pytest.mark.parametrize("error", PASSING)
def test_rollback_whose_answer_was_lost_is_not_sent_twice(error: RolloutError) -> None:
    def carried_out(present: RecordedEngine) -> RolloutError:
        service = present.service("")
        service["Spec"] = service.pop("PreviousSpec")
        bump(present)
        return error

    engine, read = paused()
    engine.answers = [carried_out]
    assert go_back(engine, read) == []
    assert len(engine.rollbacks) == 1


@pytest.mark.parametrize("part", ["Spec", "PreviousSpec"])
def test_work_of_others_is_left_alone(part: str) -> None:
    engine, read = paused()
    engine.service("")[part]["Labels"] = {"theirs": "yes"}
    bump(engine)
    engine.answers = [MOVED]
    with pytest.raises(UpdateConflict, match="somebody else"):
        go_back(engine, read)
    assert len(engine.rollbacks) == 1


def test_removed_service() -> None:
    engine, read = paused()
    engine.moments = [None]
    engine.answers = [MOVED]
    with pytest.raises(ServiceNotFound, match="removed"):
        go_back(engine, read)


def test_refusal_is_told_at_once() -> None:
    engine, read = paused()
    engine.answers = [ApiError("POST", 400, "no")]
    with pytest.raises(ApiError):
        go_back(engine, read)
    assert len(engine.rollbacks) == 1


@pytest.mark.parametrize(("error", "fate"), [(MOVED, "not rolled back"), (PASSING[0], "not known")])
def test_time_is_bounded(error: RolloutError, fate: str) -> None:
    engine, read = paused()
    engine.answers = [error] * 1000
    with pytest.raises(UpdateUnfinished, match=fate):
        go_back(engine, read)
    assert 10 < len(engine.rollbacks) < 200


def test_what_is_expected_of_a_spec() -> None:
    spec = snapshot("created").service["Spec"]
    assert expectation_of(spec).is_met_by(spec)
    assert not expectation_of(spec).is_met_by(snapshot("update completed").service["Spec"])
    spec["TaskTemplate"]["ForceUpdate"] = 3
    assert expectation_of(spec).is_met_by(spec)
    assert not expectation_of(spec).is_met_by(snapshot("created").service["Spec"])

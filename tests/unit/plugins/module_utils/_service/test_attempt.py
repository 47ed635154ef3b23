# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service, ServiceSpec, UpdateStatus
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import ReadBackMismatch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import (
    Attempt,
    Footprint,
    Written,
    was_rolled_back,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import deployment
from tests.unit.plugins.module_utils.fakes import make_service, replace

OLD, NEW, THEIRS = "whoami:0.7", "whoami:0.8", "whoami:0.9"
BEFORE: UpdateStatus = {"State": "completed", "StartedAt": "2026-01-01T10:00:00Z"}


def spec(image: str, **fields: Any) -> ServiceSpec:
    return {**make_service(image)["Spec"], **fields}


def held(
    present: ServiceSpec, previous: Optional[ServiceSpec] = None, index: int = 11, status: Optional[UpdateStatus] = None
) -> Service:
    """A service as it is read after a write was sent."""
    service: Service = {**make_service(), "Spec": present, "Version": {"Index": index}}
    if previous is not None:
        service["PreviousSpec"] = previous
    if status is not None:
        service["UpdateStatus"] = status
    return service


ATTEMPT = Attempt(make_service(OLD), spec(NEW))
ROLLED_BACK: UpdateStatus = {"State": "rollback_started", "StartedAt": "2026-01-01T11:00:00Z"}
LABELLED = {"Labels": {"owner": "them"}}


@pytest.mark.parametrize(
    ("now", "has_landed"),
    [
        pytest.param(held(spec(OLD), index=10), False, id="nothing happened"),
        pytest.param(held(spec(NEW), spec(OLD)), True, id="ours is there"),
        pytest.param(held(spec(THEIRS), spec(NEW), 12), True, id="somebody wrote after ours"),
        pytest.param(held(spec(NEW, **LABELLED), spec(NEW, Name="x"), 13), True, id="two wrote after ours"),
        pytest.param(held(spec(THEIRS), spec(OLD)), False, id="somebody wrote instead"),
        pytest.param(held(spec(OLD, **LABELLED), spec(OLD)), False, id="somebody wrote another field"),
        pytest.param(held(spec(OLD), index=12), False, id="its status moved on"),
        pytest.param(held(spec(OLD), index=13, status=ROLLED_BACK), True, id="the swarm put it back"),
        pytest.param(held(spec(OLD), spec(THEIRS), 13), False, id="somebody else's was undone by hand"),
        pytest.param(held(spec(OLD), spec(NEW), 13), True, id="ours was undone by hand"),
    ],
)
def test_whether_a_write_whose_answer_was_lost_was_carried_out(now: Service, has_landed: bool) -> None:
    assert ATTEMPT.has_landed(now, deployment) is has_landed


@pytest.mark.parametrize(("status", "has_landed"), [(ROLLED_BACK, True), (None, False)])
def test_the_swarms_rollback_forgets_the_previous_spec(status: Optional[UpdateStatus], has_landed: bool) -> None:
    attempt = Attempt(held(spec(OLD), spec(THEIRS), 10), spec(NEW))
    assert attempt.has_landed(held(spec(OLD), None, 13, status), deployment) is has_landed


def test_the_previous_spec_of_another_time_is_no_trace_of_a_write() -> None:
    attempt = Attempt(held(spec(OLD), spec(NEW), 10), spec(NEW))
    assert not attempt.has_landed(held(spec(OLD), spec(NEW), 11), deployment)


def test_a_write_that_changes_nothing_that_is_looked_at_leaves_no_trace() -> None:
    same = Attempt(make_service(OLD), spec(OLD, Name="renamed"))
    assert not same.has_landed(held(spec(OLD, **LABELLED), spec(OLD)), deployment)


@pytest.mark.parametrize(
    ("present", "previous", "fields"),
    [
        pytest.param(spec(NEW), spec(OLD), [], id="as sent"),
        pytest.param(spec(NEW, Labels={}), spec(OLD), ["Labels.com.docker.stack.namespace"], id="a field is lost"),
        pytest.param(spec(NEW, **LABELLED), spec(NEW), [], id="another writer's, since ours is the previous one"),
        pytest.param(spec(NEW, Labels={}), None, [], id="nobody knows what was before"),
    ],
)
def test_fields_that_the_engine_does_not_hold_as_they_were_sent(
    present: ServiceSpec, previous: Optional[ServiceSpec], fields: List[str]
) -> None:
    now = held(present, previous)
    assert ATTEMPT.lost_fields(now) == fields
    written = Written(ATTEMPT.read, changed=True, held=now, attempt=ATTEMPT)
    assert written.footprint == (Footprint.of(now) if fields else ATTEMPT.footprint)
    if not fields:
        written.check()
        return
    with pytest.raises(ReadBackMismatch, match=rf"These fields differ: {fields[0]}\."):
        written.check()


def test_a_mismatch_names_all_fields_and_says_what_to_do() -> None:
    present = spec(NEW, Labels={}, Name="renamed")
    with pytest.raises(ReadBackMismatch) as caught:
        Written(ATTEMPT.read, changed=True, held=held(present, spec(OLD)), attempt=ATTEMPT).check()
    assert str(caught.value) == (
        "The service renamed was updated, but the engine does not hold the spec that it was sent. These fields differ: "
        "Labels.com.docker.stack.namespace, Name. A manager of the swarm may be too old to know them: compare docker "
        "service inspect with what you expect."
    )


def test_what_a_write_leaves_is_known_beforehand() -> None:
    service = copy.deepcopy(ATTEMPT.read)
    replace(service, copy.deepcopy(ATTEMPT.sent))
    assert Footprint.of(service) == ATTEMPT.footprint
    assert Footprint.of(ATTEMPT.read) != ATTEMPT.footprint


def test_what_was_not_written_has_no_footprint_and_nothing_to_check() -> None:
    written = Written(ATTEMPT.read, changed=False, held=held(spec(THEIRS)))
    assert written.footprint is None
    written.check()


def test_a_write_that_is_still_to_be_read_back_is_taken_for_whole() -> None:
    written = Written(ATTEMPT.read, changed=True, attempt=ATTEMPT)
    assert written.footprint == ATTEMPT.footprint
    written.check()


@pytest.mark.parametrize(
    ("state", "started", "answer"),
    [
        ("rollback_started", "2026-01-01T11:00:00Z", True),
        ("rollback_completed", "2026-01-01T11:00:00Z", True),
        ("rollback_paused", "2026-01-01T11:00:00Z", True),
        ("rollback_started", BEFORE["StartedAt"], False),
        ("updating", "2026-01-01T11:00:00Z", False),
        ("paused", "2026-01-01T11:00:00Z", False),
    ],
)
def test_a_rollback_since(state: str, started: str, answer: bool) -> None:
    since = held(spec(OLD), status=BEFORE)
    now = held(spec(OLD), status={"State": state, "StartedAt": started})
    assert was_rolled_back(now, since) is answer


def test_no_status_is_no_rollback() -> None:
    assert not was_rolled_back(held(spec(OLD)), held(spec(OLD), status=BEFORE))
    assert not was_rolled_back(held(spec(OLD), status={}), held(spec(OLD), status=BEFORE))
    assert was_rolled_back(held(spec(OLD), status=ROLLED_BACK), held(spec(OLD)))

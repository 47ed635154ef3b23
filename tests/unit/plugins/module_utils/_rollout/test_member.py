# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    ApiError,
    RolloutError,
    ServiceRemoved,
    UnsupportedService,
    UpdateConflict,
    UpdateUnfinished,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Seen
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.waiter import Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest, Update, Write
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    SUPERSEDED,
    TIMED_OUT,
    UPDATED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import QUEUED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, Status
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from tests.unit.plugins.module_utils.fakes import make_service, replace

OLD, NEW, THEIRS = "whoami:0.7", "whoami:0.8", "whoami:0.9"
LOST = Footprint("aaaaaa", "bbbbbb")


def updating(wanted: str = NEW) -> Member:
    """A service at the old image that is to be brought to another one, or is there."""
    service = make_service(OLD)
    return Member(service, Update(service, ImageChange(Target(Reference.parse(wanted)))))


def rolling_back() -> Member:
    """A service that is to be put back from the old image to the new one."""
    service = make_service(OLD)
    service["PreviousSpec"] = make_service(NEW)["Spec"]
    return Member(service, RollbackRequest(service))


def written(member: Member, image: str = NEW) -> Written:
    """What comes of the member's write, read back; the engine then holds an image."""
    assert member.write is not None
    attempt = member.write.plan(member.service)
    held = copy.deepcopy(member.service)
    if attempt is None:
        return Written(member.service, changed=False, held=held)
    replace(held, make_service(image)["Spec"])
    return Written(member.service, changed=True, held=held, attempt=attempt, warnings=["Beware."])


def ended(outcome: Outcome, image: str = NEW, is_seen: bool = True, reason: str = "that is why") -> Wait:
    """A wait that has ended, the service having been seen last with an image, at version 20."""
    service = make_service(image)
    service["Version"]["Index"] = 20
    wait = Wait(service, Expectation(), 0.0)
    if is_seen:
        wait.see(Seen(Snapshot(service, [], []), Status("1/2 running", outcome, 1, 2)))
    wait.end(outcome, reason)
    return wait


def shown(member: Member) -> Tuple[bool, str, Optional[str], Optional[int]]:
    """What the result says of it."""
    entry = member.entry
    return entry.changed, str(entry.outcome), entry.image_after, entry.version_after


@pytest.mark.parametrize(
    ("member", "says", "changes"),
    [
        (updating(), (True, "updated", NEW, None), {"image": (OLD, NEW)}),
        (updating(OLD), (False, "unchanged", OLD, 10), {}),
        (rolling_back(), (True, "updated", NEW, None), {"image": (OLD, NEW)}),
        (Member(make_service(OLD)), (False, "unchanged", OLD, 10), {}),
    ],
    ids=["an update", "is met", "a rollback", "waited for"],
)
def test_what_is_planned(member: Member, says: Any, changes: Dict[str, Any]) -> None:
    assert (shown(member), dict(member.entry.changes), member.stage) == (says, changes, QUEUED)
    assert (member.footprint, member.problem, member.aftermath) == (None, "", "")


def test_a_service_without_an_image_is_refused_from_the_start() -> None:
    service = make_service()
    service["Spec"]["TaskTemplate"] = {"Runtime": "plugin"}
    with pytest.raises(UnsupportedService):
        Member(service)


def test_what_was_written() -> None:
    member = updating()
    done = written(member)
    member.take(done)
    assert shown(member) == (True, "updated", NEW, 11)
    assert (member.warnings, member.footprint) == (["Beware."], done.footprint)
    assert member.expected == Expectation(NEW, Target(Reference.parse(NEW)))


def test_what_somebody_else_has_done_meanwhile_is_no_change() -> None:
    member = updating()
    theirs = make_service(NEW)
    theirs["Version"]["Index"] = 12
    member.take(Written(theirs, changed=False, held=theirs))
    assert shown(member) == (False, "unchanged", NEW, 12)
    assert (dict(member.entry.changes), member.footprint) == ({}, None)


def test_what_is_read_back_is_what_is_told() -> None:
    member = updating()
    done = written(member)
    member.take(done._replace(held=None))
    assert shown(member) == (True, "updated", NEW, None)
    assert done.held is not None
    member.read_back(done.held)
    assert shown(member) == (True, "updated", NEW, 11)
    assert member.problem == ""
    spoilt = copy.deepcopy(done.held)
    del spoilt["Spec"]["TaskTemplate"]["ContainerSpec"]["FieldOfTomorrow"]
    member.read_back(spoilt)
    assert "does not hold the spec that it was sent" in member.problem
    assert member.footprint == Footprint.of(spoilt)


def test_what_was_never_written_is_not_read_back() -> None:
    member = updating()
    member.read_back(make_service(THEIRS))
    assert shown(member) == (True, "updated", NEW, None)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(UpdateUnfinished("Not done."), (False, "not_started", OLD, 10), id="not done"),
        pytest.param(UpdateUnfinished("Who knows?", LOST), (True, "timed_out", None, None), id="not known"),
        pytest.param(
            UpdateConflict("Theirs.", make_service(THEIRS)), (False, "superseded", THEIRS, 10), id="others were first"
        ),
        pytest.param(
            UpdateConflict("Theirs.", make_service(THEIRS), may_have_written=True),
            (True, "superseded", THEIRS, 10),
            id="others, and not known",
        ),
        pytest.param(ServiceRemoved("t001", False), (False, "superseded", OLD, 10), id="removed"),
        pytest.param(ServiceRemoved("t001", True), (True, "superseded", None, None), id="removed, and not known"),
        pytest.param(ApiError("POST /x", 400, "no"), (False, "not_started", OLD, 10), id="refused"),
    ],
)
def test_how_it_ends_where_the_write_fails(error: RolloutError, says: Any) -> None:
    member = updating()
    member.fail(error)
    assert shown(member) == says
    assert member.problem.endswith(str(error))
    assert member.problem.startswith("t001: the engine refused the change") == isinstance(error, ApiError)
    assert member.footprint == (LOST if getattr(error, "lost", None) else None)


@pytest.mark.parametrize(("outcome", "told"), [(None, "updated"), (SUPERSEDED, "superseded")])
def test_a_service_that_is_lost_sight_of(outcome: Optional[Outcome], told: str) -> None:
    member = updating()
    member.take(written(member))
    member.lose("It cannot be read.", outcome)
    assert (member.problem, member.changed, str(member.outcome)) == ("It cannot be read.", True, told)


def test_what_was_never_started_is_as_it_was() -> None:
    member = updating()
    member.give_up()
    assert (shown(member), dict(member.entry.changes)) == ((False, "not_started", OLD, 10), {})


@pytest.mark.parametrize(
    ("member", "outcome"),
    [
        (updating(), "converged"),
        (updating(OLD), "unchanged"),
        (rolling_back(), "rolled_back"),
        (Member(make_service(OLD)), "converged"),
        (Member(make_service(OLD), expected=Expectation(OLD)), "unchanged"),
    ],
    ids=["updated", "met", "rolled back", "waited for", "there already"],
)
def test_what_success_is_called(member: Member, outcome: str) -> None:
    if member.write is not None:
        member.take(written(member))
    member.conclude(ended(CONVERGED), 300, advise=True)
    assert (str(member.outcome), member.problem) == (outcome, "")
    assert (member.entry.running, member.entry.desired, member.entry.version_after) == (1, 2, 20)


@pytest.mark.parametrize(
    ("wanted", "came", "outcome", "account"),
    [
        (NEW, PAUSED, "paused", f"t001: {NEW} failed (that is why); the swarm has stopped, 1/2 run it."),
        (NEW, TIMED_OUT, "timed_out", f"t001: {NEW} has not converged within 300 s (that is why); 1/2 run it."),
        (NEW, UPDATED, "updated", f"t001: updated to {NEW}, but whether it converges cannot be seen (that is why)."),
        (OLD, UPDATED, "unchanged", "t001: not changed, and whether it has converged cannot be seen (that is why)."),
        (OLD, TIMED_OUT, "timed_out", f"t001: {OLD} has not converged within 300 s (that is why); 1/2 run {NEW}."),
    ],
)
def test_what_failure_is_called(wanted: str, came: Outcome, outcome: str, account: str) -> None:
    member = updating(wanted)
    member.take(written(member))
    member.conclude(ended(came), 300, advise=False)
    assert (str(member.outcome), member.account) == (outcome, account)


@pytest.mark.parametrize(
    ("came", "end"), [(PAUSED, "the swarm has stopped, 1/2 run it. "), (UPDATED, "cannot be seen (that is why). ")]
)
def test_what_to_do_comes_last(came: Outcome, end: str) -> None:
    member = updating()
    member.take(written(member))
    member.conclude(ended(came), 300, advise=True)
    assert member.account.endswith(end + came.advice)


def test_what_was_not_seen_since_is_told_as_it_was_written() -> None:
    member = updating()
    member.take(written(member))
    member.conclude(ended(TIMED_OUT, THEIRS, is_seen=False), 300, advise=False)
    assert shown(member) == (True, "timed_out", NEW, 11)
    assert (member.entry.running, member.entry.desired) == (None, None)


def gone_back(member: Member) -> None:
    member.take(written(member, NEW))
    member.problem = "It failed."
    member.go_back(make_service(OLD)["Spec"], ["Slowly."])


def test_on_its_way_back() -> None:
    member = updating()
    gone_back(member)
    assert shown(member) == (True, "updated", OLD, None)
    assert member.expected == Expectation(OLD, force_update=3)
    assert member.warnings == ["Beware.", "Slowly."]


@pytest.mark.parametrize(
    ("wait", "outcome", "aftermath"),
    [
        (ended(CONVERGED, OLD), "rolled_back", f"put back, 1/2 run {OLD}"),
        (ended(PAUSED, OLD), "paused", f"put back, but {OLD} failed (that is why); the swarm has stopped, 1/2 run it"),
        (
            ended(TIMED_OUT, OLD, reason="Why."),
            "timed_out",
            f"put back, but {OLD} has not converged within 9 s (Why); 1/2 run it",
        ),
        (
            ended(SUPERSEDED, THEIRS, reason="somebody else set it"),
            "superseded",
            f"put back, but somebody else set it while this task waited for {OLD}",
        ),
        (ended(TIMED_OUT, is_seen=False), "timed_out", "put back, but how it stands could not be read (that is why)"),
        (ended(UPDATED, OLD), "updated", "put back, but how it stands could not be read (that is why)"),
    ],
    ids=["converged", "paused", "a reason with a full stop", "others", "not seen", "not allowed"],
)
def test_how_a_rollback_ends(wait: Wait, outcome: str, aftermath: str) -> None:
    member = updating()
    gone_back(member)
    member.conclude_rollback(wait, 9)
    assert (str(member.outcome), member.aftermath, member.problem) == (outcome, aftermath, "It failed.")
    assert member.account == f"It failed. P{aftermath[1:]}."
    member.problem = "t001: it failed"
    assert member.account == f"t001: it failed; {aftermath}."
    member.problem = ""
    assert member.account == f"t001: {aftermath}."


def test_a_service_without_a_problem_has_nothing_to_account_for() -> None:
    assert updating().account == ""


@pytest.mark.parametrize(
    ("error", "says", "aftermath"),
    [
        (UpdateUnfinished("Not done."), (True, "updated", NEW, 11), "not put back: Not done."),
        (UpdateUnfinished("Who knows?", LOST), (True, "timed_out", None, None), "Who knows?"),
    ],
    ids=["not done", "not known"],
)
def test_a_rollback_that_fails(error: RolloutError, says: Any, aftermath: str) -> None:
    member = updating()
    member.take(written(member))
    member.fail_rollback(error)
    assert (shown(member), member.aftermath) == (says, aftermath)


def test_warnings_are_not_shared_between_members() -> None:
    members: List[Member] = [updating(), updating()]
    members[0].warnings.append("Beware.")
    assert members[1].warnings == []


def test_a_kind_of_write_has_to_say_what_it_plans() -> None:
    with pytest.raises(NotImplementedError):
        Member(make_service(OLD), Write(make_service(OLD)))

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a renewal when others write too, answers get lost, and the swarm is in trouble."""

from __future__ import annotations

import base64
import copy
import json
from typing import Callable, List, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import LAST_LOOK
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    ApiError,
    RolloutError,
    ServiceRemoved,
    UpdateConflict,
    UpdateUnfinished,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.renewal import Renewal
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Writer
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.renewal import CredentialChange
from tests.unit.plugins.module_utils.fakes import (
    DEADLINE,
    NO_LEADER,
    NOT_READY,
    WORKER,
    Event,
    FakeSwarm,
    first,
    lost,
    make_service,
    refused,
    removed,
    unreachable,
)

REGISTRY = "registry.example.com"
IMAGE = f"{REGISTRY}/app:1"
PASSWORD = "a word of its own"
CREDENTIAL = Credential(REGISTRY, "robot", PASSWORD)

DONE, DONE_AGAIN, OTHERS, NOT_DONE, UNKNOWN = "done", "done, twice", "done by others", "not done", "not known"
Doing = Callable[[FakeSwarm], object]


def label(swarm: FakeSwarm) -> None:
    swarm.set_label("owner", "them")


def renewed(swarm: FakeSwarm) -> None:
    """Another manager's renewal."""
    swarm.put(copy.deepcopy(swarm.service["Spec"]))


def image(text: str) -> Doing:
    return lambda swarm: swarm.set_image(text)


def status(state: str) -> Doing:
    return lambda swarm: swarm.move_status(state, "2026-01-01T12:00:00Z")


def renewal(swarm: FakeSwarm) -> Renewal:
    return Renewal(copy.deepcopy(swarm.service), CredentialChange(REGISTRY), CREDENTIAL)


def write(swarm: FakeSwarm) -> Written:
    """As a run does it: read, and write."""
    return Writer(swarm.engine, swarm.clock).write(renewal(swarm))


@pytest.mark.parametrize(
    ("happening", "reading", "fate"),
    [
        pytest.param([], [], DONE, id="accepted"),
        # Out of sequence: nothing was written
        pytest.param([first(renewed)], [], OTHERS, id="renewed by others"),
        pytest.param([first(renewed, status("updating"))], [], OTHERS, id="renewed by others, tasks are replaced"),
        pytest.param([first(label)], [], DONE, id="a label by others"),
        pytest.param([first(renewed, label)], [], DONE, id="renewed by others, then a label"),
        pytest.param([first(renewed, FakeSwarm.put_back)], [], NOT_DONE, id="renewed by others, then put back"),
        pytest.param([first(image(f"{REGISTRY}/app:2"))], [], DONE, id="another image by others, no rollout yet"),
        pytest.param([first(image(f"{REGISTRY}/app:2"), status("updating"))], [], NOT_DONE, id="a rollout by others"),
        pytest.param([first(image("other.example.com/app:1"))], [], NOT_DONE, id="another registry by others"),
        pytest.param([first(FakeSwarm.bump)] * 999, [], NOT_DONE, id="ever out of sequence"),
        pytest.param([first(FakeSwarm.bump)], [refused(500, NO_LEADER)] * 999, NOT_DONE, id="then unreadable"),
        # No answer: what is held does not tell whose renewal it was, so it is sent again
        pytest.param([lost(applied=True)], [], DONE_AGAIN, id="lost, carried out"),
        pytest.param([lost(label, applied=True)], [], DONE_AGAIN, id="lost, carried out, then a label"),
        pytest.param([lost(), lost(applied=True)], [], DONE_AGAIN, id="lost twice, carried out once"),
        pytest.param([lost(renewed)], [], DONE, id="lost on the way, renewed by others"),
        pytest.param([lost()], [], DONE, id="lost on the way"),
        pytest.param(
            [lost(applied=True)], [refused(500, NO_LEADER), lost(), unreachable], DONE_AGAIN, id="read at last"
        ),
        pytest.param([lost(status("updating"), applied=True)], [], UNKNOWN, id="lost, carried out, tasks are replaced"),
        pytest.param([lost(image("other.example.com/app:1"))], [], UNKNOWN, id="lost, another registry by others"),
        pytest.param([lost(applied=True), *[refused(500, NO_LEADER)] * 999], [], UNKNOWN, id="lost, then no leader"),
        pytest.param([lost(applied=True, after=99)], [], UNKNOWN, id="lost, and no time is left"),
        pytest.param([lost(after=99)], [], NOT_DONE, id="lost on the way, and no time is left"),
        pytest.param([lost()] * 999, [], NOT_DONE, id="ever lost"),
        pytest.param([lost(applied=True), refused(400, "no")], [], UNKNOWN, id="lost, carried out, then refused"),
        pytest.param([lost(), refused(400, "no")], [], NOT_DONE, id="lost, then refused"),
        # No answer, and nobody to ask
        pytest.param([lost(applied=True)], [unreachable] * 999, UNKNOWN, id="lost, engine away"),
        pytest.param([lost()], [refused(503, WORKER)], UNKNOWN, id="lost, a worker when read"),
        pytest.param([refused(500, DEADLINE)], [unreachable] * 999, UNKNOWN, id="deadline, engine away"),
        # The swarm in trouble, the engine away, refused
        pytest.param([refused(500, NO_LEADER)], [], DONE, id="no leader for a moment"),
        pytest.param([refused(503, NOT_READY)] * 3, [], DONE, id="a manager being prepared"),
        pytest.param([unreachable], [], DONE, id="engine restarts"),
        pytest.param([unreachable] * 999, [], NOT_DONE, id="engine stays away"),
        pytest.param([refused(400, "no")], [], NOT_DONE, id="refused"),
        pytest.param([first(removed)], [], NOT_DONE, id="removed"),
        pytest.param([lost(removed)], [], UNKNOWN, id="lost, removed"),
    ],
)
def test_what_is_told_is_true(happening: List[Event], reading: List[Event], fate: str) -> None:
    swarm = FakeSwarm(make_service(IMAGE), on_update=tuple(happening))
    swarm.on_read.extend(reading)
    begun = swarm.clock.time
    if fate in (DONE, DONE_AGAIN, OTHERS):
        written = write(swarm)
        updates = {DONE: 1, DONE_AGAIN: 2, OTHERS: 0}[fate]
        assert (written.changed, len(swarm.updates)) == (fate != OTHERS, updates)
        assert list(written.warnings) == ([Renewal.done_by_others] if fate == OTHERS else [])
    else:
        with pytest.raises(RolloutError) as caught:
            write(swarm)
        assert caught.value.may_have_written == (fate == UNKNOWN)
        assert fate == UNKNOWN or swarm.updates == []
        assert PASSWORD not in str(caught.value)
    assert swarm.clock.time - begun <= 99.0 + LAST_LOOK


def test_the_spec_goes_back_as_it_was_with_the_credentials_beside_it() -> None:
    swarm = FakeSwarm(make_service(IMAGE))
    before = copy.deepcopy(swarm.service["Spec"])
    swarm.warnings = ["a warning"]
    assert write(swarm).warnings == ["a warning"]
    assert swarm.updates == [before]
    [headers] = swarm.headers
    sent = json.loads(base64.urlsafe_b64decode(headers["X-Registry-Auth"]))
    assert sent == {"username": "robot", "password": PASSWORD, "serveraddress": REGISTRY}


def test_what_others_wrote_is_kept() -> None:
    swarm = FakeSwarm(make_service(IMAGE), on_update=(first(label),))
    assert write(swarm).changed
    assert swarm.service["Spec"]["Labels"]["owner"] == "them"


def told(*happening: Event, reading: Tuple[Event, ...] = ()) -> str:
    """What an error says."""
    swarm = FakeSwarm(make_service(IMAGE), on_update=happening)
    swarm.on_read.extend(reading)
    with pytest.raises((UpdateConflict, UpdateUnfinished, ServiceRemoved, ApiError)) as caught:
        write(swarm)
    return str(caught.value)


def test_a_conflict_says_why_and_what_was_done() -> None:
    moved = image("other.example.com/app:1")
    said = told(first(moved))
    assert "Conflict on the service t001: somebody else changed it while its credentials were to be renewed." in said
    assert f"is not in the registry {REGISTRY} any more. Its credentials were not renewed." in said
    assert "Whether its credentials were renewed before is not known" in told(lost(moved))


def test_what_was_not_done_in_time_and_what_is_not_known() -> None:
    said = told(*[unreachable] * 999)
    assert "could not be renewed in time. When it was read last, nothing had been written." in said
    said = told(lost(applied=True, after=99))
    assert "It is not known whether the credentials of the service t001 were renewed" in said
    assert "a second time does no harm" in said


def test_a_refusal_repeats_no_secret() -> None:
    said = told(refused(400, f"bad header {CREDENTIAL.header()} {PASSWORD}, MODE=calm, correct horse battery staple"))
    assert "bad header *** ***" in said
    for secret in (PASSWORD, CREDENTIAL.header(), "horse"):
        assert secret not in said


def test_an_unknown_fate_comes_with_the_footprint() -> None:
    swarm = FakeSwarm(make_service(IMAGE), on_update=(lost(applied=True, after=99),))
    with pytest.raises(UpdateUnfinished) as caught:
        write(swarm)
    assert caught.value.lost == Footprint.of(swarm.service)


def test_what_is_expected_is_the_image_that_the_service_had() -> None:
    swarm = FakeSwarm(make_service(IMAGE))
    assert renewal(swarm).expectation(write(swarm)).is_met_by(swarm.service["Spec"])

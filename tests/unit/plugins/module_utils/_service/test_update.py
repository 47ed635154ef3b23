# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a write when others write too, answers get lost, and the swarm is in trouble."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import (
    ApiError,
    NotAManager,
    ReadBackMismatch,
    RolloutError,
    ServiceNotFound,
    UnsupportedService,
    UpdateConflict,
    UpdateUnfinished,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.update import Writer, Written
from tests.unit.plugins.module_utils.fakes import (
    DEADLINE,
    DIGEST,
    NO_LEADER,
    OUT_OF_SEQUENCE,
    Event,
    FakeSwarm,
    first,
    lost,
    make_service,
    refused,
    removed,
    unreachable,
)

CREDENTIAL = Credential("registry.example.com", "robot", "a word of its own")
OLD, NEW, THEIRS = "whoami:0.7", "whoami:0.8", "whoami:0.9"

Doing = Callable[[FakeSwarm], object]


def status(state: str, started: str = "2026-01-01T10:00:00Z") -> Doing:
    return lambda swarm: swarm.move_status(state, started)


def label(swarm: FakeSwarm) -> None:
    swarm.set_label("owner", "them")


def label_again(swarm: FakeSwarm) -> None:
    swarm.set_label("owner", "still them")


def image(text: str) -> Doing:
    return lambda swarm: swarm.set_image(text)


def rolled_back(swarm: FakeSwarm) -> None:
    swarm.roll_back()


def by_hand(swarm: FakeSwarm) -> None:
    """An operator's docker service rollback."""
    swarm.put(swarm.service["PreviousSpec"])


def write(swarm: FakeSwarm, wanted: str = NEW, **options: Any) -> Written:
    """As a run does it: read, write, read back."""
    service = copy.deepcopy(swarm.service)
    written = Writer(swarm.engine, swarm.clock).write(service, Target(Reference.parse(wanted)), **options)
    return written if written.held is not None else written.read_back(copy.deepcopy(swarm.service))


def events(*happening: Event) -> Tuple[Event, ...]:
    return happening


@pytest.mark.parametrize(
    ("happening", "posts", "updates", "changed", "runs"),
    [
        pytest.param(events(), 1, 1, True, NEW, id="nothing-happens"),
        # Out of sequence
        pytest.param(events(first(status("updating"))), 2, 1, True, NEW, id="only-the-status-moved"),
        pytest.param(
            events(first(status("updating")), first(status("completed"))), 3, 1, True, NEW, id="it-moved-twice"
        ),
        pytest.param(events(first(label)), 2, 1, True, NEW, id="a-label-by-others"),
        pytest.param(events(first(image(NEW))), 1, 0, False, NEW, id="the-same-image-by-others"),
        pytest.param(
            events(first(image("docker.io/library/" + NEW))), 1, 0, False, NEW, id="the-same-in-another-spelling"
        ),
        pytest.param(
            events(first(image(f"{NEW}@{DIGEST}"))), 1, 0, False, f"{NEW}@{DIGEST}", id="the-same-with-a-digest"
        ),
        pytest.param(events(first(image(THEIRS), image(OLD))), 2, 1, True, NEW, id="another-image-and-back"),
        # No answer, carried out
        pytest.param(events(lost(applied=True)), 1, 1, True, NEW, id="lost-applied"),
        pytest.param(events(lost(status("updating"), applied=True)), 1, 1, True, NEW, id="lost-applied-rolling"),
        pytest.param(events(lost(label, applied=True)), 1, 1, True, NEW, id="lost-applied-then-a-label"),
        pytest.param(
            events(lost(image(THEIRS), applied=True)), 1, 1, True, THEIRS, id="lost-applied-then-another-image"
        ),
        pytest.param(events(lost(rolled_back, applied=True)), 1, 1, True, OLD, id="lost-applied-rolled-back"),
        pytest.param(
            events(lost(rolled_back, status("rollback_completed", "2026-01-01T11:00:00Z"), applied=True)),
            1,
            1,
            True,
            OLD,
            id="lost-applied-rolled-back-completely",
        ),
        pytest.param(events(lost(by_hand, applied=True)), 1, 1, True, OLD, id="lost-applied-put-back-by-hand"),
        # No answer, not carried out
        pytest.param(events(lost()), 2, 1, True, NEW, id="lost-not-applied"),
        pytest.param(events(lost(status("updating"))), 2, 1, True, NEW, id="lost-not-applied-status-moved"),
        pytest.param(events(lost(label)), 2, 1, True, NEW, id="lost-not-applied-a-label"),
        pytest.param(
            events(lost(image(f"{NEW}@{DIGEST}"))), 1, 0, False, f"{NEW}@{DIGEST}", id="lost-not-applied-others-did"
        ),
        pytest.param(events(lost(), lost(), lost(applied=True)), 3, 1, True, NEW, id="lost-thrice-applied-at-last"),
        pytest.param(events(lost(), first(label)), 3, 1, True, NEW, id="lost-then-out-of-sequence"),
        # The swarm in trouble
        pytest.param(events(refused(500, NO_LEADER)), 2, 1, True, NEW, id="no-leader-for-a-moment"),
        pytest.param(events(refused(500, DEADLINE), refused(500, DEADLINE)), 3, 1, True, NEW, id="deadlines"),
        pytest.param(events(unreachable), 2, 1, True, NEW, id="engine-restarts"),
    ],
)
def test_what_comes_of_a_write(
    happening: Tuple[Event, ...], posts: int, updates: int, changed: bool, runs: str
) -> None:
    swarm = FakeSwarm(on_update=happening)
    written = write(swarm)
    assert (swarm.posts, len(swarm.updates)) == (posts, updates)
    assert written.changed is changed
    assert Reference.parse(stored_image(swarm.service["Spec"])) == Reference.parse(runs)
    assert written.held == swarm.service


def test_a_change_of_others_lives_beside_ours() -> None:
    swarm = FakeSwarm(on_update=events(first(label)))
    write(swarm)
    expected = make_service(NEW)["Spec"]
    expected["Labels"]["owner"] = "them"
    assert swarm.service["Spec"] == expected


def test_nothing_is_sent_where_nothing_is_to_be_done() -> None:
    swarm = FakeSwarm()
    written = write(swarm, OLD)
    assert (swarm.posts, written.changed, list(written.warnings)) == (0, False, [])
    assert written.held == swarm.service


@pytest.mark.parametrize("wanted", [OLD, NEW])
def test_force_sends_once(wanted: str) -> None:
    swarm = FakeSwarm(on_update=events(lost(applied=True)))
    written = write(swarm, wanted, force=True)
    assert (swarm.posts, written.changed) == (1, True)
    assert swarm.service["Spec"] == make_service(wanted, ForceUpdate=4)["Spec"]


@pytest.mark.parametrize("credential", [None, CREDENTIAL], ids=["none", "password"])
def test_credentials_go_with_each_attempt(credential: Optional[Credential]) -> None:
    swarm = FakeSwarm(on_update=events(lost()))
    write(swarm, credential=credential)
    header = credential.header() if credential else None
    assert [headers.get("X-Registry-Auth") for headers in swarm.headers] == [header, header]


@pytest.mark.parametrize("secret", CREDENTIAL.secrets, ids=["password", "pair", "header"])
def test_a_refusal_tells_nothing_of_the_credential(secret: str) -> None:
    swarm = FakeSwarm(on_update=events(refused(400, f"invalid X-Registry-Auth: {secret}")))
    with pytest.raises(ApiError, match=r"answered 400: invalid X-Registry-Auth: \*\*\*\.$") as caught:
        write(swarm, credential=CREDENTIAL)
    assert secret not in str(caught.value)


def test_warnings_of_the_engine_are_kept() -> None:
    swarm = FakeSwarm()
    swarm.warnings = ["image could not be accessed on a registry to record its digest"]
    assert write(swarm).warnings == swarm.warnings


# An earlier rollout's own rollback goes on while our update is lost on its way: that is not ours.
def test_anothers_rollback_is_not_taken_for_our_update() -> None:
    swarm = FakeSwarm(on_update=events(lost(status("rollback_completed"))))
    swarm.move_status("rollback_started")
    written = write(swarm)
    assert (written.changed, len(swarm.updates)) == (True, 1)
    assert stored_image(swarm.service["Spec"]) == NEW


@pytest.mark.parametrize("wait", [0.0, 1.0, 59.0, 60.0, 75.0])
def test_an_answer_that_takes_all_the_time_is_looked_for(wait: float) -> None:
    swarm = FakeSwarm(on_update=events(lost(applied=True, after=wait)))
    assert write(swarm).changed
    assert swarm.posts == 1


def spoil(change: Callable[[Dict[str, Any]], object]) -> Callable[[Dict[str, Any]], Dict[str, Any]]:
    def keep(spec: Dict[str, Any]) -> Dict[str, Any]:
        kept = copy.deepcopy(spec)
        change(kept)
        return kept

    return keep


@pytest.mark.parametrize(
    ("spoils", "fields"),
    [
        (lambda spec: spec.pop("Mode"), "Mode"),
        (lambda spec: spec["TaskTemplate"]["ContainerSpec"].pop("Env"), "TaskTemplate.ContainerSpec.Env"),
        (
            lambda spec: (spec["TaskTemplate"]["Resources"]["Limits"].pop("Pids"), spec["Labels"].clear()),
            "Labels.com.docker.stack.namespace, TaskTemplate.Resources.Limits.Pids",
        ),
    ],
    ids=["mode", "environment", "two"],
)
def test_a_spec_that_is_not_held_as_it_was_sent(spoils: Callable[[Dict[str, Any]], object], fields: str) -> None:
    swarm = FakeSwarm()
    swarm.keeps = spoil(spoils)
    with pytest.raises(ReadBackMismatch) as caught:
        write(swarm)
    assert f"These fields differ: {fields}. " in str(caught.value)
    assert "horse" not in str(caught.value)


@pytest.mark.parametrize("later", [label, status("updating"), status("paused"), image(THEIRS), rolled_back, by_hand])
def test_what_comes_after_a_write_does_not_make_it_a_mismatch(later: Doing) -> None:
    swarm = FakeSwarm()
    service = copy.deepcopy(swarm.service)
    written = Writer(swarm.engine, swarm.clock).write(service, Target(Reference.parse(NEW)))
    later(swarm)
    assert written.read_back(swarm.service).held == swarm.service


MAYBE = "It is not known whether the service t001 was updated"
NOT = "it had not been updated"
NOTHING = "nothing of this task was written"


@pytest.mark.parametrize(
    ("happening", "error", "says", "says_not"),
    [
        pytest.param(events(first(image(THEIRS))), UpdateConflict, [OLD, NEW, THEIRS, NOTHING], [], id="another-image"),
        pytest.param(
            events(first(image(f"{OLD}@{DIGEST}"))), UpdateConflict, [DIGEST, NOTHING], [], id="another-digest"
        ),
        pytest.param(
            events(first(label), first(image(THEIRS))), UpdateConflict, [THEIRS], [], id="a-label-then-an-image"
        ),
        pytest.param(events(lost(image(THEIRS))), UpdateConflict, [THEIRS], [], id="lost-and-another-image"),
        pytest.param(
            events(lost(image(THEIRS), label, applied=True)),
            UpdateConflict,
            [THEIRS],
            [NOTHING],
            id="lost-applied-then-another-image-and-a-label",
        ),
        pytest.param(events(first(removed)), ServiceNotFound, ["'t001'", "It was removed while"], [], id="removed"),
        pytest.param(
            events(lost(removed)), ServiceNotFound, ["'t001'", "It was removed while"], [], id="lost-and-removed"
        ),
        pytest.param(
            events(first(label, removed)), ServiceNotFound, ["It was removed while"], [], id="label-and-removed"
        ),
        pytest.param(
            events(*[first(label)] * 999), UpdateUnfinished, [NOT, OUT_OF_SEQUENCE], [MAYBE], id="ever-out-of-sequence"
        ),
        pytest.param(
            events(*[unreachable] * 999), UpdateUnfinished, [NOT, "Nothing listens"], [MAYBE], id="ever-unreachable"
        ),
        pytest.param(
            events(*[refused(500, NO_LEADER)] * 999), UpdateUnfinished, [NOT, "a leader"], [MAYBE], id="ever-no-leader"
        ),
        pytest.param(
            events(*[lost()] * 999), UpdateUnfinished, [NOT, "Connection reset by peer"], [MAYBE], id="ever-lost"
        ),
        pytest.param(
            events(lost(), *[first(label)] * 999),
            UpdateUnfinished,
            [NOT, OUT_OF_SEQUENCE],
            [MAYBE],
            id="lost-and-out-of-sequence",
        ),
        pytest.param(
            events(refused(400, "invalid reference format")),
            ApiError,
            ["answered 400: invalid reference format."],
            [],
            id="refused",
        ),
        pytest.param(
            events(refused(501, "networks must be migrated to TaskSpec before being changed")),
            ApiError,
            ["networks must be migrated"],
            [],
            id="legacy-networks",
        ),
        pytest.param(
            events(refused(503, "This node is not a swarm manager.")), NotAManager, ["swarm manager"], [], id="demoted"
        ),
    ],
)
def test_a_write_that_cannot_be(
    happening: Tuple[Event, ...], error: Type[RolloutError], says: List[str], says_not: List[str]
) -> None:
    swarm = FakeSwarm(on_update=happening)
    begun = swarm.clock.time
    with pytest.raises(error) as caught:
        write(swarm)
    assert swarm.clock.time - begun <= 60.0
    assert [text for text in says if text not in str(caught.value)] == []
    assert [text for text in says_not if text in str(caught.value)] == []


def test_theirs_is_left_as_it_is() -> None:
    swarm = FakeSwarm(on_update=events(first(image(THEIRS))))
    with pytest.raises(UpdateConflict):
        write(swarm)
    assert stored_image(swarm.service["Spec"]) == THEIRS
    assert swarm.updates == []


@pytest.mark.parametrize(
    ("happening", "fate", "is_known"),
    [(lost(), MAYBE, False), (first(label), NOT, True)],
    ids=["lost", "out-of-sequence"],
)
def test_a_service_that_cannot_be_read_again(happening: Event, fate: str, is_known: bool) -> None:
    swarm = FakeSwarm(on_update=(happening,))
    swarm.on_read.extend([refused(500, NO_LEADER)] * 999)
    with pytest.raises(UpdateUnfinished) as caught:
        write(swarm)
    assert fate in str(caught.value)
    assert "does not have a leader" in str(caught.value)
    assert caught.value.is_known is is_known


def test_a_service_that_can_be_read_again_after_a_while() -> None:
    swarm = FakeSwarm(on_update=events(lost(applied=True)))
    swarm.on_read.extend([refused(500, NO_LEADER), lost(), unreachable])
    assert write(swarm).changed
    assert swarm.posts == 1


@pytest.mark.parametrize("task", [{"Runtime": "plugin"}, {"ContainerSpec": None}])
def test_a_service_without_a_container_image_is_left_alone(task: Dict[str, Any]) -> None:
    swarm = FakeSwarm(make_service(**task))
    with pytest.raises(UnsupportedService):
        write(swarm)
    assert swarm.posts == 0


SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(SECRET, f"invalid environment PASSWORD={SECRET}", id="entry"),
        pytest.param(SECRET, f"cannot parse {SECRET!r}", id="value"),
        pytest.param(
            "correct\nhorse\tbattery  staple", "cannot parse correct\nhorse\tbattery  staple", id="lines-and-spaces"
        ),
        pytest.param("\x1b[1mcorrect horse\x07", "cannot parse \x1b[1mcorrect horse\x07", id="control-characters"),
        pytest.param(SECRET * 9, f"{'x' * 300} {SECRET * 9}", id="cut-off"),
        pytest.param(SECRET, f"{'x' * 480} {SECRET}", id="cut-off-within"),
    ],
)
def test_a_refusal_tells_no_values_of_the_environment(value: str, text: str) -> None:
    service = make_service()
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = [f"PASSWORD={value}"]
    swarm = FakeSwarm(service, on_update=events(refused(400, text)))
    with pytest.raises(ApiError) as caught:
        write(swarm)
    assert caught.type is ApiError
    assert (caught.value.status, swarm.posts) == (400, 1)
    for shown in (str(caught.value), caught.value.reason):
        assert "horse" not in shown
        assert "correct" not in shown


def test_a_short_value_does_not_make_a_refusal_unreadable() -> None:
    service = make_service()
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["DEBUG=1", "LEVEL=e", "EMPTY=", "NONE"]
    swarm = FakeSwarm(service, on_update=events(refused(400, "invalid reference format 1")))
    with pytest.raises(ApiError, match="answered 400: invalid reference format 1"):
        write(swarm)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a write when others write too, answers get lost, and the swarm is in trouble."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import LAST_LOOK
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    ApiError,
    ReadBackMismatch,
    RolloutError,
    ServiceRemoved,
    UnsupportedService,
    UpdateConflict,
    UpdateUnfinished,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import RollbackRequest, Update, Writer
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import removed as removed_error
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint, Written
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation
from tests.unit.plugins.module_utils.fakes import (
    DEADLINE,
    DIGEST,
    NO_LEADER,
    NOT_READY,
    OUT_OF_SEQUENCE,
    WORKER,
    Commit,
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


def write(swarm: FakeSwarm, wanted: str = NEW, force: bool = False, credential: Optional[Credential] = None) -> Written:
    """As a run does it: read, write, read back."""
    service = copy.deepcopy(swarm.service)
    change = ImageChange(Target(Reference.parse(wanted)), force)
    written = Writer(swarm.engine, swarm.clock).write(Update(service, change, credential))
    return written if written.held is not None else read_back(written, swarm)


def read_back(written: Written, swarm: FakeSwarm) -> Written:
    """What was written, with the service as it is now. Raises ReadBackMismatch."""
    written = written._replace(held=copy.deepcopy(swarm.service))
    written.check()
    return written


def updated() -> Service:
    """A service that went from the old image to the new one."""
    return {**make_service(NEW), "PreviousSpec": make_service(OLD)["Spec"]}


def put_back(swarm: FakeSwarm) -> Written:
    """Read, and ask for a rollback."""
    service = copy.deepcopy(swarm.service)
    return Writer(swarm.engine, swarm.clock).write(RollbackRequest(service))


def events(*happening: Event) -> Tuple[Event, ...]:
    return happening


def spoil(change: Callable[[Dict[str, Any]], object]) -> Callable[[Dict[str, Any]], Dict[str, Any]]:
    def keep(spec: Dict[str, Any]) -> Dict[str, Any]:
        kept = copy.deepcopy(spec)
        change(kept)
        return kept

    return keep


def carried_out_behind_a_gateway(swarm: FakeSwarm, commit: Commit) -> Answer:
    """A gateway that gave up while the engine did its work, and says so in JSON."""
    commit()
    return refused(502, "bad gateway")(swarm, commit)


DONE, OTHERS, NOT_DONE, UNKNOWN = "done by this task", "done by others", "not done", "not known"
NO_NETWORK = "network n1 not found"


def lost_without_a_field(swarm: FakeSwarm, commit: Commit) -> Answer:
    """A manager that does not know a field keeps what it is sent without it, and its answer is lost."""
    swarm.keeps = spoil(lambda spec: spec["TaskTemplate"]["ContainerSpec"].pop("FieldOfTomorrow"))
    return lost(applied=True)(swarm, commit)


class TestWhatCanHappenToAWrite:
    """Each answer to a write, what the engine holds then, and what is told: of an update, and of a rollback."""

    @pytest.mark.parametrize("kind", ["update", "rollback"])
    @pytest.mark.parametrize(
        ("happening", "reading", "update", "rollback"),
        [
            pytest.param([], [], DONE, DONE, id="accepted"),
            # Out of sequence: nothing was written
            pytest.param([first(status("updating"))], [], DONE, DONE, id="only the status moved"),
            pytest.param([first(label)], [], DONE, NOT_DONE, id="a label by others"),
            pytest.param([first(image(NEW))], [], OTHERS, NOT_DONE, id="the same image by others"),
            pytest.param([first(image(THEIRS))], [], NOT_DONE, NOT_DONE, id="another image by others"),
            pytest.param([first(status("updating"))] * 999, [], NOT_DONE, NOT_DONE, id="ever out of sequence"),
            pytest.param(
                [first(status("updating"))], [refused(500, NO_LEADER)] * 999, NOT_DONE, NOT_DONE, id="then unreadable"
            ),
            # No answer, carried out
            pytest.param([lost(applied=True)], [], DONE, DONE, id="lost, carried out"),
            pytest.param([lost(status("updating"), applied=True)], [], DONE, DONE, id="lost, carried out, rolling"),
            pytest.param([lost(label, applied=True)], [], DONE, DONE, id="lost, carried out, then a label"),
            pytest.param([lost(image(THEIRS), applied=True)], [], DONE, DONE, id="lost, carried out, then an image"),
            pytest.param([lost(FakeSwarm.put_back, applied=True)], [], DONE, DONE, id="lost, carried out, put back"),
            pytest.param([lost_without_a_field], [], DONE, DONE, id="lost, carried out, a field was dropped"),
            pytest.param(
                [lost(applied=True)], [refused(500, NO_LEADER), lost(), unreachable], DONE, DONE, id="read at last"
            ),
            pytest.param([carried_out_behind_a_gateway], [], DONE, DONE, id="a gateway's 502, carried out"),
            # No answer, not carried out
            pytest.param([refused(504, "upstream timed out")], [], DONE, DONE, id="a gateway's 504"),
            pytest.param(
                [refused(502, "bad gateway")],
                [refused(502, "bad gateway")] * 999,
                UNKNOWN,
                UNKNOWN,
                id="only a gateway",
            ),
            pytest.param([lost()], [], DONE, DONE, id="lost on the way"),
            pytest.param([lost(status("updating"))], [], DONE, DONE, id="lost on the way, the status moved"),
            pytest.param([lost(label)], [], DONE, UNKNOWN, id="lost, a label by others"),
            pytest.param([lost(image(THEIRS))], [], UNKNOWN, UNKNOWN, id="lost, another image by others"),
            pytest.param([lost()] * 999, [], NOT_DONE, NOT_DONE, id="ever lost"),
            pytest.param([lost(), refused(400, "no")], [], NOT_DONE, NOT_DONE, id="lost, then refused"),
            pytest.param([lost(), refused(503, WORKER)], [], NOT_DONE, NOT_DONE, id="lost, then a worker"),
            # No answer, and nobody to ask
            pytest.param([lost()], [refused(500, NO_LEADER)] * 999, UNKNOWN, UNKNOWN, id="lost, unreadable"),
            pytest.param([lost(applied=True)], [unreachable] * 999, UNKNOWN, UNKNOWN, id="lost, engine away"),
            pytest.param([lost()], [refused(503, WORKER)], UNKNOWN, UNKNOWN, id="lost, a worker when read"),
            pytest.param([lost()], [refused(400, "no")], UNKNOWN, UNKNOWN, id="lost, reading refused"),
            # The swarm in trouble
            pytest.param([refused(500, NO_LEADER)], [], DONE, DONE, id="no leader for a moment"),
            pytest.param([refused(500, DEADLINE)] * 2, [], DONE, DONE, id="deadlines"),
            pytest.param([refused(500, NO_LEADER)] * 999, [], NOT_DONE, NOT_DONE, id="never a leader"),
            pytest.param([refused(500, DEADLINE)], [unreachable] * 999, UNKNOWN, UNKNOWN, id="deadline, engine away"),
            # The engine away, or no manager
            pytest.param([unreachable], [], DONE, DONE, id="engine restarts"),
            pytest.param([unreachable] * 999, [], NOT_DONE, NOT_DONE, id="engine stays away"),
            pytest.param([unreachable], [unreachable] * 999, NOT_DONE, NOT_DONE, id="away for good"),
            pytest.param([refused(503, NOT_READY)] * 3, [], DONE, DONE, id="a manager being prepared"),
            pytest.param([refused(503, NOT_READY)] * 999, [], NOT_DONE, NOT_DONE, id="ever being prepared"),
            pytest.param(
                [refused(503, NOT_READY)], [unreachable] * 999, NOT_DONE, NOT_DONE, id="being prepared, then away"
            ),
            pytest.param([refused(503, WORKER)], [], NOT_DONE, NOT_DONE, id="a worker"),
            # Refused, or gone
            pytest.param([refused(400, "no")], [], NOT_DONE, NOT_DONE, id="refused"),
            pytest.param([refused(404, NO_NETWORK)], [], NOT_DONE, NOT_DONE, id="something else is missing"),
            pytest.param([first(removed)], [], NOT_DONE, NOT_DONE, id="removed"),
            pytest.param([lost(removed)], [], UNKNOWN, UNKNOWN, id="lost, removed"),
        ],
    )
    def test_what_is_told_is_true(
        self, kind: str, happening: List[Event], reading: List[Event], update: str, rollback: str
    ) -> None:
        is_update = kind == "update"
        fate = update if is_update else rollback
        swarm = FakeSwarm(make_service() if is_update else updated(), on_update=tuple(happening))
        swarm.on_read.extend(reading)
        begun = swarm.clock.time
        if fate in (DONE, OTHERS):
            written = write(swarm) if is_update else put_back(swarm)
            assert (written.changed, len(swarm.updates)) == (fate == DONE, int(fate == DONE))
        else:
            with pytest.raises(RolloutError) as caught:
                write(swarm) if is_update else put_back(swarm)
            assert caught.value.may_have_written == (fate == UNKNOWN)
            assert fate == UNKNOWN or swarm.updates == []
        assert swarm.clock.time - begun <= 60.0 + LAST_LOOK


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


def redeploy(swarm: FakeSwarm) -> None:
    spec = copy.deepcopy(swarm.service["Spec"])
    spec["TaskTemplate"]["ForceUpdate"] += 1
    swarm.put(spec)


@pytest.mark.parametrize("theirs", [redeploy, lambda swarm: swarm.set_image(NEW)])
def test_what_somebody_else_has_redeployed_meanwhile_is_not_redeployed_again(theirs: Any) -> None:
    swarm = FakeSwarm(make_service(NEW if theirs is redeploy else OLD), on_update=(first(theirs),))
    written = write(swarm, NEW, force=True)
    assert (written.changed, swarm.posts, len(swarm.updates)) == (False, 1, 0)
    assert stored_image(written.read["Spec"]) == NEW


def test_what_somebody_else_has_labelled_meanwhile_is_redeployed() -> None:
    swarm = FakeSwarm(make_service(NEW), on_update=(first(lambda swarm: swarm.set_label("a", "b")),))
    assert (write(swarm, NEW, force=True).changed, swarm.posts) == (True, 2)


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
    change = ImageChange(Target(Reference.parse(NEW)))
    written = Writer(swarm.engine, swarm.clock).write(Update(service, change))
    later(swarm)
    assert read_back(written, swarm).held == swarm.service


MAYBE = "It is not known whether the service t001 was updated"
NOT = "it had not been updated"
NOTHING = "nothing of this task was written"


@pytest.mark.parametrize(
    ("happening", "error", "says", "says_not"),
    [
        pytest.param(events(first(image(THEIRS))), UpdateConflict, [OLD, NEW, THEIRS, NOTHING], [], id="another-image"),
        pytest.param(
            events(first(image(f"{OLD}@{DIGEST}"))), UpdateConflict, [DIGEST[:19], NOTHING], [], id="another-digest"
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
        pytest.param(events(first(removed)), ServiceRemoved, ["'t001'", "It was removed while"], [], id="removed"),
        pytest.param(
            events(lost(removed)), ServiceRemoved, ["'t001'", "It was removed while"], [], id="lost-and-removed"
        ),
        pytest.param(
            events(first(label, removed)), ServiceRemoved, ["It was removed while"], [], id="label-and-removed"
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
            events(refused(503, WORKER)), UpdateUnfinished, [NOT, "Worker nodes can't"], [MAYBE], id="demoted"
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


def test_a_refusal_is_told_at_once_without_another_look_at_the_service() -> None:
    swarm = FakeSwarm(on_update=events(refused(400, "no")))
    swarm.on_read.extend([unreachable] * 999)
    with pytest.raises(ApiError, match=r"answered 400: no\."):
        write(swarm)
    assert len(swarm.on_read) == 999


def test_a_conflict_says_what_to_do() -> None:
    swarm = FakeSwarm(on_update=events(first(image(THEIRS))))
    with pytest.raises(UpdateConflict, match=r"Run the task again if its image should win\.$"):
        write(swarm)


def test_a_rollback_whose_fate_is_unknown_warns_of_a_second_one() -> None:
    swarm = FakeSwarm(updated(), on_update=events(lost()))
    swarm.on_read.extend([unreachable] * 999)
    with pytest.raises(UpdateUnfinished) as caught:
        put_back(swarm)
    assert str(caught.value).endswith(
        "Look at the service before you run the task again: a second rollback would undo the first."
    )


def test_a_service_that_was_removed_was_not_written_unless_that_is_said() -> None:
    assert not removed_error(make_service()).may_have_written
    assert removed_error(make_service(), may_have_written=True).may_have_written


@pytest.mark.parametrize(
    ("stored", "force", "count"),
    [(OLD, False, None), (OLD, True, 4), (NEW, True, 4)],
    ids=["an image", "an image by force", "a redeployment"],
)
def test_what_a_service_should_hold_after_an_update(stored: str, force: bool, count: Optional[int]) -> None:
    target, service = Target(Reference.parse(NEW)), make_service(stored)
    update = Update(service, ImageChange(target, force))
    written = Written(service, changed=True, attempt=update.plan(service))
    assert update.expectation(written) == Expectation(NEW, target, count)


def test_what_a_service_should_hold_that_needed_no_update() -> None:
    target, service = Target(Reference.parse(NEW)), make_service(f"docker.io/library/{NEW}")
    update = Update(service, ImageChange(target))
    assert update.plan(service) is None
    assert update.expectation(Written(service, changed=False)) == Expectation(f"docker.io/library/{NEW}", target)


def test_what_a_service_should_hold_after_a_rollback() -> None:
    request = RollbackRequest(updated())
    written = Written(updated(), changed=True, attempt=request.plan(updated()))
    assert request.expectation(written) == Expectation(OLD, force_update=3)


def test_no_message_shows_what_is_secret_in_either_spec() -> None:
    service = updated()
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=present word"]
    service["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=previous word"]
    assert {"present word", "previous word"} <= set(RollbackRequest(service).secrets)


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
    assert caught.value.may_have_written is not is_known


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


@pytest.mark.parametrize("text", ["bad PASSWORD=correct horse battery staple", "correct horse battery staple is bad"])
@pytest.mark.parametrize("status", [400, 500, 404])
def test_a_refused_rollback_tells_no_values_of_the_environment(status: int, text: str) -> None:
    swarm = FakeSwarm(updated(), on_update=events(refused(status, text)))
    with pytest.raises(ApiError) as caught:
        put_back(swarm)
    assert "horse" not in str(caught.value)


def test_a_rollback_is_one_request_at_the_version_that_was_read() -> None:
    swarm = FakeSwarm(updated())
    swarm.warnings = ["a warning"]
    assert put_back(swarm).warnings == ["a warning"]
    assert (swarm.posts, stored_image(swarm.service["Spec"])) == (1, OLD)


@pytest.mark.parametrize(
    ("happening", "error", "says", "says_not"),
    [
        ([first(label)], UpdateConflict, ["somebody else", "It was not rolled back."], ["not known"]),
        ([lost(label)], UpdateConflict, ["somebody else", "is not known"], ["It was not rolled back"]),
        ([first(removed)], ServiceRemoved, ["It was removed while"], ["not known"]),
        ([lost(removed)], ServiceRemoved, ["It was removed while", "is not known"], []),
        ([unreachable] * 999, UpdateUnfinished, ["had not been rolled back", "Nothing listens"], ["not known"]),
    ],
    ids=["conflict", "lost-conflict", "removed", "lost-removed", "unreachable"],
)
def test_a_rollback_that_cannot_be(
    happening: List[Event], error: Type[RolloutError], says: List[str], says_not: List[str]
) -> None:
    swarm = FakeSwarm(updated(), on_update=tuple(happening))
    with pytest.raises(error) as caught:
        put_back(swarm)
    assert [text for text in says if text not in str(caught.value)] == []
    assert [text for text in says_not if text in str(caught.value)] == []


# The service was at the wanted image before: that PreviousSpec is no trace of an update that was lost on its way.
def test_the_previous_spec_of_another_time_is_not_taken_for_our_update() -> None:
    service: Service = {**make_service(OLD), "PreviousSpec": make_service(NEW)["Spec"]}
    swarm = FakeSwarm(service, on_update=events(lost(status("updating"))))
    assert write(swarm).changed
    assert (len(swarm.updates), stored_image(swarm.service["Spec"])) == (1, NEW)


# As after new credentials: both specs are one, so the status alone tells.
@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_rollback_to_an_equal_spec(applied: bool) -> None:
    service: Service = {**make_service(OLD), "PreviousSpec": make_service(OLD)["Spec"]}
    swarm = FakeSwarm(service, on_update=events(lost(applied=applied)))
    assert put_back(swarm).changed
    assert (swarm.posts, len(swarm.updates)) == (1 if applied else 2, 1)


def test_the_footprint_of_a_write_that_lost_a_field_is_what_is_held() -> None:
    swarm = FakeSwarm()
    change = ImageChange(Target(Reference.parse(NEW)))
    swarm.keeps = spoil(lambda spec: spec["TaskTemplate"]["ContainerSpec"].pop("FieldOfTomorrow"))
    written = Writer(swarm.engine, swarm.clock).write(Update(copy.deepcopy(swarm.service), change))
    assert written._replace(held=swarm.service).footprint == Footprint.of(swarm.service)


def test_an_unknown_fate_comes_with_the_footprint_to_look_for() -> None:
    swarm = FakeSwarm(on_update=events(lost(applied=True)))
    swarm.on_read.extend([unreachable] * 999)
    with pytest.raises(UpdateUnfinished) as caught:
        write(swarm)
    assert caught.value.lost == Footprint.of(swarm.service)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service is put back where this task has changed it, and nowhere else."""

from __future__ import annotations

import copy
from typing import Any, Callable

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import ImageChange, Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ROLLING_BACK
from tests.unit.plugins.module_utils.fakes import WORKER, Event, FakeSwarm, first, lost, refused, removed, unreachable

SETTINGS = Settings(wait=False, on_failure="rollback")
OLD, NEW = "whoami:0.7", "whoami:0.6"


def failed(swarm: FakeSwarm, *happening: Event, meanwhile: Callable[[FakeSwarm], Any] = lambda _swarm: None) -> Member:
    """A service whose start has failed, after its rollback; `meanwhile` something is done in between."""
    swarm.on_update.extend(happening)
    service, change = copy.deepcopy(swarm.service), ImageChange(Target(Reference.parse(NEW)))
    member = Member(service, Update(service, change))
    rollout = Rollout(swarm.engine, swarm.clock, SETTINGS, [member])
    rollout._start_some()
    assert member.problem
    meanwhile(swarm)
    rollout._roll_back_some()
    return member


def demote(swarm: FakeSwarm) -> None:
    """The engine becomes a worker."""
    swarm.on_read.extend([refused(503, WORKER)] * 9999)


def answers_again(swarm: FakeSwarm) -> None:
    swarm.on_read.clear()


def unreadable() -> FakeSwarm:
    """A swarm in which services cannot be read, until it answers again."""
    swarm = FakeSwarm()
    swarm.on_read.extend([unreachable] * 9999)
    return swarm


def short(spec: Any) -> Any:
    """What a manager keeps of a spec that does not know all of it."""
    task = dict(spec["TaskTemplate"], ContainerSpec=dict(spec["TaskTemplate"]["ContainerSpec"]))
    del task["ContainerSpec"]["FieldOfTomorrow"]
    return dict(spec, TaskTemplate=task)


def test_a_service_that_lost_a_field_is_put_back() -> None:
    swarm = FakeSwarm()
    swarm.keeps = short
    member = failed(swarm)
    assert "does not hold the spec that it was sent" in member.problem
    assert (member.stage, member.aftermath) == (ROLLING_BACK, "")
    assert stored_image(swarm.service["Spec"]) == OLD
    assert "FieldOfTomorrow" in swarm.service["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert member.entry.image_after == OLD


def test_an_update_whose_fate_was_unknown_is_put_back_where_it_is_found() -> None:
    swarm = unreadable()
    member = failed(swarm, lost(applied=True), meanwhile=answers_again)
    assert "It is not known whether" in member.problem
    assert (member.stage, member.aftermath) == (ROLLING_BACK, "")
    assert stored_image(swarm.service["Spec"]) == OLD


def test_an_update_that_was_not_carried_out_needs_no_rollback() -> None:
    swarm = unreadable()
    member = failed(swarm, lost(), meanwhile=answers_again)
    assert member.aftermath == "not put back: it has the same spec as before this task."
    assert (member.entry.changed, member.entry.outcome, swarm.posts) == (False, "not_started", 1)
    assert member.entry.image_after == OLD


def test_an_update_whose_fate_stays_unknown_says_so() -> None:
    member = failed(unreadable(), lost(applied=True))
    assert member.aftermath.startswith("not put back: Nothing listens")
    assert member.entry.changed


@pytest.mark.parametrize("who", [FakeSwarm.roll_back, FakeSwarm.put_back])
def test_what_was_rolled_back_meanwhile_is_not_rolled_back_again(who: Callable[[FakeSwarm], Any]) -> None:
    swarm = unreadable()

    def roll_back(swarm: FakeSwarm) -> None:
        answers_again(swarm)
        who(swarm)

    member = failed(swarm, lost(applied=True), meanwhile=roll_back)
    assert (member.stage, member.aftermath, swarm.posts) == (ROLLING_BACK, "", 1)
    assert (member.expected.image, stored_image(swarm.service["Spec"])) == (OLD, OLD)


def test_what_others_made_of_it_since_is_left_alone() -> None:
    swarm = unreadable()

    def label_it(swarm: FakeSwarm) -> None:
        answers_again(swarm)
        swarm.set_label("owner", "them")

    member = failed(swarm, lost(applied=True), meanwhile=label_it)
    assert "somebody else has changed it since" in member.aftermath
    assert swarm.posts == 1


def test_a_rollback_whose_fate_is_unknown_is_not_told_as_none() -> None:
    swarm = FakeSwarm()
    swarm.keeps = short

    def lose_the_rollback(swarm: FakeSwarm) -> None:
        swarm.on_read.extend([first(), *[unreachable] * 9999])

    member = failed(swarm, first(), lost(applied=True), meanwhile=lose_the_rollback)
    assert member.aftermath.startswith("It is not known whether the service t001 was rolled back")
    assert (member.entry.changed, member.entry.outcome) == (True, "timed_out")
    assert (member.entry.image_after, member.entry.version_after) == (None, None)


@pytest.mark.parametrize("answered", [True, False])
def test_a_service_that_was_removed_is_not_put_back(answered: bool) -> None:
    swarm = FakeSwarm() if answered else unreadable()

    def remove(swarm: FakeSwarm) -> None:
        answers_again(swarm)
        removed(swarm)

    member = failed(swarm, refused(400, "no") if answered else lost(), meanwhile=remove)
    assert swarm.posts == 1
    assert answered == (member.aftermath == "")


@pytest.mark.parametrize(
    ("happening", "outcome", "changed"),
    [
        (refused(503, WORKER), "not_started", False),
        (lost(demote), "timed_out", True),
        (lost(demote, applied=True), "timed_out", True),
    ],
    ids=["refused", "lost", "lost and done"],
)
def test_an_engine_that_is_a_manager_no_more_supersedes_nothing(happening: Event, outcome: str, changed: bool) -> None:
    member = failed(FakeSwarm(), happening)
    assert (member.outcome, member.changed) == (outcome, changed)
    assert "somebody else" not in member.problem

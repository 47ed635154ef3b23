# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential, Keychain
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member, Settings, decide
from ansible_collections.swarmops.rollout.plugins.module_utils._service.handover import pack, unpack
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import ENDED, QUEUED, ROLLING
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import RolloutFailed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.resolution import Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout
from tests.unit.plugins.module_utils.fakes import DIGEST, FakeClock, FakeSwarm

WANTED = Reference.parse(f"whoami:0.6@{DIGEST}")
UNWAITED = Settings(wait=False, resolve="never")
CREDENTIAL = Credential("127.0.0.1:5000", "somebody", "hunter2")


def begun(swarm: FakeSwarm, settings: Settings = UNWAITED) -> Rollout:
    """A rollout of the swarm's one service that has been decided on."""
    resolver = Resolver(swarm.engine, Keychain(), swarm.clock)
    member = decide(swarm.service, WANTED.with_digest(None), resolver, settings)
    return Rollout(swarm.engine, swarm.clock, settings, [member])


def taken_over(swarm: FakeSwarm, text: str, gap: float = 0.0, is_retry: bool = False) -> Rollout:
    rollout = Rollout(swarm.engine, swarm.clock, UNWAITED, [])
    unpack(rollout, text, gap, is_retry, lambda _reference: CREDENTIAL)
    return rollout


def handed_over(swarm: FakeSwarm) -> str:
    return pack(begun(swarm), swarm.clock.now())


def ended(rollout: Rollout) -> Any:
    assert rollout.step()
    return rollout.result(single=True)["service"]


def test_a_service_that_was_not_begun_is_begun_by_the_next_process() -> None:
    swarm = FakeSwarm()
    rollout = taken_over(swarm, handed_over(swarm))
    [member] = rollout.members
    assert (member.stage, member.credential) == (QUEUED, CREDENTIAL)
    entry = ended(rollout)
    assert (entry["changed"], entry["outcome"], swarm.posts) == (True, "updated", 1)
    assert entry["image"] == {"before": "whoami:0.7", "after": "whoami:0.6"}
    assert (entry["version"]["before"], entry["version"]["after"]) == (
        swarm.service["Version"]["Index"] - 1,
        swarm.service["Version"]["Index"],
    )


def test_what_others_changed_meanwhile_is_kept() -> None:
    swarm = FakeSwarm()
    text = handed_over(swarm)
    swarm.set_label("added", "meanwhile")
    assert ended(taken_over(swarm, text))["changed"]
    assert swarm.updates[-1]["Labels"]["added"] == "meanwhile"


def test_an_image_that_others_set_meanwhile_wins() -> None:
    swarm = FakeSwarm()
    text = handed_over(swarm)
    swarm.set_image("whoami:0.5")
    rollout = taken_over(swarm, text)
    assert rollout.step()
    with pytest.raises(RolloutFailed, match="Conflict") as raised:
        rollout.result(single=True)
    assert raised.value.result["service"]["outcome"] == "superseded"
    assert swarm.posts == 0


@pytest.mark.parametrize("is_retry", [False, True])
def test_the_wanted_image_is_ours_only_where_a_process_was_cut_off(is_retry: bool) -> None:
    """Several managers run the same task; the one that wrote is the one that reports it."""
    swarm = FakeSwarm()
    text = handed_over(swarm)
    swarm.set_image("whoami:0.6")
    entry = ended(taken_over(swarm, text, is_retry=is_retry))
    assert (entry["changed"], swarm.posts) == (is_retry, 0)


def test_a_service_that_is_gone_is_told_of() -> None:
    swarm = FakeSwarm()
    text = handed_over(swarm)
    swarm.services.clear()
    rollout = taken_over(swarm, text)
    assert rollout.step()
    with pytest.raises(RolloutFailed, match="removed while this task was at work"):
        rollout.result(single=True)


def test_time_goes_on_between_two_processes() -> None:
    swarm = FakeSwarm()
    settings = Settings(resolve="never", wait_timeout=100)
    rollout = begun(swarm, settings)
    rollout._start_some()
    [member] = rollout.members
    assert member.stage == ROLLING
    swarm.clock.sleep(30)
    text = pack(rollout, swarm.clock.now())
    next_swarm = FakeSwarm(clock=FakeClock())
    [waiting] = taken_over(next_swarm, text, gap=20).members
    assert waiting.wait is not None
    assert waiting.wait.deadline - next_swarm.clock.now() == pytest.approx(50)
    assert waiting.footprint is not None
    assert waiting.footprint == member.footprint
    assert (waiting.expected_image, waiting.target) == (member.expected_image, member.target)


def test_what_has_ended_stays_as_it_was() -> None:
    swarm = FakeSwarm()
    rollout = begun(swarm)
    before = ended(rollout)
    later = taken_over(swarm, pack(rollout, swarm.clock.now()))
    assert [member.stage for member in later.members] == [ENDED]
    assert ended(later) == before
    assert later.result(single=True)["diff"] == rollout.result(single=True)["diff"]


def test_nothing_secret_is_handed_over() -> None:
    swarm = FakeSwarm()
    rollout = begun(swarm)
    rollout.members[0].credential = CREDENTIAL
    for _stage in ("before", "after"):
        told = zlib.decompress(base64.b64decode(pack(rollout, swarm.clock.now()))).decode()
        for secret in ("correct horse", "PASSWORD", "hunter2", CREDENTIAL.header()):
            assert secret not in told
        rollout.step()


@pytest.mark.parametrize("text", ["x", "AAAA", base64.b64encode(zlib.compress(b"{")).decode()])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        taken_over(FakeSwarm(), text)


def test_a_member_without_a_target_is_only_waited_for() -> None:
    swarm = FakeSwarm()
    rollout = Rollout(swarm.engine, swarm.clock, UNWAITED, [])
    member = begun(swarm).members[0]
    rollout.members.append(Member(member.service, member.entry))
    [later] = taken_over(swarm, pack(rollout, swarm.clock.now())).members
    assert (later.target, later.credential) == (None, None)
    assert json.loads(zlib.decompress(base64.b64decode(pack(rollout, 0.0))))["members"][0]["target"] is None

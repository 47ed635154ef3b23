# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others write at the same time, and answers are lost: every change lives, and each run tells the truth."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.faults import Answered, Silent
from tests.swarm.proxy import Action, Before, Counted, CutAfter, CutBefore, CutDuring, Reply

WRITERS = 10
DEADLINE = {"message": "rpc error: code = Unknown desc = context deadline exceeded"}
NO_LEADER = {"message": "rpc error: code = Unknown desc = The swarm does not have a leader."}


def change_image(proxy: Proxy, name: str, **params: Any) -> run.Result:
    """Go to whoami:0.6 through the proxy."""
    params = {"timeout": 10, **params}
    return run.module("swarm_service_image", name=name, image="whoami:0.6", docker_host=proxy.host, **params)


def test_other_fields_written_meanwhile_live(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    proxy.on("POST", state.UPDATE, Before(partial(state.set_replicas, engine, service, 3)))
    counted = Counted()
    proxy.on("POST", state.UPDATE, counted, times=None)
    result = change_image(proxy, service)

    assert result.changed, result.text
    after = state.of(engine, service)
    assert (after.image, state.replicas(after)) == ("whoami:0.6", 3)
    assert after.spec == before.with_image("whoami:0.6").replace('"Replicas":0', '"Replicas":3')
    assert counted.statuses == [200]
    assert len(proxy.posts) == 2


def test_several_writers_in_a_row(engine: Endpoint, proxy: Proxy, service: str) -> None:
    for count in (1, 2, 3):
        proxy.on("POST", state.UPDATE, Before(partial(state.set_replicas, engine, service, count)))
    result = change_image(proxy, service)
    assert result.changed, result.text
    after = state.of(engine, service)
    assert (after.image, state.replicas(after)) == ("whoami:0.6", 3)
    assert after.previous_image == "whoami:0.7"


def test_other_image_set_meanwhile_stays(engine: Endpoint, proxy: Proxy, service: str, secret: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(state.set_image, engine, service, "whoami:0.8")))
    counted = Counted()
    proxy.on("POST", state.UPDATE, counted, times=None)
    result = change_image(proxy, service)

    assert result.failed
    assert not result.changed
    for words in ("onflict", service, "whoami:0.7", "whoami:0.6", "whoami:0.8", "again"):
        assert words in result.message
    assert secret not in result.text
    after = state.of(engine, service)
    assert (after.image, after.previous_image) == ("whoami:0.8", "whoami:0.7")
    assert counted.statuses == []


def test_same_image_set_meanwhile_is_theirs(engine: Endpoint, proxy: Proxy, service: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(state.set_image, engine, service, "docker.io/library/whoami:0.6")))
    result = change_image(proxy, service)
    assert not result.failed, result.text
    assert not result.changed
    assert result.service["image"] == {"before": "whoami:0.7", "after": "docker.io/library/whoami:0.6"}
    after = state.of(engine, service)
    assert (after.image, after.previous_image) == ("docker.io/library/whoami:0.6", "whoami:0.7")
    assert len(proxy.posts) == 1


def test_service_removed_meanwhile(engine: Endpoint, proxy: Proxy, service: str, secret: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(services.remove, engine, service)))
    result = change_image(proxy, service)
    assert result.failed
    assert service in result.message
    assert secret not in result.text
    assert engine.api("GET", f"/services/{service}").status_code == 404


@pytest.mark.parametrize("at_once", [True, False], ids=["all read before one writes", "as it comes"])
def test_one_of_ten_parallel_runs_changes(engine: Endpoint, proxy: Proxy, service: str, at_once: bool) -> None:
    before = state.of(engine, service)
    meeting = threading.Barrier(WRITERS, timeout=60)
    counted = Counted(meeting.wait if at_once else int)
    proxy.on("POST", state.UPDATE, counted, times=None)
    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(lambda _number: change_image(proxy, service, timeout=60), range(WRITERS)))

    assert [result.text for result in results if result.failed] == []
    assert sorted(result.changed for result in results) == [False] * (WRITERS - 1) + [True]
    assert counted.statuses.count(200) == 1
    assert len(counted.statuses) == WRITERS or not at_once
    after = state.of(engine, service)
    assert after.spec == before.with_image("whoami:0.6")
    assert after.previous == before.spec


@pytest.mark.parametrize(
    "lose",
    [CutAfter(), CutDuring(3), Answered(Reply(500, DEADLINE)), Answered(Reply(500, NO_LEADER)), Answered(Reply(200))],
    ids=["cut", "cut within", "deadline exceeded", "no leader", "empty"],
)
def test_answer_is_lost_after_the_update(engine: Endpoint, proxy: Proxy, service: str, lose: Action) -> None:
    before = state.of(engine, service)
    proxy.on("POST", state.UPDATE, lose)
    result = change_image(proxy, service)

    assert result.changed, result.text
    assert not result.failed
    assert len(proxy.posts) == 1
    after = state.of(engine, service)
    assert after.spec == before.with_image("whoami:0.6")
    assert after.previous == before.spec
    assert result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.6"}


def test_answer_does_not_come_in_time(engine: Endpoint, proxy: Proxy, service: str) -> None:
    proxy.on("POST", state.UPDATE, Silent(30))
    result = change_image(proxy, service, timeout=1)
    assert state.of(engine, service).image == "whoami:0.6"
    assert len(proxy.posts) == 1
    assert result.changed, result.text
    assert not result.failed
    assert result.seconds < 10


@pytest.mark.parametrize(
    "lose",
    [CutBefore(), Reply(500, DEADLINE), Reply(500, NO_LEADER)],
    ids=["cut", "deadline exceeded", "no leader"],
)
def test_answer_is_lost_before_the_update(engine: Endpoint, proxy: Proxy, service: str, lose: Action) -> None:
    before = state.of(engine, service)
    counted = Counted()
    proxy.on("POST", state.UPDATE, lose)
    proxy.on("POST", state.UPDATE, counted, times=None)
    result = change_image(proxy, service)

    assert result.changed, result.text
    assert not result.failed
    assert counted.statuses == [200]
    after = state.of(engine, service)
    assert after.spec == before.with_image("whoami:0.6")
    assert after.previous == before.spec


def test_answer_is_lost_and_others_write_after_it(engine: Endpoint, proxy: Proxy, service: str) -> None:
    proxy.on("POST", state.UPDATE, CutAfter())
    proxy.on("GET", state.READ, Action())
    proxy.on("GET", state.READ, Before(partial(state.set_replicas, engine, service, 2)))
    result = change_image(proxy, service)

    assert result.changed, result.text
    assert len(proxy.posts) == 1
    after = state.of(engine, service)
    assert (after.image, state.replicas(after), after.previous_image) == ("whoami:0.6", 2, "whoami:0.6")


def test_answers_of_reads_are_lost(engine: Endpoint, proxy: Proxy, service: str) -> None:
    for _number in range(2):
        proxy.on("GET", state.READ, CutBefore())
        proxy.on("GET", state.READ, CutDuring(20))
        proxy.on("GET", state.READ, Reply(500, NO_LEADER))
        proxy.on("GET", state.READ, Action())
    result = change_image(proxy, service)
    assert result.changed, result.text
    assert len(proxy.posts) == 1
    assert state.of(engine, service).image == "whoami:0.6"


def test_no_answer_at_all_is_told(engine: Endpoint, proxy: Proxy, service: str, secret: str) -> None:
    before = state.of(engine, service)
    proxy.on("POST", state.UPDATE, Reply(500, NO_LEADER), times=None)
    result = change_image(proxy, service, timeout=1)
    assert result.failed
    assert not result.changed
    for words in (service, "does not have a leader", "had not been updated", "again"):
        assert words in result.message
    assert secret not in result.text
    assert state.of(engine, service) == before

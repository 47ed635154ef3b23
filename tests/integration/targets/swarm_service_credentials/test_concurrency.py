# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others write at the same time, and answers are lost: what is told of a renewal is true."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Action, Before, Counted, CutAfter, CutBefore, Delay, Reply

WRITERS = 10
IMAGE = "127.0.0.1:5999/app:1"
"""Its registry is down, so that nothing but the writes takes time."""
DEADLINE = {"message": "rpc error: code = Unknown desc = context deadline exceeded"}


@pytest.fixture
def kept(engine: Endpoint, service_name: str) -> str:
    """Return the name of a service without tasks."""
    services.create(engine, service_name, IMAGE, replicas=0)
    return service_name


def renew(proxy: Proxy, name: str, **params: Any) -> run.Result:
    given = {"registry_username": "robot", "registry_password": "s3cret, really", "timeout": 10}
    return run.module("swarm_service_credentials", name=name, docker_host=proxy.host, **{**given, **params})


def write_as_it_is(engine: Endpoint, name: str) -> None:
    state.change(engine, name, lambda _spec: None)


def label(engine: Endpoint, name: str) -> None:
    state.change(engine, name, lambda spec: spec.update(Labels={"owner": "them"}))


@pytest.mark.parametrize("is_second", [False, True], ids=["first renewal", "after another renewal"])
@pytest.mark.parametrize("at_once", [True, False], ids=["all read before one writes", "as it comes"])
def test_ten_managers_at_once(engine: Endpoint, proxy: Proxy, kept: str, at_once: bool, is_second: bool) -> None:
    if is_second:
        assert renew(proxy, kept).changed
        proxy.clear()
    before = state.of(engine, kept)
    meeting = threading.Barrier(WRITERS, timeout=60)
    counted = Counted(meeting.wait if at_once else int)
    proxy.on("POST", state.UPDATE, counted, times=None)
    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(lambda _number: renew(proxy, kept, timeout=60), range(WRITERS)))

    assert [result.text for result in results if result.failed] == []
    changed = [result for result in results if result.changed]
    assert counted.statuses.count(200) == len(changed)
    assert len(changed) == 1 if at_once else len(changed) >= 1
    for result in results:
        told = " ".join(result.service["warnings"])
        assert ("at the same moment" in told) is not result.changed
    assert len(proxy.posts) == WRITERS
    after = state.of(engine, kept)
    assert after.spec == after.previous == before.spec


@pytest.mark.parametrize("lost", [CutBefore(), CutAfter()], ids=["not carried out", "carried out"])
def test_lost_answer(engine: Endpoint, proxy: Proxy, kept: str, lost: Action) -> None:
    """What the engine holds does not tell them apart, so the write is sent again, and its answer does."""
    before = state.of(engine, kept)
    proxy.on("POST", state.UPDATE, lost)
    counted = Counted()
    proxy.on("POST", state.UPDATE, counted, times=None)
    result = renew(proxy, kept)
    assert (result.failed, result.changed, result.service["outcome"]) == (False, True, "updated"), result.text
    assert counted.statuses == [200]
    assert result.service["version"]["after"] == state.of(engine, kept).index
    assert state.of(engine, kept).spec == before.spec


def test_renewal_of_unknown_fate(proxy: Proxy, kept: str) -> None:
    proxy.on("POST", state.UPDATE, CutAfter())
    proxy.on("GET", state.INSPECT, Action())
    proxy.on("GET", state.INSPECT, Delay(30))
    result = renew(proxy, kept, timeout=1)
    assert result.failed
    assert f"It is not known whether the credentials of the service {kept} were renewed" in result.message
    assert (result.changed, result.service["outcome"], result.service["image"]["after"]) == (True, "timed_out", None)


def test_never_answered_but_carried_out(engine: Endpoint, proxy: Proxy, kept: str) -> None:
    before = state.of(engine, kept)
    proxy.on("POST", state.UPDATE, CutAfter())
    proxy.on("POST", state.UPDATE, Reply(500, DEADLINE), times=None)
    result = renew(proxy, kept, timeout=2)
    assert result.failed
    assert "It is not known whether" in result.message
    assert (result.changed, result.service["outcome"]) == (True, "timed_out")
    assert state.of(engine, kept).index > before.index


def test_never_carried_out(engine: Endpoint, proxy: Proxy, kept: str) -> None:
    before = state.of(engine, kept)
    proxy.on("POST", state.UPDATE, CutBefore(), times=None)
    result = renew(proxy, kept, timeout=2)
    assert result.failed
    assert "When it was read last, nothing had been written." in result.message
    assert (result.changed, result.service["outcome"]) == (False, "not_started")
    assert state.of(engine, kept) == before


def test_label_set_meanwhile_lives(engine: Endpoint, proxy: Proxy, kept: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(label, engine, kept)))
    result = renew(proxy, kept)
    assert result.changed, result.text
    assert services.inspect(engine, kept)["Spec"]["Labels"] == {"owner": "them"}
    assert len(proxy.posts) == 2


def test_image_of_another_registry_set_meanwhile(engine: Endpoint, proxy: Proxy, kept: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(state.set_image, engine, kept, "whoami:0.7")))
    result = renew(proxy, kept)
    assert result.failed
    assert f"Conflict on the service {kept}" in result.message
    assert "Its credentials were not renewed." in result.message
    assert (result.changed, result.service["outcome"]) == (False, "superseded")
    assert len(proxy.posts) == 1
    assert state.of(engine, kept).image == "whoami:0.7"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about an update of which a field or the answer was lost, and what is told where an engine gives up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy
from tests.swarm.proxy import Action, CutAfter, CutBefore, Delay, Reply, RewriteRequest

NOT_READY = "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster."
WORKER = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state."


def roll(proxy: Proxy, name: str, **params: Any) -> run.Result:
    """Go to whoami:0.6, and back where that fails."""
    params = {"timeout": 2, "on_failure": "rollback", "docker_host": proxy.host, **params}
    return run.module("swarm_service_image", name=name, image="whoami:0.6", **params)


def lose_a_label(body: bytes) -> bytes:
    spec = json.loads(body)
    spec["TaskTemplate"]["ContainerSpec"]["Env"].remove("PLAIN=1")
    return json.dumps(spec).encode()


def test_service_that_lost_a_field_is_put_back(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    proxy.on("POST", state.UPDATE, RewriteRequest(lose_a_label))
    result = roll(proxy, service)
    assert result.failed
    assert "These fields differ: TaskTemplate.ContainerSpec.Env" in result.message
    assert " Put back, 0/0 run whoami:0.7." in result.message
    assert (result.changed, result.service["outcome"]) == (True, "rolled_back")
    assert state.of(engine, service).spec == before.spec


def lose_the_answer(proxy: Proxy, lose: Action) -> None:
    """Lose the answer to the update, and have the one reading after it take all the time."""
    proxy.on("POST", state.UPDATE, lose)
    proxy.on("GET", state.INSPECT, Action())
    proxy.on("GET", state.INSPECT, Delay(30))


def test_update_of_unknown_fate_is_put_back(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    lose_the_answer(proxy, CutAfter())
    result = roll(proxy, service)
    assert result.failed
    assert f"It is not known whether the service {service} was updated" in result.message
    assert " Put back, 0/0 run whoami:0.7." in result.message
    assert (result.changed, result.service["outcome"]) == (True, "rolled_back")
    after = state.of(engine, service)
    assert (after.spec, after.previous_image) == (before.spec, "whoami:0.6")


def test_update_that_was_not_carried_out_needs_no_rollback(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    lose_the_answer(proxy, CutBefore())
    result = roll(proxy, service)
    assert result.failed
    assert " Not put back: it has the same spec as before this task." in result.message
    assert (result.changed, result.service["outcome"]) == (False, "not_started")
    assert len(proxy.posts) == 1
    assert state.of(engine, service) == before


def test_update_of_unknown_fate_is_left_where_nobody_says_otherwise(
    engine: Endpoint, proxy: Proxy, service: str
) -> None:
    lose_the_answer(proxy, CutAfter())
    result = roll(proxy, service, on_failure="fail")
    assert result.failed
    assert (result.changed, result.service["image"]["after"]) == (True, None)
    assert state.of(engine, service).image == "whoami:0.6"


def test_manager_that_is_being_prepared_is_asked_again(engine: Endpoint, proxy: Proxy, service: str) -> None:
    proxy.on("POST", state.UPDATE, Reply(503, {"message": NOT_READY}), times=2)
    result = roll(proxy, service, timeout=10)
    assert result.changed, result.text
    assert not result.failed
    assert state.of(engine, service).image == "whoami:0.6"


def test_manager_that_is_none_any_more(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    proxy.on("POST", state.UPDATE, Reply(503, {"message": WORKER}), times=None)
    result = roll(proxy, service)
    assert result.failed
    assert (result.changed, result.service["outcome"]) == (False, "not_started")
    assert "had not been updated" in result.message
    assert "Worker nodes can't be used" in result.message
    assert state.of(engine, service) == before


@pytest.mark.parametrize("status", [502, 504])
def test_gateway_that_gives_up_after_the_update(engine: Endpoint, proxy: Proxy, service: str, status: int) -> None:
    def give_up(exchange: Any) -> None:
        exchange.whole()
        Reply(status, {"message": "upstream timed out"})(exchange)

    proxy.on("POST", state.UPDATE, give_up)
    result = roll(proxy, service, timeout=10)
    assert result.changed, result.text
    assert not result.failed
    assert len(proxy.posts) == 1
    assert state.of(engine, service).image == "whoami:0.6"

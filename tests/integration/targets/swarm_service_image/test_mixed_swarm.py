# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another manager is newer than the one that is asked: a warning says what that may cost, before any write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration import run
from tests.swarm import Endpoint, Proxy
from tests.swarm.proxy import Rewrite

NODES = r"/nodes(\?.*)?$"


def upgraded(body: bytes) -> bytes:
    """Put a manager of another age beside the real one."""
    nodes: list[Any] = json.loads(body)
    other = json.loads(body)[0]
    other["ID"], other["Description"]["Hostname"] = "another", "m2"
    other["Description"]["Engine"]["EngineVersion"] = "99.0.1"
    return json.dumps([*nodes, other]).encode()


@pytest.mark.parametrize("check", [True, False])
def test_newer_manager_is_warned_of(proxy: Proxy, service: str, check: bool) -> None:
    proxy.on("GET", NODES, Rewrite(upgraded), times=None)
    result = run.module("swarm_service_image", name=service, image="whoami:0.6", docker_host=proxy.host, check=check)
    assert result.changed, result.text
    [warning] = result.service["warnings"]
    assert "other managers have a newer one (m2: 99.0.1)" in warning
    asked = [request.method + request.path.partition("?")[0][len("/v1.xx") :] for request in proxy.requests]
    assert check or asked.index("GET/nodes") < next(place for place, one in enumerate(asked) if "POST" in one)


def test_managers_of_one_version_are_not(proxy: Proxy, service: str) -> None:
    result = run.module("swarm_service_image", name=service, image="whoami:0.6", docker_host=proxy.host)
    assert result.service["warnings"] == []


def test_nobody_asks_where_nothing_is_written(proxy: Proxy, service: str, engine: Endpoint) -> None:
    params: dict[str, Any] = {"name": service, "image": "whoami:0.7", "wait": False}
    assert not run.module("swarm_service_image", docker_host=proxy.host, **params).changed
    assert [request for request in proxy.requests if "/nodes" in request.path] == []
    assert engine.get("/nodes")

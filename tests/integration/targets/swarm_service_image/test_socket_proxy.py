# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before the engine's socket that forbids some endpoints, as docker-socket-proxy does unless told otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Reply

FORBIDDEN = Reply(
    403,
    b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
    {"Content-Type": "text/html", "Cache-Control": "no-cache"},
)
SOON = 20.0
"""Seconds within which a task must end that could wait for three hundred."""


def forbid(proxy: Proxy, method: str, path: str) -> None:
    proxy.on(method, path, FORBIDDEN, times=None)


def refused(call: str, setting: str) -> str:
    """What is said of a call that a socket proxy does not let pass."""
    return (
        f"{call} is not allowed (403: no readable reason). This task needs it: allow it in the socket proxy "
        f"or the authorization plugin in front of the engine ({setting} for docker-socket-proxy)."
    )


NODES = refused("GET /nodes", "NODES=1")
TASKS = refused("GET /tasks", "TASKS=1")


def change_image(proxy: Proxy, name: str, **params: Any) -> run.Result:
    options: dict[str, Any] = {"name": name, "image": "whoami:0.6", "docker_host": proxy.host, "wait": True, **params}
    return run.module("swarm_service_image", **options)


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_no_nodes_is_told_before_anything_is_written(engine: Endpoint, proxy: Proxy, service: str, check: bool) -> None:
    before = state.of(engine, service)
    forbid(proxy, "GET", r"/nodes")
    result = change_image(proxy, service, check=check)
    assert result.failed
    assert result.message == f"{NODES} Nothing was changed."
    assert result.seconds < SOON
    assert proxy.posts == []
    assert state.of(engine, service) == before


def test_no_nodes_is_told_before_anything_is_rolled_back(engine: Endpoint, proxy: Proxy, service: str) -> None:
    assert change_image(proxy, service, wait=False).changed
    before = state.of(engine, service)
    forbid(proxy, "GET", r"/nodes")
    refused_one = run.module("swarm_service_rollback", name=service, docker_host=proxy.host)
    assert refused_one.message == f"{NODES} Nothing was changed."
    assert state.of(engine, service) == before
    unwatched = run.module("swarm_service_rollback", name=service, docker_host=proxy.host, wait=False)
    assert unwatched.service["outcome"] == "updated", unwatched.text
    assert state.of(engine, service).image == "whoami:0.7"


def test_no_nodes_does_not_matter_to_a_task_that_does_not_wait(engine: Endpoint, proxy: Proxy, service: str) -> None:
    forbid(proxy, "GET", r"/nodes")
    assert change_image(proxy, service, wait=False).service["outcome"] == "updated"
    assert state.of(engine, service).image == "whoami:0.6"


def test_no_tasks_ends_the_wait_and_says_that_the_service_was_updated(
    engine: Endpoint, proxy: Proxy, service: str
) -> None:
    forbid(proxy, "GET", r"/tasks")
    result = change_image(proxy, service)
    assert result.failed
    assert result.message == (
        f"{service}: updated to whoami:0.6, but whether it converges cannot be seen ({TASKS.rstrip('.')}). "
        "The swarm continues by itself; run swarm_service_wait to keep waiting, once that is allowed."
    )
    assert result.seconds < SOON
    assert (result.changed, result.service["changed"], result.service["outcome"]) == (True, True, "updated")
    assert state.of(engine, service).image == "whoami:0.6"


@pytest.mark.parametrize(("path", "said"), [(r"/nodes", NODES), (r"/tasks", TASKS)], ids=["nodes", "tasks"])
def test_a_service_that_was_left_as_it_is(proxy: Proxy, service: str, path: str, said: str) -> None:
    forbid(proxy, "GET", path)
    for result in (
        change_image(proxy, service, image="whoami:0.7"),
        run.module("swarm_service_wait", name=service, docker_host=proxy.host),
    ):
        assert result.failed
        assert result.message == (
            f"{service}: not changed, and whether it has converged cannot be seen ({said.rstrip('.')})."
        )
        assert result.seconds < SOON
        assert (result.changed, result.service["outcome"]) == (False, "unchanged")


def test_no_post_leaves_the_service_as_it_is(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    forbid(proxy, "POST", r"/")
    result = change_image(proxy, service)
    assert result.failed
    identifier = services.inspect(engine, service)["ID"]
    assert result.message == (
        f"{service}: the engine refused the change, and the service was left as it is. "
        + refused(f"POST /services/{identifier}/update", "POST=1 and SERVICES=1")
    )
    assert len(proxy.posts) == 1
    assert (result.changed, result.service["outcome"]) == (False, "not_started")
    assert state.of(engine, service) == before


@pytest.mark.parametrize("module", ["swarm_service_image", "swarm_service_image_info", "swarm_service_wait"])
def test_no_services(proxy: Proxy, service: str, module: str) -> None:
    forbid(proxy, "GET", r"/services")
    wish: dict[str, Any] = {"image": "whoami:0.6"} if module == "swarm_service_image" else {}
    result = run.module(module, name=service, docker_host=proxy.host, **wish)
    assert result.message == refused(f"GET /services/{service}", "SERVICES=1") + " Nothing was changed."
    assert result.seconds < SOON


def test_no_ping(proxy: Proxy, service: str) -> None:
    forbid(proxy, "GET", r"/_ping")
    result = run.module("swarm_service_image_info", name=service, docker_host=proxy.host)
    assert result.message == refused("GET /_ping", "PING=1") + " Nothing was changed."


def test_no_distribution_is_a_matter_of_on_unresolved(engine: Endpoint, proxy: Proxy, service: str) -> None:
    forbid(proxy, "GET", r"/distribution/")
    said = refused("GET /distribution/docker.io/library/whoami:0.6/json", "DISTRIBUTION=1")
    strict = change_image(proxy, service, resolve="changed", on_unresolved="fail")
    assert strict.message == f"No digest for whoami:0.6 was requested: {said} Nothing was changed."
    lenient = change_image(proxy, service, resolve="changed", wait=False)
    [warning] = lenient.service["warnings"]
    assert warning == (
        f"No digest for whoami:0.6 was requested: {said} The service gets whoami:0.6 without a digest, so each node "
        "pulls what the tag then stands for."
    )
    assert state.of(engine, service).image == "whoami:0.6"


def test_what_a_registry_forbids_is_the_registry_s(proxy: Proxy, service: str) -> None:
    proxy.on("GET", r"/distribution/", Reply(403, {"message": "denied: not yours"}))
    result = change_image(proxy, service, resolve="changed", on_unresolved="fail")
    assert "The registry docker.io returned no digest for whoami:0.6 (403: denied: not yours)." in result.message


def test_no_events_is_no_matter(proxy: Proxy, service: str) -> None:
    forbid(proxy, "GET", r"/events")
    assert change_image(proxy, service).service["outcome"] == "converged"


def test_an_authorization_plugin_has_its_own_words(proxy: Proxy, service: str) -> None:
    proxy.on("GET", r"/nodes", Reply(403, {"message": "authorization denied by plugin opa: no."}), times=None)
    result = change_image(proxy, service)
    assert result.message.startswith("GET /nodes is not allowed (403: authorization denied by plugin opa: no). This")


def test_a_watched_task_shows_no_convergence_that_nobody_saw(proxy: Proxy, service: str) -> None:
    forbid(proxy, "GET", r"/tasks")
    done = run.playbook(
        f"""
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image: {{name: {service}, image: "whoami:0.6", docker_host: "{proxy.host}"}}
"""
    )
    assert done.status != 0
    assert TASKS.rstrip(".") in done.text
    assert f"{service}: updated to whoami:0.6, but whether it converges cannot be seen" in done.text
    assert "converged" not in done.text

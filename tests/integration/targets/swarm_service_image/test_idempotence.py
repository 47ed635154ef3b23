# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that has nothing to do does nothing, and check mode tells what a run would do."""

from __future__ import annotations

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy, services

NGINX = ("nginx", "nginx:latest", "docker.io/library/nginx:latest")
FULL_ID = 25


def change_image(host: str, name: str, image: str = "whoami:0.6", *, check: bool = False) -> run.Result:
    """Run the module with a diff; it must not fail."""
    result = run.module("swarm_service_image", name=name, image=image, docker_host=host, check=check, diff=True)
    assert not result.failed, result.text
    return result


def calls(proxy: Proxy) -> list[str]:
    """Return what was asked of the engine, without versions, IDs and queries."""
    return [f"{request.method} {request.path.split('?')[0].rpartition('/')[2]}" for request in proxy.requests]


def test_second_run_does_nothing(engine: Endpoint, proxy: Proxy, service: str) -> None:
    assert change_image(proxy.host, service).changed
    after_first = state.of(engine, service)
    proxy.clear()
    second = change_image(proxy.host, service)

    assert not second.changed
    assert second.service["outcome"] == "unchanged"
    assert not second.data.get("diff")
    assert proxy.posts == []
    assert state.of(engine, service) == after_first
    assert after_first.previous_image == "whoami:0.7"
    assert second.service["version"] == {"before": after_first.index, "after": after_first.index}


@pytest.mark.parametrize("mode", ["replicated-job", "global-job"])
def test_second_run_does_not_start_a_job_again(engine: Endpoint, proxy: Proxy, service_name: str, mode: str) -> None:
    services.rich(engine, service_name, mode=mode)
    assert change_image(proxy.host, service_name).changed
    iteration = services.inspect(engine, service_name)["JobStatus"]
    proxy.clear()
    assert not change_image(proxy.host, service_name).changed
    assert proxy.posts == []
    assert services.inspect(engine, service_name)["JobStatus"] == iteration


def test_requests_of_a_run_with_nothing_to_do(proxy: Proxy, service: str) -> None:
    change_image(proxy.host, service, "whoami:0.7")
    assert calls(proxy) == ["GET _ping", f"GET {service}"]


def test_requests_of_a_run_that_changes(engine: Endpoint, proxy: Proxy, service: str) -> None:
    identifier = services.inspect(engine, service)["ID"]
    change_image(proxy.host, service)
    *written, read_back = calls(proxy)
    assert written == ["GET _ping", f"GET {service}", "GET nodes", "POST update"]
    assert read_back in (f"GET {identifier}", "GET services")


def test_check_mode_tells_and_does_not(engine: Endpoint, proxy: Proxy, service: str, secret: str) -> None:
    before = state.of(engine, service)
    told = change_image(proxy.host, service, check=True)
    assert proxy.posts == []
    assert state.of(engine, service) == before

    done = change_image(proxy.host, service)
    assert told.changed is done.changed is True
    assert told.data["diff"] == done.data["diff"]
    [diff] = done.data["diff"]
    assert (diff["before"]["image"], diff["after"]["image"]) == ("whoami:0.7", "whoami:0.6")
    assert told.service["image"] == done.service["image"]
    assert secret not in told.text + done.text


def test_check_mode_with_nothing_to_do(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    told, done = (change_image(proxy.host, service, "whoami:0.7", check=check) for check in (True, False))
    assert told.changed is done.changed is False
    assert told.data.get("diff") == done.data.get("diff")
    assert proxy.posts == []
    assert state.of(engine, service) == before


@pytest.mark.parametrize("stored", NGINX)
def test_spellings_of_one_image(engine: Endpoint, proxy: Proxy, service_name: str, stored: str) -> None:
    services.create(engine, service_name, stored, replicas=0)
    before = state.of(engine, service_name)
    for wanted in NGINX:
        assert not change_image(proxy.host, service_name, wanted).changed, wanted
    assert proxy.posts == []
    assert state.of(engine, service_name) == before


def test_pin_is_right_for_its_tag(engine: Endpoint, proxy: Proxy, service_name: str) -> None:
    services.create(engine, service_name, f"nginx:1.27@sha256:{'a' * 64}", replicas=0)
    assert not change_image(proxy.host, service_name, "nginx:1.27").changed
    assert not change_image(proxy.host, service_name, f"docker.io/nginx@sha256:{'a' * 64}").changed
    assert proxy.posts == []
    assert change_image(proxy.host, service_name, f"nginx:1.27@sha256:{'b' * 64}", check=True).changed


def test_name_is_the_whole_name(engine: Endpoint, service: str) -> None:
    canary = f"{service}-canary"
    services.create(engine, canary, "whoami:0.7", replicas=0)
    before = state.of(engine, canary)
    result = change_image(engine.host, service)
    assert result.service["name"] == service
    assert state.of(engine, service).image == "whoami:0.6"
    assert state.of(engine, canary) == before


def test_name_never_stands_for_a_longer_one(engine: Endpoint, proxy: Proxy, service_name: str) -> None:
    canary = f"{service_name}-canary"
    services.create(engine, canary, "whoami:0.7", replicas=0)
    before = state.of(engine, canary)
    result = run.module("swarm_service_image", name=service_name, image="whoami:0.6", docker_host=proxy.host)
    assert result.failed
    assert canary in result.message
    assert proxy.posts == []
    assert state.of(engine, canary) == before


@pytest.mark.parametrize("length", [12, FULL_ID])
def test_id_and_short_id_name_the_service(engine: Endpoint, service: str, length: int) -> None:
    identifier = services.inspect(engine, service)["ID"]
    assert len(identifier) == FULL_ID
    result = change_image(engine.host, identifier[:length])
    assert (result.changed, result.service["name"]) == (True, service)
    assert state.of(engine, service).image == "whoami:0.6"


@pytest.mark.parametrize("length", [1, 6, 11])
def test_shorter_prefix_of_an_id_is_no_id(engine: Endpoint, proxy: Proxy, service: str, length: int) -> None:
    prefix = services.inspect(engine, service)["ID"][:length]
    before = state.of(engine, service)
    result = run.module("swarm_service_image", name=prefix, image="whoami:0.6", docker_host=proxy.host)
    assert result.failed
    assert f"no service '{prefix}'" in result.message
    assert "Nothing was changed" in result.message
    assert proxy.posts == []
    assert state.of(engine, service) == before


def test_service_is_an_alias_of_name(engine: Endpoint, service: str) -> None:
    result = run.module("swarm_service_image", service=service, image="whoami:0.6", docker_host=engine.host)
    assert (result.changed, state.of(engine, service).image) == (True, "whoami:0.6")


def test_engine_from_the_environment(engine: Endpoint, service: str) -> None:
    env = {"DOCKER_HOST": engine.host, "http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    result = run.module("swarm_service_image", name=service, image="whoami:0.6", env=env)
    assert (result.changed, state.of(engine, service).image) == (True, "whoami:0.6")

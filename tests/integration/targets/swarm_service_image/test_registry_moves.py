# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service whose image moves to another registry: whose credentials that registry sees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration import registries, run
from tests.swarm import Endpoint, Proxy, Registry, eventually, services

LEAVES = "127.0.0.1:5001"
WARNING = (
    f"The image moves from the registry {LEAVES} to 127.0.0.1:5009. With registry_auth=inherit the service keeps the "
    f"credentials that it may have for {LEAVES}, and its nodes send them to 127.0.0.1:5009 if it asks for any. "
    "To avoid that, use registry_auth=docker_config, or registry_username and registry_password."
)


@pytest.fixture(scope="module")
def other(engine: Endpoint) -> Iterator[registries.Misbehaving]:
    """A registry of somebody else, which asks everybody for a name and a password."""
    with registries.Misbehaving(engine, 5009, private=True) as started:
        yield started


@pytest.fixture
def private(engine: Endpoint, private_registry: Registry, service_name: str) -> str:
    """The name of a service that runs an image of the private registry, whose credentials are stored with it."""
    digest = private_registry.push("whoami:0.6", "moves:1")
    spec = services.simple(service_name, f"{private_registry.address}/moves:1@{digest}")
    engine.checked("POST", "/services/create", json=spec, headers={"X-Registry-Auth": private_registry.auth_header})
    services.started(engine, service_name)
    assert private_registry.address == LEAVES
    return service_name


def config(folder: Path, content: Any) -> dict[str, str]:
    """Return the options of a task that takes its credentials from a config file."""
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return {"registry_auth": "docker_config", "docker_config": str(folder)}


def move(engine: Endpoint, proxy: Proxy, name: str, image: str, params: Mapping[str, Any]) -> run.Result:
    """Move a service to an image that its registry refuses, and wait until a node has tried to pull it."""
    result = run.module("swarm_service_image", name=name, image=image, docker_host=proxy.host, **params)
    assert result.changed, result.text
    filters = json.dumps({"service": [name]})

    def was_pulled() -> bool:
        tasks = engine.get("/tasks", filters=filters)
        return any(
            task["Status"]["State"] == "rejected" and task["Spec"]["ContainerSpec"]["Image"] == image for task in tasks
        )

    eventually(was_pulled, f"a node has tried to pull {image}")
    return result


def test_docker_config_without_an_entry_sends_nobody(
    engine: Endpoint, proxy: Proxy, other: registries.Misbehaving, private: str, tmp_path: Path
) -> None:
    before = len(other.visits)
    result = move(engine, proxy, private, f"{other.address}/404/none:1", config(tmp_path, {"auths": {}}))
    assert {user for _path, user in other.visits[before:]} == {"-"}
    assert [request.headers.get("x-registry-auth") for request in proxy.posts] == ["e30="]  # as the Docker CLI does
    assert result.service["warnings"] == []


def test_docker_config_with_an_entry_sends_that_one(
    engine: Endpoint, proxy: Proxy, other: registries.Misbehaving, private: str, tmp_path: Path
) -> None:
    before = len(other.visits)
    auths = {"auths": {other.address: {"username": "newcomer", "password": "abc"}}}
    result = move(engine, proxy, private, f"{other.address}/404/some:1", config(tmp_path, auths))
    assert {user for _path, user in other.visits[before:]} == {"-", "newcomer"}
    assert result.service["warnings"] == []


def test_inherit_keeps_them_and_warns(
    engine: Endpoint, proxy: Proxy, other: registries.Misbehaving, private_registry: Registry, private: str
) -> None:
    before = len(other.visits)
    result = move(engine, proxy, private, f"{other.address}/404/kept:1", {})
    assert {user for _path, user in other.visits[before:]} == {"-", private_registry.username}
    assert result.service["warnings"] == [WARNING]
    assert f"{private}: {WARNING}" in str(result.data["warnings"])


def test_inherit_warns_in_check_mode(proxy: Proxy, other: registries.Misbehaving, private: str) -> None:
    image = f"{other.address}/404/check:1"
    result = run.module("swarm_service_image", check=True, name=private, image=image, docker_host=proxy.host)
    assert result.service["warnings"] == [WARNING]
    assert proxy.posts == []


@pytest.mark.parametrize("auth", ["inherit", "docker_config"])
def test_another_repository_of_the_same_registry_is_no_move(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, private: str, tmp_path: Path, auth: str
) -> None:
    private_registry.push("whoami:0.8", f"same-{auth.replace('_', '-')}:1")
    image = f"{private_registry.address}/same-{auth.replace('_', '-')}:1"
    params: Mapping[str, Any] = config(tmp_path, {"auths": {}}) if auth == "docker_config" else {}
    result = run.module("swarm_service_image", name=private, image=image, docker_host=proxy.host, wait=True, **params)
    assert result.service["outcome"] == "converged", result.text
    assert result.service["warnings"] == []
    assert registries.page(engine, private, image) == "whoami 0.8\n"


def test_a_rollback_brings_the_former_credentials_back(
    engine: Endpoint,
    proxy: Proxy,
    other: registries.Misbehaving,
    private_registry: Registry,
    private: str,
    tmp_path: Path,
) -> None:
    digest = private_registry.digest("moves", "1")
    image = f"{private_registry.address}/moves:1@{digest}"
    move(engine, proxy, private, f"{other.address}/404/back:1", config(tmp_path, {"auths": {}}))
    eventually(
        lambda: services.inspect(engine, private)["UpdateStatus"]["State"] == "paused", "the rollout has stopped"
    )
    result = run.module("swarm_service_rollback", name=private, docker_host=engine.host)
    assert result.service["outcome"] == "rolled_back", result.text
    assert registries.page(engine, private, image) == "whoami 0.6\n"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``swarm_service_image_info`` tells of services, on a real engine and real registries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import registries, run, state
from tests.swarm import Endpoint, Proxy, Registry, eventually, services

STACK = "com.docker.stack.namespace"
DIGEST = f"sha256:{'a' * 64}"


def info(host: str, **params: Any) -> run.Result:
    """Run the module, which must neither fail nor write."""
    result = run.module("swarm_service_image_info", docker_host=host, **params)
    assert not result.failed, result.text
    assert not result.changed
    return result


PARTS = {
    "whoami:0.7": ("whoami", "0.7", None),
    "whoami": ("whoami", None, None),
    f"docker.io/library/whoami:0.7@{DIGEST}": ("whoami", "0.7", DIGEST),
    f"registry.example.com:5000/team/app@{DIGEST}": ("registry.example.com:5000/team/app", None, DIGEST),
}


@pytest.mark.parametrize(("image", "parts"), PARTS.items(), ids=PARTS)
def test_parts_of_the_image(
    engine: Endpoint, proxy: Proxy, service_name: str, image: str, parts: tuple[str, str | None, str | None]
) -> None:
    identifier = services.create(engine, service_name, image, replicas=0)
    result = info(proxy.host, name=service_name)
    assert result.data["services"] == [result.service]
    assert result.service == {
        "id": identifier,
        "name": service_name,
        "version": state.of(engine, service_name).index,
        "image": image,
        "repository": parts[0],
        "tag": parts[1],
        "digest": parts[2],
        "update_status": None,
        "tasks": {"by_state": {}, "by_image": {}},
        "registry_digest": None,
        "outdated": None,
        "stack_image": None,
        "drifted": None,
        "error": None,
    }
    assert {request.method for request in proxy.requests} == {"GET"}
    assert registries.asked(proxy) == []


def test_tasks_by_state_and_image(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7", replicas=2)
    services.started(engine, service_name, 2)
    counted = {"by_state": {"running": 2}, "by_image": {"whoami:0.7": 2}}
    assert info(engine.host, name=service_name).service["tasks"] == counted
    state.set_image(engine, service_name, "whoami:0.8")
    services.started(engine, service_name, 2, image="whoami:0.8")
    counted = {"by_state": {"running": 2}, "by_image": {"whoami:0.8": 2}}
    assert info(engine.host, name=service_name).service["tasks"] == counted


def test_update_status_is_the_engines_own(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name)
    state.set_image(engine, service_name, "whoami:0.8")

    def update() -> Any:
        return services.inspect(engine, service_name).get("UpdateStatus") or {}

    eventually(lambda: update().get("State") == "completed", "the update is completed")
    assert info(engine.host, name=service_name).service["update_status"] == {
        "state": "completed",
        "message": update()["Message"],
        "started_at": update()["StartedAt"],
        "completed_at": update()["CompletedAt"],
    }


def test_paused_update(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name)
    state.set_image(engine, service_name, "crash:1")
    eventually(
        lambda: services.inspect(engine, service_name).get("UpdateStatus", {}).get("State") == "paused",
        "the update is paused",
    )
    told = info(engine.host, name=service_name).service
    assert told["update_status"]["state"] == "paused"
    assert "task" in told["update_status"]["message"]
    assert told["update_status"]["completed_at"] is None
    assert set(told["tasks"]["by_image"]) == {"crash:1"}


def stack(engine: Endpoint, registry: Registry, name: str) -> dict[str, str]:
    """Create a stack of services, each of which stands otherwise to its registry; return their images."""
    old, new = registries.push_again(registry, "info:1")
    repository = f"{registry.address}/info"
    made = {
        "current": f"{repository}:1@{new}",
        "outdated": f"{repository}:1@{old}",
        "unpinned": f"{repository}:1",
        "tagless": f"{repository}@{old}",
        "unknown": f"{repository}:9@{old}",
        "down": f"{registries.NOWHERE}/app:1@{old}",
    }
    for short, image in made.items():
        services.create(engine, f"{name}-{short}", image, replicas=0, Labels={STACK: name})
    return {**made, "new": new}


@pytest.mark.parametrize("check", [False, True])
def test_outdated(engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str, check: bool) -> None:
    made = stack(engine, registry, service_name)
    new = made.pop("new")
    result = info(proxy.host, select={"stack": service_name}, check_registry=True, check=check)
    told = {entry["name"].rpartition("-")[2]: entry for entry in result.data["services"]}
    assert list(told) == sorted(made)
    assert "service" not in result.data
    assert {short: entry["image"] for short, entry in told.items()} == made
    assert {short: (entry["registry_digest"], entry["outdated"]) for short, entry in told.items()} == {
        "current": (new, False),
        "outdated": (new, True),
        "unpinned": (new, None),
        "tagless": (None, False),
        "unknown": (None, None),
        "down": (None, None),
    }
    errors = {short: entry["error"] for short, entry in told.items() if entry["error"] is not None}
    assert set(errors) == {"unknown", "down"}
    assert f"The registry {registry.address} returned no digest for {registry.address}/info:9" in errors["unknown"]
    assert "404" in errors["unknown"]
    assert f"The registry {registries.NOWHERE} returned no digest" in errors["down"]
    assert "connection refused" in errors["down"]
    assert len(registries.asked(proxy)) == 3
    assert {request.method for request in proxy.requests} == {"GET"}


def test_services_by_name_and_id_in_their_order(engine: Endpoint, service_name: str) -> None:
    names = [f"{service_name}-{letter}" for letter in "ba"]
    identifiers = [services.create(engine, name, "whoami:0.7", replicas=0) for name in names]
    result = info(engine.host, services=[{"name": names[0]}, {"name": identifiers[1]}])
    assert [entry["id"] for entry in result.data["services"]] == identifiers
    assert "service" not in result.data
    assert info(engine.host, name=identifiers[1][:12]).service["name"] == names[1]


def test_select_by_label_and_repository(engine: Endpoint, service_name: str) -> None:
    for letter, image in (("a", "whoami:0.7"), ("b", "whoami:0.8"), ("c", "crash:1")):
        labels = {"com.example.group": service_name}
        services.create(engine, f"{service_name}-{letter}", image, replicas=0, Labels=labels)
    result = info(engine.host, select={"labels": labels, "repository": "docker.io/library/whoami"})
    assert [entry["tag"] for entry in result.data["services"]] == ["0.7", "0.8"]


def test_select_takes_none(proxy: Proxy, service_name: str) -> None:
    none = {"stack": f"{service_name}-none"}
    assert info(proxy.host, select=none, allow_none=True).data["services"] == []
    result = run.module("swarm_service_image_info", docker_host=proxy.host, select=none)
    assert result.failed
    assert "allow_none" in result.message


def test_unknown_service(engine: Endpoint, service: str) -> None:
    result = run.module("swarm_service_image_info", docker_host=engine.host, name=f"{service}y")
    assert result.failed
    assert f"Did you mean {service}?" in result.message


def test_image_id_is_nothing_to_ask_a_registry_for(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    """An engine takes ``sha256:…`` for an image's ID, which no registry knows, though it reads like a tag."""
    digest = registry.push("whoami:0.8", "fine:1")
    image_id = engine.get("/images/whoami:0.7/json")["Id"]
    for letter, image in (("a", image_id), ("b", f"{registry.address}/fine:1@{digest}")):
        services.create(engine, f"{service_name}-{letter}", image, replicas=0, Labels={STACK: service_name})
    odd, fine = info(proxy.host, select={"stack": service_name}, check_registry=True).data["services"]
    assert (fine["outdated"], fine["error"]) == (False, None)
    assert (odd["image"], odd["outdated"], odd["registry_digest"]) == (image_id, None, None)
    assert [registry.address in request.path for request in registries.asked(proxy)] == [True]


def test_private_registry(engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str) -> None:
    digest = private_registry.push("whoami:0.8", "info:1")
    services.create(engine, service_name, f"{private_registry.address}/info:1@{digest}", replicas=0)
    closed = info(proxy.host, name=service_name, check_registry=True).service
    assert (closed["outdated"], closed["registry_digest"]) == (None, None)
    assert "asked without credentials" in closed["error"]
    given = {"registry_username": private_registry.username, "registry_password": private_registry.password}
    opened = info(proxy.host, name=service_name, check_registry=True, **given)
    assert (opened.service["outdated"], opened.service["registry_digest"]) == (False, digest)
    assert private_registry.password not in opened.text


def test_one_password_is_for_one_registry(
    engine: Endpoint, proxy: Proxy, registry: Registry, private_registry: Registry, service_name: str
) -> None:
    for letter, address in (("a", private_registry.address), ("b", registry.address)):
        services.create(
            engine, f"{service_name}-{letter}", f"{address}/info:1", replicas=0, Labels={STACK: service_name}
        )
    result = run.module(
        "swarm_service_image_info",
        docker_host=proxy.host,
        select={"stack": service_name},
        check_registry=True,
        registry_username=private_registry.username,
        registry_password=private_registry.password,
    )
    told = [request for request in registries.asked(proxy) if registries.credential(request) is not None]
    assert not any(registry.address in request.path for request in told)
    assert result.failed
    assert "are for one registry" in result.message


def test_environment_is_not_told(engine: Endpoint, service: str, secret: str) -> None:
    assert secret not in info(engine.host, name=service).text

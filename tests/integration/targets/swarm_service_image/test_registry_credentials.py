# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for a private registry: each way of giving them, to the registry and to the tasks."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration import registries, run, state
from tests.swarm import Endpoint, Proxy, Registry, services
from tests.swarm.proxy import Before

HELPER = """#!/bin/sh
read -r server
if [ "$1 $server" = "get {server}" ]; then
    cat '{folder}/answer.json'
else
    echo 'credentials not found in native keychain'
    exit 1
fi
"""
FAILING_HELPER = """#!/bin/sh
read -r server
echo 'the secret is {secret}' >&2
exit 3
"""


@dataclass(frozen=True)
class Given:
    """How a task is given credentials: options of the module and its environment."""

    params: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)


def auth(registry: Registry, password: str = "") -> dict[str, str]:
    """Return an entry of ``auths`` for a registry, with another password where one is given."""
    pair = f"{registry.username}:{password or registry.password}"
    return {"auth": base64.b64encode(pair.encode()).decode()}


def write_config(folder: Path, config: Any) -> str:
    """Write ``config.json`` into a folder and return the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def write_helper(folder: Path, text: str) -> dict[str, str]:
    """Write the credential helper ``tests`` and return the environment in which it is found."""
    program = folder / "docker-credential-tests"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def working_helper(folder: Path, registry: Registry) -> dict[str, str]:
    answer = {"ServerURL": registry.address, "Username": registry.username, "Secret": registry.password}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return write_helper(folder, HELPER.format(server=registry.address, folder=folder))


def docker_config(folder: Path | str, env: Mapping[str, str] | None = None) -> Given:
    return Given({"registry_auth": "docker_config", "docker_config": str(folder)}, env or {})


def explicit(_folder: Path, registry: Registry) -> Given:
    return Given({"registry_username": registry.username, "registry_password": registry.password})


def auths(folder: Path, registry: Registry) -> Given:
    return docker_config(write_config(folder, {"auths": {registry.address: auth(registry)}}))


def auths_with_scheme(folder: Path, registry: Registry) -> Given:
    return docker_config(write_config(folder, {"auths": {f"http://{registry.address}/v2/": auth(registry)}}))


def helper_for_registry(folder: Path, registry: Registry) -> Given:
    wrong = {"auths": {registry.address: auth(registry, "wrong")}, "credsStore": "missing"}
    config = {**wrong, "credHelpers": {registry.address: "tests"}}
    return docker_config(write_config(folder, config), working_helper(folder, registry))


def store(folder: Path, registry: Registry) -> Given:
    wrong = {"auths": {registry.address: auth(registry, "wrong")}, "credHelpers": {"registry.example.com": "missing"}}
    return docker_config(write_config(folder, {**wrong, "credsStore": "tests"}), working_helper(folder, registry))


def auth_variable(folder: Path, registry: Registry) -> Given:
    wrong = write_config(folder, {"auths": {registry.address: auth(registry, "wrong")}})
    variable = json.dumps({"auths": {registry.address: auth(registry)}})
    return docker_config(wrong, {"DOCKER_AUTH_CONFIG": variable})


def config_variable(folder: Path, registry: Registry) -> Given:
    env = {"DOCKER_CONFIG": write_config(folder, {"auths": {registry.address: auth(registry)}})}
    return Given({"registry_auth": "docker_config"}, env)


def home(folder: Path, registry: Registry) -> Given:
    write_config(folder / ".docker", {"auths": {registry.address: auth(registry)}})
    return Given({"registry_auth": "docker_config"}, {"HOME": str(folder)})


Way = Callable[[Path, Registry], Given]
WAYS: list[Way] = [explicit, auths, auths_with_scheme, helper_for_registry, store, auth_variable, config_variable, home]


def change_image(host: str, name: str | None, given: Given, **params: Any) -> run.Result:
    named = {} if name is None else {"name": name}
    options = {"resolve": "changed", "on_unresolved": "fail", "docker_host": host, **named, **given.params}
    return run.module("swarm_service_image", env=given.env, **{**options, **params})


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_each_way_of_giving_credentials(
    engine: Endpoint,
    proxy: Proxy,
    private_registry: Registry,
    service_name: str,
    tmp_path: Path,
    way: Way,
) -> None:
    repository = f"way-{way.__name__}"
    digest = private_registry.push("whoami:0.8", f"{repository}:1")
    image = f"{private_registry.address}/{repository}:1"
    assert engine.api("GET", f"/images/{image}@{digest}/json").status_code == 404
    services.create(engine, service_name, "whoami:0.7", replicas=0)

    result = change_image(proxy.host, service_name, way(tmp_path, private_registry), image=image)

    assert not result.failed, result.text
    assert result.service["image"]["after"] == f"{image}@{digest}"
    assert private_registry.password not in result.text
    [question], [update] = registries.asked(proxy), proxy.posts
    wanted = {
        "username": private_registry.username,
        "password": private_registry.password,
        "serveraddress": private_registry.address,
    }
    assert registries.credential(question) == registries.credential(update) == wanted
    state.set_replicas(engine, service_name, 1)
    assert registries.page(engine, service_name, f"{image}@{digest}") == "whoami 0.8\n"


def test_running_service_moves_to_a_private_registry(
    engine: Endpoint, private_registry: Registry, service_name: str, tmp_path: Path
) -> None:
    digest = private_registry.push("whoami:0.8", "moved-in:1")
    image = f"{private_registry.address}/moved-in:1"
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name)
    result = change_image(engine.host, service_name, auths(tmp_path, private_registry), image=image, wait=True)
    assert result.service["outcome"] == "converged"
    assert registries.page(engine, service_name, f"{image}@{digest}") == "whoami 0.8\n"


def test_inherited_credentials_stay_with_the_service(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str
) -> None:
    digests = {tag: private_registry.push(f"whoami:{tag}", f"inherited:{tag}") for tag in ("0.6", "0.8")}
    image = f"{private_registry.address}/inherited"
    spec = services.simple(service_name, f"{image}:0.6@{digests['0.6']}")
    engine.checked("POST", "/services/create", json=spec, headers={"X-Registry-Auth": private_registry.auth_header})
    services.started(engine, service_name)
    result = change_image(proxy.host, service_name, Given({}), tag="0.8", on_unresolved="warn")
    assert result.changed
    assert "asked without credentials" in result.service["warnings"][0]
    assert [registries.credential(request) for request in registries.asked(proxy) + proxy.posts] == [None, None]
    assert registries.page(engine, service_name, f"{image}:0.8") == "whoami 0.8\n"


@pytest.mark.parametrize("config", [{}, {"auths": {}}, {"auths": {"registry.example.com": {"auth": "eDp5"}}}])
def test_nothing_found_asks_without_header_and_stores_nothing(
    engine: Endpoint, proxy: Proxy, registry: Registry, service: str, tmp_path: Path, config: Any
) -> None:
    digest = registry.push("whoami:0.8", "nothing-found:1")
    image = f"{registry.address}/nothing-found:1"
    given = docker_config(write_config(tmp_path, config))
    assert change_image(proxy.host, service, given, image=image).changed
    assert [registries.credential(request) for request in registries.asked(proxy) + proxy.posts] == [None, {}]
    assert state.of(engine, service).image == f"{image}@{digest}"


def test_no_credentials_go_out_where_nothing_is_written_or_asked(
    proxy: Proxy, private_registry: Registry, service: str
) -> None:
    given = explicit(Path(), private_registry)
    assert not change_image(proxy.host, service, given, image="whoami:0.7").changed
    assert all("x-registry-auth" not in request.headers for request in proxy.requests)


def test_credentials_survive_another_writer(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, service: str, tmp_path: Path
) -> None:
    private_registry.push("whoami:0.8", "raced:1")
    image = f"{private_registry.address}/raced:1"
    proxy.on("POST", state.UPDATE, Before(lambda: state.set_replicas(engine, service, 1)))
    result = change_image(proxy.host, service, auths(tmp_path, private_registry), image=image)
    assert result.changed
    assert len(proxy.posts) == 2
    first, second = map(registries.credential, proxy.posts)
    assert first is not None
    assert second == first
    assert registries.page(engine, service, image) == "whoami 0.8\n"


def test_one_password_is_for_one_registry(
    engine: Endpoint, proxy: Proxy, registry: Registry, private_registry: Registry, service_name: str
) -> None:
    images = [f"{private_registry.address}/app:1", f"{registry.address}/app:1"]
    names = [f"{service_name}-{number}" for number in (1, 2)]
    for name in names:
        services.create(engine, name, "whoami:0.7", replicas=0)
    listed = [{"name": name, "image": image} for name, image in zip(names, images)]
    result = change_image(proxy.host, None, explicit(Path(), private_registry), services=listed)
    assert result.failed
    assert "are for one registry" in result.message
    assert registries.asked(proxy) == []
    assert proxy.posts == []


def not_json(folder: Path, _registry: Registry) -> Given:
    (folder / "config.json").write_text('{"auths": SECRET', encoding="utf-8")
    return docker_config(folder)


def no_file(folder: Path, _registry: Registry) -> Given:
    return docker_config(folder / "missing")


def not_base64(folder: Path, registry: Registry) -> Given:
    return docker_config(write_config(folder, {"auths": {registry.address: {"auth": "SECRET!"}}}))


def no_helper(folder: Path, _registry: Registry) -> Given:
    return docker_config(write_config(folder, {"credsStore": "no-such-helper"}))


def path_for_helper(folder: Path, _registry: Registry) -> Given:
    return docker_config(write_config(folder, {"credsStore": "../SECRET"}))


def helper_fails(folder: Path, _registry: Registry) -> Given:
    env = write_helper(folder, FAILING_HELPER.format(secret="SECRET"))
    return docker_config(write_config(folder, {"credsStore": "tests"}), env)


def helper_babbles(folder: Path, _registry: Registry) -> Given:
    env = write_helper(folder, "#!/bin/sh\nread -r server\necho SECRET\n")
    return docker_config(write_config(folder, {"credsStore": "tests"}), env)


def variable_not_json(folder: Path, _registry: Registry) -> Given:
    return docker_config(write_config(folder, {}), {"DOCKER_AUTH_CONFIG": "{SECRET"})


UNUSABLE: dict[Way, str] = {
    not_json: "is not valid JSON",
    no_file: "there is no file",
    not_base64: "not the base64",
    no_helper: "docker-credential-no-such-helper cannot be run",
    path_for_helper: "the name of the credential helper for",
    helper_fails: "docker-credential-tests failed for 127.0.0.1:5001 with exit code 3",
    helper_babbles: "docker-credential-tests returned no user name and secret",
    variable_not_json: "DOCKER_AUTH_CONFIG is not valid JSON",
}


@pytest.mark.parametrize("way", UNUSABLE, ids=[way.__name__ for way in UNUSABLE])
def test_source_that_cannot_be_used(
    engine: Endpoint,
    proxy: Proxy,
    private_registry: Registry,
    service: str,
    tmp_path: Path,
    way: Way,
) -> None:
    before = state.of(engine, service)
    given = way(tmp_path, private_registry)
    result = change_image(proxy.host, service, given, image=f"{private_registry.address}/app:1", on_unresolved="warn")
    assert result.failed
    assert UNUSABLE[way] in result.message
    assert "Nothing was changed." in result.message
    assert "SECRET" not in result.text
    assert proxy.posts == []
    assert state.of(engine, service) == before


def test_docker_config_without_its_registry_auth(proxy: Proxy, service: str, tmp_path: Path) -> None:
    given = Given({"docker_config": str(tmp_path)})
    result = change_image(proxy.host, service, given, image="whoami:0.6")
    assert result.failed
    assert "registry_auth=docker_config" in result.message


@pytest.mark.parametrize("option", ["registry_username", "registry_password"])
def test_name_and_password_go_together(proxy: Proxy, service: str, option: str) -> None:
    result = change_image(proxy.host, service, Given({option: "half"}), image="whoami:0.6")
    assert result.failed
    assert "parameters are required together: registry_username, registry_password" in result.message
    assert proxy.requests == []

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credentials that a swarm keeps with a service are renewed, and nothing else: no spec, and no running task."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration import registries, rolling, run, state
from tests.integration.keeping import cannot_pull, keep, renew, started
from tests.swarm import Endpoint, Proxy, Registry, eventually, services
from tests.swarm.proxy import Reply

MODULE = "swarm_service_credentials"
GROUP = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/swarmops.rollout.swarm:
      docker_host: {host}
  tasks:
    - swarmops.rollout.swarm_service_credentials:
        name: {name}
        registry_username: {username}
        registry_password: "{{{{ password }}}}"
"""


@pytest.fixture(scope="module")
def vault(engine: Endpoint) -> Iterator[Registry]:
    """A private registry whose password changes."""
    with Registry(engine, port=5008, username="robot", password=uuid4().hex) as started_:
        yield started_


@pytest.fixture
def image(vault: Registry, service_name: str) -> str:
    """Return an image in the registry that no engine has pulled yet."""
    return registries.push_unseen(vault, f"{service_name}:1")


def change(vault: Registry) -> None:
    vault.change_password(uuid4().hex)


def test_next_task_pulls_with_the_new_password(
    engine: Endpoint, vault: Registry, image: str, service_name: str
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    change(vault)
    before = state.of(engine, name)
    result = renew(engine.host, vault, name)
    assert not result.failed, result.text
    assert (result.changed, result.service["outcome"], result.service["verified"]) == (True, "updated", True)
    assert result.service["registry"] == vault.address
    assert result.service["image"] == {"before": image, "after": image}
    after = state.of(engine, name)
    assert result.service["version"] == {"before": before.index, "after": after.index}
    assert after.spec == before.spec
    state.set_replicas(engine, name, 1)
    services.started(engine, name)


def test_tasks_that_cannot_pull_are_replaced_at_once(
    engine: Endpoint, vault: Registry, image: str, service_name: str
) -> None:
    stale = vault.auth_header
    change(vault)
    spec = services.simple(service_name, image)
    engine.checked("POST", "/services/create", json=spec, headers={"X-Registry-Auth": stale})
    cannot_pull(engine, service_name)
    assert renew(engine.host, vault, service_name).changed
    services.started(engine, service_name)


@pytest.mark.parametrize("mode", ["replicated", "global"])
def test_running_tasks_are_left_alone(
    engine: Endpoint, vault: Registry, image: str, service_name: str, mode: str
) -> None:
    spec = running_spec(engine, service_name, image, mode)
    count = 2 if mode == "replicated" else 1
    name = keep(engine, vault, spec)
    services.started(engine, name, count)
    other = registries.push_unseen(vault, f"{service_name}:2")
    given = {"registry_username": vault.username, "registry_password": vault.password}
    rolled = rolling.roll(engine, name, other, **given)
    assert rolled.state == "completed", rolled.result.text
    change(vault)
    before, tasks = state.of(engine, name), started(engine, name)
    assert len(tasks) == count

    assert renew(engine.host, vault, name).changed
    after = state.of(engine, name)
    assert after.spec == after.previous == before.spec
    assert before.previous_image == image

    # Once the swarm has replaced the task of a container that is gone, it would have replaced the others too.
    killed, *kept = tasks
    engine.checked("DELETE", f"/containers/{tasks[killed][2]}", params={"force": "1"})
    eventually(lambda: len(set(started(engine, name)) - set(tasks)) == 1, "the task is replaced", rolling.LONG)
    assert {task: found for task, found in started(engine, name).items() if task in kept} == {
        task: tasks[task] for task in kept
    }
    assert len(rolling.tasks_of(engine, name)) == 2 * count + 1
    assert "UpdateStatus" not in services.inspect(engine, name)


def running_spec(engine: Endpoint, name: str, image: str, mode: str) -> services.Spec:
    """Return a spec that runs, with as many fields of the richest one as a running task can have here."""
    rich = services.rich_spec(engine, name, image=image)
    task, plain = rich["TaskTemplate"], services.simple(name, image)
    container = task["ContainerSpec"]
    for field in ("User", "Groups", "Privileges", "ReadOnly", "Isolation", "Hostname", "TTY", "OpenStdin"):
        del container[field]
    container["Mounts"] = [mount for mount in container["Mounts"] if mount["Type"] == "tmpfs"]
    del task["Resources"]["Reservations"]["GenericResources"]
    task["RestartPolicy"] = plain["TaskTemplate"]["RestartPolicy"]
    if mode == "global":
        rich["Mode"] = {"Global": {}}
        del task["Placement"]["MaxReplicas"]
    else:
        rich["Mode"]["Replicated"]["Replicas"] = 2
    rich["EndpointSpec"]["Ports"] = [port for port in rich["EndpointSpec"]["Ports"] if port["PublishMode"] == "ingress"]
    rich["UpdateConfig"] = plain["UpdateConfig"]
    return rich


def test_rollback_brings_back_the_credentials_of_before(
    engine: Endpoint, vault: Registry, image: str, service_name: str
) -> None:
    """The engine restores the former spec with its own credentials, so a renewal must follow it."""
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    change(vault)
    assert renew(engine.host, vault, name).changed
    put_back = run.module("swarm_service_rollback", name=name, docker_host=engine.host, wait=False)
    assert put_back.changed
    assert put_back.service["image"] == {"before": image, "after": image}
    state.set_replicas(engine, name, 1)
    cannot_pull(engine, name)
    assert renew(engine.host, vault, name).changed
    services.started(engine, name)


def test_update_keeps_the_new_credentials(engine: Endpoint, vault: Registry, image: str, service_name: str) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    change(vault)
    assert renew(engine.host, vault, name).changed
    other = registries.push_unseen(vault, f"{service_name}:2")
    assert run.module("swarm_service_image", name=name, image=other, docker_host=engine.host).changed
    state.set_replicas(engine, name, 1)
    services.started(engine, name, image=other)


def test_each_run_writes(engine: Endpoint, vault: Registry, image: str, service_name: str) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    before = state.of(engine, name).index
    indexes = []
    for _number in range(2):
        result = renew(engine.host, vault, name)
        assert result.changed
        indexes.append(result.service["version"]["after"])
    assert before < indexes[0] < indexes[1]


@pytest.mark.parametrize("check", [True, False])
def test_check_mode_asks_and_does_not_write(
    engine: Endpoint, proxy: Proxy, vault: Registry, image: str, service_name: str, check: bool
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    before = state.of(engine, name)
    result = renew(proxy.host, vault, name, check=check, diff=True)
    assert (result.changed, result.service["outcome"]) == (True, "updated")
    assert (len(registries.asked(proxy)), len(proxy.posts)) == (1, 0 if check else 1)
    assert (state.of(engine, name) == before) is check
    assert result.service["version"]["after"] == (None if check else state.of(engine, name).index)
    [diff] = result.data["diff"]
    assert diff["before"] == {"registry_credentials": "not readable", "a_rollback_leads_to": None}
    assert diff["after"] == {"registry_credentials": f"new ones for {vault.address}", "a_rollback_leads_to": image}


def test_password_that_the_registry_refuses(
    engine: Endpoint, proxy: Proxy, vault: Registry, image: str, service_name: str
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    before = state.of(engine, name)
    result = renew(proxy.host, vault, name, registry_password="not-the-password")
    assert result.failed
    for words in (image, "(401: ", "are they right", "were stored with no service. Nothing was changed."):
        assert words in result.message
    assert "not-the-password" not in result.text
    assert proxy.posts == []
    assert state.of(engine, name) == before


def test_registry_that_is_down(engine: Endpoint, vault: Registry, service_name: str) -> None:
    name = keep(engine, vault, services.simple(service_name, f"{registries.NOWHERE}/app:1", replicas=0))
    result = renew(engine.host, vault, name)
    assert (result.changed, result.service["verified"]) == (True, False)
    [warning] = result.service["warnings"]
    assert "connection refused" in warning
    assert "is not known" in warning


def test_proxy_that_forbids_the_question(
    engine: Endpoint, proxy: Proxy, vault: Registry, image: str, service_name: str
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    proxy.on("GET", registries.DISTRIBUTION, Reply(403, b"<html>Forbidden</html>"))
    result = renew(proxy.host, vault, name)
    assert (result.changed, result.service["verified"]) == (True, False)
    assert "DISTRIBUTION=1" in result.service["warnings"][0]


def auths(folder: Path, *known: Registry) -> dict[str, Any]:
    """Write a config.json with the passwords of these registries, and return the options that read it."""
    pairs = {each.address: f"{each.username}:{each.password}" for each in known}
    entries = {address: {"auth": base64.b64encode(pair.encode()).decode()} for address, pair in pairs.items()}
    (folder / "config.json").write_text(json.dumps({"auths": entries}), encoding="utf-8")
    return {"registry_auth": "docker_config", "docker_config": str(folder)}


def test_stack_with_images_of_other_registries(
    engine: Endpoint, proxy: Proxy, vault: Registry, image: str, service_name: str, tmp_path: Path
) -> None:
    labels = {"com.docker.stack.namespace": service_name}
    private = keep(engine, vault, services.simple(f"{service_name}_a", image, replicas=0, Labels=labels))
    public = services.simple(f"{service_name}_b", "whoami:0.7", replicas=0, Labels=labels)
    services.post(engine, public)
    before = state.of(engine, public["Name"])
    select = {"stack": service_name}
    result = run.module(MODULE, select=select, docker_host=proxy.host, **auths(tmp_path, vault))
    assert not result.failed, result.text
    first, second = result.data["services"]
    assert (first["name"], first["outcome"]) == (private, "updated")
    assert (second["outcome"], second["changed"]) == ("unchanged", False)
    assert "No credentials were found for the registry docker.io" in second["warnings"][0]
    [post] = proxy.posts
    assert registries.credential(post)["password"] == vault.password
    assert state.of(engine, public["Name"]) == before


def test_no_credentials_found(
    engine: Endpoint, proxy: Proxy, vault: Registry, image: str, service_name: str, tmp_path: Path
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    result = run.module(MODULE, name=name, docker_host=proxy.host, **auths(tmp_path))
    assert result.failed
    assert f"No credentials were found for the registry {vault.address}. Nothing was changed." in result.message
    assert proxy.posts == []


@pytest.mark.parametrize("params", [{}, {"registry_auth": "inherit"}])
def test_no_credentials_given(proxy: Proxy, service: str, params: dict[str, Any]) -> None:
    result = run.module(MODULE, name=service, docker_host=proxy.host, **params)
    assert result.failed
    assert "No credentials are given" in result.message
    assert proxy.requests == []


def test_wrong_name(proxy: Proxy, vault: Registry, service: str) -> None:
    result = renew(proxy.host, vault, f"{service}y")
    assert result.failed
    assert f"There is no service '{service}y' in this swarm. Did you mean {service}?" in result.message
    assert proxy.posts == []


def test_nobody(proxy: Proxy, vault: Registry, service_name: str) -> None:
    select = {"stack": service_name}
    refused = renew(proxy.host, vault, select=select)
    assert refused.failed
    assert "allow_none" in refused.message
    allowed = renew(proxy.host, vault, select=select, allow_none=True)
    assert (allowed.failed, allowed.changed, allowed.data["services"]) == (False, False, [])
    assert proxy.posts == []


def test_action_group(engine: Endpoint, vault: Registry, image: str, service_name: str) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    text = GROUP.format(host=engine.host, name=name, username=vault.username)
    done = run.playbook(text, "-e", json.dumps({"password": vault.password}))
    assert done.status == 0, done.text
    assert "changed=1" in done.text


@pytest.mark.parametrize("source", ["explicit", "config", "refused"])
def test_no_password_in_any_output(
    engine: Endpoint, vault: Registry, image: str, service_name: str, tmp_path: Path, source: str
) -> None:
    name = keep(engine, vault, services.simple(service_name, image, replicas=0))
    given: dict[str, Any] = {"registry_username": vault.username, "registry_password": vault.password}
    if source == "config":
        given = auths(tmp_path, vault)
    if source == "refused":
        change(vault)
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"options": {"name": name, "docker_host": engine.host, **given}}), encoding="utf-8")
    text = "- hosts: localhost\n  gather_facts: false\n  tasks:\n"
    text += '    - swarmops.rollout.swarm_service_credentials: "{{ options }}"\n'
    done = run.playbook(text, "-vvvvv", "--diff", "-e", f"@{options}")
    assert (done.status == 0) is (source != "refused"), done.text
    assert name in done.text
    secrets = [given.get("registry_password", vault.password)]
    secrets.append(base64.b64encode(f"{vault.username}:{secrets[0]}".encode()).decode())
    assert [secret for secret in secrets if secret in done.text] == []

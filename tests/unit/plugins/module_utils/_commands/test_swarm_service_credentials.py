# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, Mapping, Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_credentials import (
    Options,
    renew_credentials,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Filters
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput, RolloutError
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import AccessRefused
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from tests.unit.plugins.module_utils.fakes import (
    DIGEST,
    SERVICE_ID,
    FakeSwarm,
    answer,
    first,
    make_service,
    refused,
)

REGISTRY, OTHER = "registry.example.com", "other.example.com"
PASSWORD = "a word of its own"
FOUND = answer(200, {"Descriptor": {"digest": DIGEST}, "Platforms": []})
UNAUTHORIZED = answer(401, {"message": "unauthorized: authentication required"})
DOWN = answer(500, {"message": "dial tcp 192.0.2.1:443: connect: connection refused"})
MISSING = answer(404, {"message": "manifest unknown: manifest unknown"})


class SwarmWithRegistry(FakeSwarm):
    """A swarm whose engine asks registries; `says` has their answers by image, `asked` what they were asked."""

    def __init__(self, *services: Any, says: Optional[Mapping[str, Answer]] = None, **happening: Any) -> None:
        super().__init__(*services, **happening)
        self.says = says or {}
        self.asked: List[str] = []

    def _get(self, parts: List[str], filters: Filters) -> Answer:
        if parts == ["version"]:
            return self._answer(200, {"Version": "26.1.5"})
        if parts[0] == "distribution":
            image = "/".join(parts[1:-1])
            self.asked.append(image)
            return self.says.get(image, FOUND)
        return super()._get(parts, filters)


def service(number: int, image: str, **changes: Any) -> Any:
    made: Any = make_service(image, f"shop_{number}", f"{SERVICE_ID[:-1]}{number}")
    made["Spec"].update(changes)
    return made


def params(**given: Any) -> Dict[str, Any]:
    names = ("name", "services", "select", "docker_config", "registry_username", "registry_password")
    return {**dict.fromkeys(names), "allow_none": False, "registry_auth": "inherit", **given}


def explicit(**given: Any) -> Dict[str, Any]:
    return params(registry_username="robot", registry_password=PASSWORD, **given)


def no_program(*_call: Any) -> Tuple[int, bytes, bytes]:
    raise AssertionError("no program is to be run")


def renew(swarm: FakeSwarm, given: Dict[str, Any], check: bool = False) -> Any:
    return renew_credentials(swarm.engine, given, Host(check, no_program))


SELECT: Dict[str, Any] = {"stack": "shop", "labels": None, "repository": None}


def auths(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, *registries: str) -> Dict[str, Any]:
    """Options that take credentials for these registries from the environment."""
    pair = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
    config = {"auths": {registry: {"auth": pair} for registry in registries}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return params(registry_auth="docker_config", select=SELECT)


@pytest.mark.parametrize("check", [False, True])
def test_one_service(check: bool) -> None:
    image = f"{REGISTRY}/app:1"
    swarm = SwarmWithRegistry(service(1, image))
    swarm.service["UpdateStatus"] = {"State": "completed"}
    result = renew(swarm, explicit(name="shop_1"), check)
    assert result["changed"] is True
    assert result["services"] == [result["service"]]
    assert result["service"] == {
        "id": swarm.service["ID"],
        "name": "shop_1",
        "changed": True,
        "outcome": "updated",
        "registry": REGISTRY,
        "verified": True,
        "image": {"before": image, "after": image},
        "version": {"before": 10, "after": None if check else 11},
        "warnings": [],
    }
    [diff] = result["diff"]
    assert diff["before"] == {
        "registry_credentials": "not readable",
        "a_rollback_leads_to": None,
        "update_status": "completed",
    }
    assert diff["after"] == {
        "registry_credentials": f"new ones for {REGISTRY}",
        "a_rollback_leads_to": image,
        "update_status": None,
    }
    assert (swarm.posts, swarm.asked) == (0 if check else 1, [image])
    assert PASSWORD not in str(result)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (params(name="shop_1"), "No credentials are given: set registry_auth=docker_config"),
        (params(name="shop_1", registry_username="robot", registry_password=""), "registry_password is empty"),
        (params(name="shop_1", registry_username="", registry_password=PASSWORD), "registry_username or"),
        (explicit(name="shop_1", docker_config="/etc/docker"), "docker_config is given"),
        (explicit(), "No service is named"),
    ],
)
def test_options_that_make_no_sense(given: Dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Options.parse(given)


def test_everything_is_checked_before_the_first_write() -> None:
    image = f"{REGISTRY}/app:1"
    moving = service(3, image)
    moving["UpdateStatus"] = {"State": "updating"}
    swarm = SwarmWithRegistry(service(1, image), service(2, image, Mode={"ReplicatedJob": {}}), moving)
    with pytest.raises(InvalidInput) as caught:
        renew(swarm, explicit(select=SELECT))
    for words in ("shop_2 is a job", "shop_3 has not ended (its state is updating)"):
        assert words in str(caught.value)
    assert (swarm.posts, swarm.asked) == (0, [])


def test_many_refused_services_fit_a_screen() -> None:
    jobs = [service(number, f"{REGISTRY}/app:1", Mode={"GlobalJob": {}}) for number in range(8)]
    with pytest.raises(InvalidInput) as caught:
        renew(SwarmWithRegistry(*jobs), explicit(select=SELECT))
    assert str(caught.value).count("is a job") == 5
    assert "The same goes for 3 more services." in str(caught.value)


def test_credentials_that_the_registry_refuses_are_written_to_no_service() -> None:
    swarm = SwarmWithRegistry(
        service(1, f"{REGISTRY}/app:1"), service(2, f"{REGISTRY}/web:1"), says={f"{REGISTRY}/web:1": UNAUTHORIZED}
    )
    with pytest.raises(AccessRefused) as caught:
        renew(swarm, explicit(select=SELECT))
    for words in (f"{REGISTRY}/web:1 (401: unauthorized", "are they right", "they were stored with no service"):
        assert words in str(caught.value)
    assert swarm.posts == 0


@pytest.mark.parametrize("says", [DOWN, MISSING])
def test_what_cannot_be_verified_is_written_with_a_warning(says: Answer) -> None:
    image = f"{REGISTRY}/app:1"
    swarm = SwarmWithRegistry(service(1, image), says={image: says})
    told = renew(swarm, explicit(name="shop_1"))["service"]
    assert (told["changed"], told["verified"], swarm.posts) == (True, False, 1)
    [warning] = told["warnings"]
    assert "whether the registry accepts these credentials for the image is not known" in warning


def test_one_password_is_for_one_registry() -> None:
    swarm = SwarmWithRegistry(service(1, f"{REGISTRY}/app:1"), service(2, f"{OTHER}/app:1"))
    with pytest.raises(InvalidInput, match="are for one registry"):
        renew(swarm, explicit(select=SELECT))
    assert swarm.posts == 0


def test_a_selected_service_without_credentials_keeps_what_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    given = auths(monkeypatch, tmp_path, REGISTRY)
    swarm = SwarmWithRegistry(service(1, f"{REGISTRY}/app:1"), service(2, "redis:7"))
    renewed, kept = renew(swarm, given)["services"]
    assert (renewed["outcome"], renewed["registry"]) == ("updated", REGISTRY)
    assert (kept["outcome"], kept["registry"], kept["verified"]) == ("unchanged", "docker.io", False)
    assert kept["warnings"] == [
        "No credentials were found for the registry docker.io, so the service keeps those that it has."
    ]
    assert swarm.posts == 1


@pytest.mark.parametrize("named", [False, True])
def test_no_credentials_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, named: bool) -> None:
    given = auths(monkeypatch, tmp_path, REGISTRY if named else OTHER)
    images = ["redis:7", f"{REGISTRY}/app:1"]
    swarm = SwarmWithRegistry(*(service(number, image) for number, image in enumerate(images)))
    if named:
        given = {**given, "select": None, "services": [{"name": "shop_0"}, {"name": "shop_1"}]}
    with pytest.raises(InvalidInput) as caught:
        renew(swarm, given)
    wanted = "docker.io" if named else f"docker.io, {REGISTRY}"
    assert str(caught.value) == f"No credentials were found for the registry {wanted}."
    assert swarm.posts == 0


def test_nobody_is_selected() -> None:
    swarm = SwarmWithRegistry(service(1, f"{REGISTRY}/app:1"))
    given = explicit(select={**SELECT, "stack": "other"}, allow_none=True)
    assert renew(swarm, given) == {"changed": False, "services": [], "diff": [], "excluded": []}


def test_each_registry_gets_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    given = auths(monkeypatch, tmp_path, REGISTRY, OTHER)
    swarm = SwarmWithRegistry(service(1, f"{REGISTRY}/app:1"), service(2, f"{OTHER}/app:1"))
    renew(swarm, given)
    sent = [json.loads(base64.urlsafe_b64decode(headers["X-Registry-Auth"])) for headers in swarm.headers]
    assert [each["serveraddress"] for each in sent] == [REGISTRY, OTHER]


def test_after_a_failure_the_rest_is_left_alone() -> None:
    image = f"{REGISTRY}/app:1"
    swarm = SwarmWithRegistry(service(1, image), service(2, image), on_update=(refused(400, "no"),))
    with pytest.raises(RolloutFailed) as caught:
        renew(swarm, explicit(select=SELECT))
    entries = caught.value.result["services"]
    assert [(each["outcome"], each["changed"]) for each in entries] == [("not_started", False)] * 2
    assert [each["registry"] for each in entries] == [REGISTRY] * 2
    assert "progress" not in entries[0]


def test_somebody_else_was_faster() -> None:
    swarm = SwarmWithRegistry(
        service(1, f"{REGISTRY}/app:1"), on_update=(first(lambda swarm: swarm.put(swarm.service["Spec"])),)
    )
    result = renew(swarm, explicit(name="shop_1"))
    assert (result["changed"], result["service"]["outcome"], result["diff"]) == (False, "unchanged", [])
    assert "at the same moment" in result["service"]["warnings"][0]


def test_a_service_without_an_image() -> None:
    plugin = service(1, "x")
    plugin["Spec"]["TaskTemplate"] = {"Runtime": "plugin"}
    with pytest.raises(RolloutError, match="runs no container image"):
        renew(SwarmWithRegistry(plugin), explicit(name="shop_1"))


def test_a_newer_manager_is_warned_of() -> None:
    swarm = SwarmWithRegistry(service(1, f"{REGISTRY}/app:1"))
    swarm.nodes = [
        {
            "ID": "n1",
            "Spec": {"Role": "manager"},
            "Description": {"Hostname": "manager2", "Engine": {"EngineVersion": "28.5.2"}},
            "ManagerStatus": {"Reachability": "reachable"},
        }
    ]
    [warning] = renew(swarm, explicit(name="shop_1"))["service"]["warnings"]
    assert "other managers have a newer one (manager2:" in warning

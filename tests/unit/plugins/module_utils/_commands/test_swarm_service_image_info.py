# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_image_info import (
    asked_of_registries,
    describe,
    list_images,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Keychain
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import Resolver
from tests.unit.plugins.module_utils.fakes import (
    DIGEST,
    OTHER_DIGEST,
    SERVICE_ID,
    FakeClock,
    FakeEngine,
    FakeTransport,
    answer,
    connected,
    make_service,
)

THERE = answer(200, {"Descriptor": {"digest": DIGEST}})
DOWN = answer(500, {"message": "dial tcp 192.0.2.1:443: connect: connection refused"})
NO_TASKS = answer(200, [])


def described(service: Service, *answers: Any, asks: bool = False) -> Any:
    """What is told of one service; `answers` come after that on its tasks, and all of them are used."""
    transport = FakeTransport(NO_TASKS, *answers)
    engine = connected(transport)
    [told] = describe(engine, [service], Resolver(engine, Keychain(), FakeClock()) if asks else None)
    assert not transport.answers
    return told


def test_what_is_told_of_a_service() -> None:
    assert described(make_service(f"host:5000/team/app:1@{DIGEST}")) == {
        "id": SERVICE_ID,
        "name": "t001",
        "version": 10,
        "image": f"host:5000/team/app:1@{DIGEST}",
        "repository": "host:5000/team/app",
        "tag": "1",
        "digest": DIGEST,
        "update_status": None,
        "tasks": {"by_state": {}, "by_image": {}},
        "registry_digest": None,
        "outdated": None,
        "stack_image": None,
        "drifted": None,
        "error": None,
    }


def test_how_its_rollout_stands() -> None:
    service = make_service()
    service["UpdateStatus"] = {"State": "paused", "StartedAt": "2026-01-01T10:00:00Z", "Message": "line\nbreak"}
    told = {"state": "paused", "message": "line break", "started_at": "2026-01-01T10:00:00Z", "completed_at": None}
    assert described(service)["update_status"] == told


@pytest.mark.parametrize(
    ("image", "answers", "digest", "outdated", "error"),
    [
        pytest.param(f"app:1@{DIGEST}", [THERE], DIGEST, False, "", id="as it was"),
        pytest.param(f"app:1@{OTHER_DIGEST}", [THERE], DIGEST, True, "", id="the tag has moved"),
        pytest.param("app:1", [THERE], DIGEST, None, "", id="no digest to compare"),
        pytest.param(f"app@{DIGEST}", [], None, False, "", id="pinned for good"),
        pytest.param("app:1", [DOWN], None, None, "returned no digest for app:1", id="the registry is down"),
        pytest.param("NO REFERENCE", [], None, None, "NO REFERENCE", id="no reference"),
    ],
)
def test_how_it_compares_with_its_registry(
    image: str, answers: List[Any], digest: Optional[str], outdated: Optional[bool], error: str
) -> None:
    told = described(make_service(image), *answers, asks=True)
    assert (told["registry_digest"], told["outdated"]) == (digest, outdated)
    assert told["image"] == image
    assert (error in told["error"]) if error else told["error"] is None


@pytest.mark.parametrize(
    ("image", "label", "drifted"),
    [
        ("app:1", "app:1", False),
        (f"app:1@{DIGEST}", "app:1", False),
        (f"app:1@{DIGEST}", "docker.io/library/app:1", False),
        (f"app:1@{DIGEST}", f"app@{DIGEST}", False),
        (f"app:1@{DIGEST}", f"app:1@{OTHER_DIGEST}", True),
        ("app:1", f"app:1@{DIGEST}", True),
        ("app", "app:latest", False),
        ("app:2", "app", True),
        ("app:2", "app:1", True),
        ("team/app:1", "app:1", True),
        ("NO REFERENCE", "app:1", None),
    ],
)
def test_whether_a_service_has_left_its_stacks_file(image: str, label: str, drifted: Optional[bool]) -> None:
    service = make_service(image)
    service["Spec"]["Labels"]["com.docker.stack.image"] = label
    told = described(service)
    assert (told["stack_image"], told["drifted"]) == (label, drifted)
    assert (told["error"] is None) is (drifted is not None)


def test_a_stacks_image_that_is_no_reference_is_told() -> None:
    service = make_service()
    service["Spec"]["Labels"]["com.docker.stack.image"] = "NO\nREFERENCE"
    told = described(service)
    assert (told["image"], told["stack_image"], told["drifted"]) == ("whoami:0.7", "NO REFERENCE", None)
    assert told["error"].startswith("Whether the service has drifted is not known (com.docker.stack.image): 'NO REF")


def test_a_service_without_labels_has_no_stack() -> None:
    service = make_service()
    service["Spec"]["Labels"] = None
    assert (described(service)["stack_image"], described(service)["drifted"]) == (None, None)


def test_a_service_that_runs_no_image_does_not_fail_the_rest() -> None:
    plugin = make_service(name="t002", identifier="b" * 25)
    plugin["Spec"]["TaskTemplate"] = {"Runtime": "plugin"}
    told = describe(connected(FakeTransport(NO_TASKS)), [plugin, make_service()], None)
    assert [(each["name"], each["image"]) for each in told] == [("t002", None), ("t001", "whoami:0.7")]
    assert "runs no container image" in told[0]["error"]
    assert told[1]["error"] is None


def task(service: str, state: str, desired: str, image: str = "whoami:0.7") -> Any:
    return {
        "ID": f"{service}{state}{desired}",
        "ServiceID": service,
        "DesiredState": desired,
        "Status": {"State": state},
        "Spec": {"ContainerSpec": {"Image": image}},
    }


def test_tasks_are_counted_by_state_and_image() -> None:
    other = "b" * 25
    engine = FakeEngine(make_service(), make_service(name="t002", identifier=other))
    engine.tasks = [
        task(SERVICE_ID, "running", "running"),
        task(SERVICE_ID, "preparing", "running", "whoami:0.8"),
        task(SERVICE_ID, "shutdown", "shutdown"),
        task(SERVICE_ID, "failed", "shutdown"),
        task(SERVICE_ID, "complete", "shutdown"),
        task(SERVICE_ID, "running", "remove"),
        task(other, "pending", "running"),
    ]
    first, second = describe(engine.engine, list(engine.services.values()), None)
    assert first["tasks"] == {
        "by_state": {"running": 1, "preparing": 1, "complete": 1},
        "by_image": {"whoami:0.7": 2, "whoami:0.8": 1},
    }
    assert second["tasks"] == {"by_state": {"pending": 1}, "by_image": {"whoami:0.7": 1}}


def test_the_engine_is_not_asked_for_tasks_of_no_services() -> None:
    transport = FakeTransport()
    assert describe(connected(transport), [], None) == []
    assert transport.calls == []


def test_which_references_are_asked_for() -> None:
    plugin = make_service()
    plugin["Spec"]["TaskTemplate"] = {"Runtime": "plugin"}
    images = ("app:1", f"app:1@{DIGEST}", f"app@{DIGEST}", "NO REFERENCE", "app")
    asked = asked_of_registries([plugin, *map(make_service, images)])
    assert [reference.familiar for reference in asked] == ["app:1", f"app:1@{DIGEST}", "app"]


PARAMS: Dict[str, Any] = {
    "name": None,
    "services": None,
    "select": {"stack": "shop", "labels": None, "repository": None},
    "allow_none": False,
    "registry_auth": "inherit",
    "docker_config": None,
    "registry_username": None,
    "registry_password": None,
    "check_registry": False,
}


def run_program(_command: List[str], _given: bytes) -> Any:
    raise AssertionError("no program is needed")


@pytest.mark.parametrize(("params", "single"), [({}, False), ({"name": "t001", "select": None}, True)])
def test_the_result(params: Dict[str, Any], single: bool) -> None:
    result = list_images(FakeEngine(make_service()).engine, {**PARAMS, **params}, Host(False, run_program))
    assert result["changed"] is False
    assert [told["name"] for told in result["services"]] == ["t001"]
    assert result.get("service") == (result["services"][0] if single else None)


def test_one_password_is_for_one_registry() -> None:
    images = ("one.example.com/app:1", "two.example.com/app:1")
    services = [make_service(image, f"t{number}", f"{number}" * 25) for number, image in enumerate(images)]
    given = {"registry_username": "robot", "registry_password": "word"}
    engine, host = FakeEngine(*services).engine, Host(False, run_program)
    assert len(list_images(engine, {**PARAMS, **given}, host)["services"]) == 2
    with pytest.raises(InvalidInput, match="are for one registry"):
        list_images(engine, {**PARAMS, **given, "check_registry": True}, host)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import (
    Choice,
    Chosen,
    RegistryOptions,
    lines_of_logs,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import GivenKeychain, Keychain
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.docker_config import DockerConfigKeychain
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from tests.unit.plugins.module_utils.fakes import FakeClock, FakeSwarm, make_service

NONE: Dict[str, Any] = {"name": None, "services": None, "select": None, "allow_none": False, "image": None}
REGISTRY: Dict[str, Any] = {
    "registry_auth": "inherit",
    "docker_config": None,
    "registry_username": None,
    "registry_password": None,
}
LISTED = [{"name": "a", "image": "app:1"}, {"name": "b", "image": None}]
SHOP = {"stack": "shop", "labels": None, "repository": None}


def choice(**params: Any) -> Choice:
    return Choice.parse({**NONE, **params})


def registry(**params: Any) -> RegistryOptions:
    return RegistryOptions.parse({**REGISTRY, **params})


def run_program(_command: List[str], _given: bytes) -> Any:
    raise AssertionError("no program is needed")


@pytest.mark.parametrize(
    ("params", "names", "images", "is_single"),
    [
        ({"name": "t001", "image": "app:2"}, ["t001"], ["app:2"], True),
        ({"name": "t001"}, ["t001"], [None], True),
        ({"services": LISTED}, ["a", "b"], ["app:1", None], False),
        ({"services": LISTED[:1]}, ["a"], ["app:1"], False),
    ],
)
def test_services_by_name(
    params: Dict[str, Any], names: List[str], images: List[Optional[str]], is_single: bool
) -> None:
    read = choice(**params)
    assert (read.names, read.is_single, read.selector) == (names, is_single, None)
    assert read.images == [Reference.parse(image) if image else None for image in images]


def test_services_by_what_they_have_in_common() -> None:
    read = choice(select=SHOP, image="app:2", allow_none=True)
    assert (read.selector and read.selector.stack, read.allow_none, read.is_single) == ("shop", True, False)
    assert read.image == Reference.parse("app:2")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "No service is named"),
        ({"services": []}, "services is an empty list"),
        ({"services": LISTED, "image": "app:2"}, "in services each item has its own"),
        ({"name": "t001", "image": "no image"}, "no image"),
        ({"services": [{"name": "a", "image": "UPPER"}]}, "UPPER"),
    ],
)
def test_what_names_no_services(params: Dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        choice(**params)


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"name": "t001", "image": "app:2"}, [("t001", "app:2")]),
        ({"select": SHOP, "image": "app:2"}, [("t001", "app:2"), ("t002", "app:2")]),
        ({"services": [{"name": "t002", "image": "app:3"}, {"name": "t001"}]}, [("t002", "app:3"), ("t001", None)]),
    ],
)
def test_each_service_is_read_with_its_image(params: Dict[str, Any], found: Any) -> None:
    swarm = FakeSwarm(make_service(), make_service(name="t002", identifier="b" * 25))
    chosen = choice(**params).read(swarm.engine, FakeClock())
    assert [(service["Spec"]["Name"], image and image.familiar) for service, image in chosen.services] == found
    assert (chosen.excluded, chosen.warning) == ([] if "select" in params else None, "")


def test_what_was_left_out_is_in_the_result() -> None:
    swarm = FakeSwarm(make_service(), make_service(name="t002", identifier="b" * 25))
    swarm.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = {"frozen": ""}
    exclude = {"names": ["t002"], "labels": {"frozen": None}, "repository": None}
    chosen = choice(select={**SHOP, "exclude": exclude}).read(swarm.engine, FakeClock())
    assert [service["Spec"]["Name"] for service, _image in chosen.services] == ["t001"]
    result = chosen.report(lambda: {"changed": True})
    [warning] = result.pop("warnings")
    assert result == {"changed": True, "excluded": ["t002"]}
    assert "The containers of t001 have the label frozen" in warning


def test_what_was_left_out_is_in_the_result_of_a_failure() -> None:
    def fail() -> Any:
        raise RolloutFailed("It has stopped.", {"changed": True})

    with pytest.raises(RolloutFailed) as caught:
        Chosen([], ["t002"], "Labels are elsewhere.").report(fail)
    assert caught.value.result == {"changed": True, "excluded": ["t002"], "warnings": ["Labels are elsewhere."]}


def test_where_nothing_is_selected_by_rule_nothing_is_left_out() -> None:
    assert Chosen([]).report(lambda: {"changed": False}) == {"changed": False}
    assert Chosen([], []).report(lambda: {"changed": False}) == {"changed": False, "excluded": []}


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({}, Keychain),
        ({"registry_auth": "docker_config"}, DockerConfigKeychain),
        ({"registry_username": "robot", "registry_password": "word"}, GivenKeychain),
        (
            {"registry_username": "robot", "registry_password": "word", "registry_auth": "docker_config"},
            GivenKeychain,
        ),
    ],
)
def test_where_credentials_come_from(params: Dict[str, Any], kind: Any) -> None:
    assert registry(**params).keychain(run_program).__class__ is kind


@pytest.mark.parametrize("more", [{}, {"registry_auth": "docker_config", "registry_username": "robot"}])
def test_a_folder_that_nobody_reads_is_refused(more: Dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="docker_config is given, but it is read only with"):
        registry(docker_config="/etc/docker", **more)


def test_one_password_is_for_one_registry() -> None:
    images = [Reference.parse(image) for image in ("one.example.com/app", "two.example.com/app")]
    given = registry(registry_username="robot", registry_password="word")
    given.check(images[:1])
    registry().check(images)
    with pytest.raises(InvalidInput, match=r"the images are in one\.example\.com, two\.example\.com\."):
        given.check(images)


@pytest.mark.parametrize("lines", [0, 20, 1000])
def test_lines_of_logs(lines: int) -> None:
    assert lines_of_logs({"task_logs": lines}) == lines


@pytest.mark.parametrize("lines", [-1, 1001])
def test_lines_of_logs_that_nobody_wants(lines: int) -> None:
    with pytest.raises(InvalidInput, match=f"task_logs is {lines} lines; it must be from 0 .no logs. to 1000"):
        lines_of_logs({"task_logs": lines})

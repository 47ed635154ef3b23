# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import ServiceSpec
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import UnsupportedService
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    deployment,
    differing_fields,
    fingerprint,
    name_of,
    spec_secrets,
    stored_image,
)
from tests.unit.plugins.module_utils.fakes import SERVICE_ID, make_service


def spec_of(image: str, **task: Any) -> ServiceSpec:
    return make_service(image, **task)["Spec"]


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ({"Runtime": "plugin", "PluginSpec": {"Remote": "vieux/sshfs"}}, "plugin"),
        ({"Runtime": "attachment", "NetworkAttachmentSpec": {"ContainerID": "c"}}, "network-attachment"),
        ({"NetworkAttachmentSpec": {"ContainerID": "c"}}, "network-attachment"),
        ({"ContainerSpec": {}}, "container"),
        ({}, "container"),
        (None, "container"),
    ],
)
def test_services_without_a_container_image(task: Optional[Dict[str, Any]], kind: str) -> None:
    with pytest.raises(UnsupportedService, match=f"'t001' runs no container image .its runtime is '{kind}'"):
        stored_image({"Name": "t001", "TaskTemplate": task})


@pytest.mark.parametrize("runtime", [{}, {"Runtime": ""}, {"Runtime": "container"}])
def test_services_with_one(runtime: Dict[str, str]) -> None:
    assert stored_image(spec_of("nginx:1", **runtime)) == "nginx:1"


@pytest.mark.parametrize(
    ("one", "other", "fields"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a"]),
        ({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "d": 1}}, ["a.b", "a.c", "a.d"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["a"]),
        ({"a": None}, {}, ["a"]),
        ({"a": {}}, {"a": None}, ["a"]),
        ([], {}, ["the whole spec"]),
    ],
)
def test_differing_fields(one: Any, other: Any, fields: List[str]) -> None:
    assert differing_fields(one, other) == fields
    assert differing_fields(other, one) == fields


def test_differing_fields_name_no_values() -> None:
    one, other = spec_of("a:1"), spec_of("a:1")
    other["TaskTemplate"]["ContainerSpec"]["Env"] = ["PASSWORD=hunter2"]
    assert differing_fields(one, other) == ["TaskTemplate.ContainerSpec.Env"]


@pytest.mark.parametrize(
    ("environment", "secrets"),
    [
        (None, []),
        ([], []),
        (["KEY=hunter2"], ["KEY=hunter2", "hunter2"]),
        (["KEY=a=b=c"], ["KEY=a=b=c", "a=b=c"]),
        (["PIN=1234"], ["PIN=1234", "1234"]),
        (["PIN=123"], ["PIN=123"]),
        (["KEY="], ["KEY="]),
        (["KEY"], ["KEY"]),
    ],
)
def test_the_secrets_of_a_spec(environment: Optional[List[str]], secrets: List[str]) -> None:
    spec = spec_of("a:1")
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = environment
    assert spec_secrets(spec) == secrets


@pytest.mark.parametrize("spec", [{}, {"TaskTemplate": None}, {"TaskTemplate": {"ContainerSpec": None}}])
def test_a_spec_without_an_environment_has_no_secrets(spec: ServiceSpec) -> None:
    assert spec_secrets(spec) == []


@pytest.mark.parametrize(("counter", "count"), [({}, 0), ({"ForceUpdate": 0}, 0), ({"ForceUpdate": 7}, 7)])
def test_what_an_update_changes_in_a_spec(counter: Dict[str, int], count: int) -> None:
    assert deployment({"TaskTemplate": {"ContainerSpec": {"Image": "app:1"}, **counter}}) == ("app:1", count)


@pytest.mark.parametrize(("name", "shown"), [("web", "web"), ("", SERVICE_ID), (None, SERVICE_ID), ("a\nb", "a b")])
def test_a_name_that_is_fit_for_a_message(name: Optional[str], shown: str) -> None:
    service = make_service()
    service["Spec"]["Name"] = name
    assert name_of(service) == shown


def test_a_fingerprint_tells_specs_apart_whatever_the_order_of_their_fields() -> None:
    one, other = spec_of("app:1"), spec_of("app:2")
    assert fingerprint(one) == fingerprint(dict(reversed(list(one.items()))))
    assert len({fingerprint(one), fingerprint(other), fingerprint(None), fingerprint({})}) == 4


def test_a_fingerprint_is_too_short_to_check_a_guess_by() -> None:
    assert len(fingerprint(spec_of("app:1"))) == 6

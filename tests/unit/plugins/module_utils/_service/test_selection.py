# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import Exclusion, Selector
from tests.unit.plugins.module_utils.fakes import make_service


@pytest.mark.parametrize(
    ("stack", "labels", "repository", "taken"),
    [
        ("shop", None, None, True),
        ("shops", None, None, False),
        (None, {"tier": "front"}, None, True),
        (None, {"tier": "back"}, None, False),
        (None, {"tier": "front", "none": ""}, None, False),
        (None, {"release": "2"}, None, True),
        (None, {"release": 2}, None, True),
        (None, {"release": None}, None, True),
        (None, {"tier": None, "release": "2"}, None, True),
        (None, {"none": None}, None, False),
        (None, {"container": None}, None, False),
        (None, None, "team/web", True),
        (None, None, "docker.io/team/web", True),
        (None, None, "web", False),
        (None, None, "host:5000/team/web", False),
        ("shop", {"tier": "front"}, "team/web", True),
        ("shop", {"tier": "back"}, "team/web", False),
    ],
)
def test_selection(
    stack: Optional[str], labels: Optional[Dict[str, Any]], repository: Optional[str], taken: bool
) -> None:
    service = make_service("team/web:1", "shop_web")
    service["Spec"]["Labels"].update(tier="front", release="2")
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = {"container": "yes"}
    selector = Selector.parse(stack, labels, repository)
    assert selector.takes(service) is taken


@pytest.mark.parametrize(
    "spec",
    [
        {"Name": "x"},
        {"Name": "x", "Labels": None, "TaskTemplate": {"Runtime": "plugin"}},
        {"Name": "x", "TaskTemplate": {"ContainerSpec": {"Image": "NO REFERENCE"}}},
    ],
)
def test_services_of_other_kinds_are_not_selected(spec: Dict[str, Any]) -> None:
    service: Service = {"ID": "x", "Version": {"Index": 1}, "Spec": spec}
    assert not Selector.parse(None, None, "team/web").takes(service)
    assert not Selector.parse("shop", None, None).takes(service)


@pytest.mark.parametrize(
    ("stack", "labels", "repository", "why"),
    [
        (None, None, None, "select is empty: it would match all services."),
        ("", {}, "", "Give it a stack, labels or a repository."),
        (None, None, "team/web:1", "select.repository is 'team/web:1': a repository has neither a tag nor a digest."),
        (None, None, f"web@sha256:{'a' * 64}", "a repository has neither a tag nor a digest."),
        (None, None, "UP", "UP"),
    ],
)
def test_a_selector_that_cannot_be(
    stack: Optional[str], labels: Optional[Dict[str, str]], repository: Optional[str], why: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Selector.parse(stack, labels, repository)
    assert why in str(caught.value)


@pytest.mark.parametrize("value", [True, False])
def test_a_label_that_yaml_has_read_as_a_truth_value_is_the_text(value: bool) -> None:
    service = make_service()
    service["Spec"]["Labels"]["canary"] = str(value).lower()
    assert Selector.parse(None, {"canary": value}, None).takes(service)
    assert not Selector.parse(None, {"canary": not value}, None).takes(service)


def test_a_label_is_compared_with_its_capital_letters() -> None:
    service = make_service()
    service["Spec"]["Labels"]["tier"] = "Front"
    assert Selector.parse(None, {"tier": "Front"}, None).takes(service)
    assert not Selector.parse(None, {"tier": "front"}, None).takes(service)


def test_the_labels_that_the_engine_filters_by() -> None:
    stack = ("com.docker.stack.namespace", "shop")
    required = Selector.parse("shop", {"tier": "front", "release": 2}, "team/web").required_labels
    assert required == [("tier", "front"), ("release", "2"), stack]
    assert Selector.parse("shop", None, None).required_labels == [stack]
    assert Selector.parse(None, None, "team/web").required_labels == []


@pytest.mark.parametrize(
    ("exclude", "is_out"),
    [
        ({}, False),
        ({"names": [], "labels": {}, "repository": []}, False),
        ({"names": ["shop_web"]}, True),
        ({"names": ["shop_api", "shop_w?b"]}, True),
        ({"names": ["*_[vw]eb"]}, True),
        ({"names": ["*"]}, True),
        ({"names": ["shop", "web", "_web", "SHOP_WEB", "shop_web*x", "shop_[!w]eb", "shop.web"]}, False),
        ({"labels": {"tier": "front"}}, True),
        ({"labels": {"tier": "back"}}, False),
        ({"labels": {"tier": None}}, True),
        ({"labels": {"none": None}}, False),
        ({"labels": {"none": ""}}, False),
        ({"labels": {"tier": "back", "release": 2}}, True),
        ({"labels": {"on": True}}, True),
        ({"labels": {"container": None}}, False),
        ({"repository": ["team/web"]}, True),
        ({"repository": ["team/api", "docker.io/team/web"]}, True),
        ({"repository": ["web", "team/we"]}, False),
        ({"names": ["none"], "labels": {"none": None}, "repository": ["none"]}, False),
        ({"names": ["none"], "labels": {"none": None}, "repository": ["team/web"]}, True),
    ],
)
def test_what_is_left_out(exclude: Dict[str, Any], is_out: bool) -> None:
    service = make_service("team/web:1", "shop_web")
    service["Spec"]["Labels"].update(tier="front", release="2", on="true")
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = {"container": "yes"}
    selector = Selector.parse("shop", None, None, exclude)
    assert selector.exclude.takes(service) is is_out
    assert selector.takes(service)


def test_a_service_of_another_kind_can_be_left_out() -> None:
    spec = {"Name": "shop_plugin", "Labels": None, "TaskTemplate": {"Runtime": "plugin"}}
    service: Service = {"ID": "x", "Version": {"Index": 1}, "Spec": spec}
    assert Exclusion.parse(names=["*_plugin"]).takes(service)
    assert not Exclusion.parse(labels={"a": None}, repository=["team/web"]).takes(service)


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        ({"names": ["a", ""]}, "select.exclude.names has an empty name"),
        ({"names": [" "]}, "select.exclude.names has an empty name"),
        ({"repository": ["a", "team/web:1"]}, "select.exclude.repository is 'team/web:1': a repository has neither"),
        ({"repository": [""]}, "it is empty"),
    ],
)
def test_an_exclusion_that_cannot_be(exclude: Dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Selector.parse("shop", None, None, exclude)


def test_an_exclusion_alone_selects_nothing() -> None:
    with pytest.raises(InvalidInput, match="select has only exclude: it would match all other services"):
        Selector.parse(None, {}, None, {"names": ["a"]})
    with pytest.raises(InvalidInput, match="select is empty"):
        Selector.parse(None, {}, None, {})


def labelled(own: Dict[str, str], container: Optional[Dict[str, str]]) -> Service:
    service = make_service("team/web:1", "shop_web")
    service["Spec"]["Labels"].update(own)
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = container
    return service


@pytest.mark.parametrize(
    ("own", "container", "labels", "misplaced"),
    [
        ({}, {"tier": "front"}, {"tier": "front"}, ["tier"]),
        ({}, {"tier": "front"}, {"tier": None}, ["tier"]),
        ({"tier": "back"}, {"tier": "front"}, {"tier": "front"}, ["tier"]),
        ({"b": ""}, {"c": "", "a": ""}, {"c": None, "b": None, "a": None}, ["a", "c"]),
        ({"tier": "front"}, {"tier": "front"}, {"tier": "front"}, []),
        ({}, {"tier": "back"}, {"tier": "front"}, []),
        ({}, {"tier": "front"}, {"tier": "front", "other": None}, []),
        ({}, None, {"tier": "front"}, []),
    ],
)
def test_labels_of_containers_that_would_select(
    own: Dict[str, str], container: Optional[Dict[str, str]], labels: Dict[str, Any], misplaced: List[str]
) -> None:
    service = labelled(own, container)
    assert Selector.parse("shop", labels, None).misplaced_labels(service) == misplaced
    assert Selector.parse(None, labels, "team/web").misplaced_labels(service) == misplaced
    assert Selector.parse("other", labels, None).misplaced_labels(service) == []
    assert Selector.parse(None, labels, "team/api").misplaced_labels(service) == []


def test_labels_of_containers_that_would_leave_out() -> None:
    exclusion = Exclusion.parse(labels={"frozen": None, "tier": "back", "on": True, "x": None})
    service = labelled({"on": "true"}, {"frozen": "", "tier": "back", "on": "true"})
    assert exclusion.misplaced_labels(service) == ["frozen", "tier"]
    assert exclusion.misplaced_labels(labelled({}, None)) == []


def test_how_a_selector_is_shown() -> None:
    shown = str(Selector.parse("shop", {"a": None, "b": "", "c": "d"}, "docker.io/library/web", {"names": ["x"]}))
    assert shown == "stack shop, label a, label b=, label c=d, repository web"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import Platforms
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.platforms import (
    NoNodeFits,
    check_platforms,
    warning_of_kept_platforms,
)
from tests.unit.plugins.module_utils._service.recorded import node
from tests.unit.plugins.module_utils.fakes import DIGEST, make_service

GLOBAL: Dict[str, Any] = {"Global": {}}
REPLICATED: Dict[str, Any] = {"Replicated": {"Replicas": 2}}


def platforms(*names: str) -> Platforms:
    pairs = [name.partition("/")[::2] for name in names]
    return [{"OS": system, **({"Architecture": machine} if machine else {})} for system, machine in pairs]


def machine(name: str, architecture: str, state: str = "", **spec: Any) -> Any:
    """A node of another name; without an architecture one that has not said what it is."""
    made = node(f"id-{name}", state, **{"Role": "worker", **spec})
    made["Description"].update(Hostname=name, Platform={"Architecture": architecture, "OS": "linux"})
    if not architecture:
        del made["Description"]["Platform"]
    return made


def check(nodes: List[Any], named: Optional[Platforms], mode: Any, image: str = "app:2", **placement: Any) -> str:
    service = make_service("app:1", Placement=placement)
    service["Spec"]["Mode"] = mode
    return check_platforms(service, Target(Reference.parse(image), named), nodes)


M1, W1, W2 = machine("m1", "x86_64", Role="manager"), machine("w1", "aarch64"), machine("w2", "arm64")
WORKERS = "node.role == worker"


@pytest.mark.parametrize("mode", [REPLICATED, GLOBAL, {"ReplicatedJob": {}}, {"GlobalJob": {}}])
@pytest.mark.parametrize(
    ("named", "nodes"),
    [
        (None, [M1]),
        ([], [M1]),
        (platforms("linux/amd64"), [M1]),
        (platforms("linux/x86_64"), [M1]),
        (platforms("linux/ppc64le", "linux/arm64"), [W1, W2]),
        (platforms("linux"), [M1, W1]),
        (platforms("linux/arm64"), [machine("new", "")]),
        (platforms("linux/arm64"), []),
    ],
    ids=["unknown", "none", "own", "other name", "one of two", "arm", "node that has not said", "no nodes"],
)
def test_nothing_is_wrong(named: Optional[Platforms], nodes: List[Any], mode: Any) -> None:
    assert check(nodes, named, mode) == ""


@pytest.mark.parametrize("mode", [REPLICATED, GLOBAL])
@pytest.mark.parametrize(
    ("named", "nodes", "constraints"),
    [
        (platforms("linux/arm64"), [M1], []),
        (platforms("windows/amd64"), [M1], []),
        (platforms("linux/arm64"), [M1, machine("w1", "aarch64", Availability="drain")], []),
        (platforms("linux/arm64"), [M1, machine("w1", "aarch64", "down", Availability="pause")], []),
        (platforms("linux/arm64"), [M1, W1], ["node.role == manager"]),
    ],
    ids=["architecture", "system", "drained", "down and paused", "left out by constraints"],
)
def test_no_node_fits(named: Platforms, nodes: List[Any], constraints: List[str], mode: Any) -> None:
    with pytest.raises(NoNodeFits, match=r"may run on are linux/amd64 \(m1\)\."):
        check(nodes, named, mode, Constraints=constraints)


def test_the_message_names_platforms_and_nodes() -> None:
    nodes = [*(machine(f"w{number}", "s390x") for number in range(5, 0, -1)), M1, W1]
    with pytest.raises(NoNodeFits) as caught:
        check(nodes, platforms("linux/ppc64le", "linux/riscv64"), REPLICATED, f"app:2@{DIGEST}")
    assert str(caught.value) == (
        "The image app:2 is for linux/ppc64le, linux/riscv64, and the nodes that the service t001 may run on are "
        "linux/amd64 (m1), linux/arm64 (w1), linux/s390x (w1, w2, w3 and 2 more). No task of it could start. Push the "
        "image for one of their platforms too, or change the placement constraints of the service."
    )


@pytest.mark.parametrize("state", ["ready", "down", "unknown", "disconnected"])
def test_a_node_counts_in_each_state(state: str) -> None:
    assert check([M1, machine("w1", "aarch64", state)], platforms("linux/arm64"), REPLICATED) == ""


@pytest.mark.parametrize("mode", [GLOBAL, {"GlobalJob": {}}])
def test_nodes_that_a_global_service_loses_are_warned_of(mode: Any) -> None:
    assert check([M1, W1, W2], platforms("linux/amd64"), mode) == (
        "The image app:2 is for linux/amd64, and this global service is meant for other nodes too: linux/arm64 (w1, "
        "w2). Its tasks there cannot start, and the swarm waits for them without end. Leave these nodes out by a "
        "placement constraint, or push the image for their platforms too."
    )


def test_other_services_run_where_they_can() -> None:
    assert check([M1, W1], platforms("linux/amd64"), REPLICATED) == ""


def test_nodes_that_a_global_service_is_not_meant_for_are_no_loss() -> None:
    assert check([M1, W1], platforms("linux/amd64"), GLOBAL, Constraints=["node.role == manager"]) == ""
    assert check([M1], platforms("linux/arm64"), GLOBAL, Constraints=[WORKERS]) == ""


def test_an_image_that_the_service_has_is_none_to_refuse() -> None:
    assert check([M1], platforms("linux/arm64"), REPLICATED, "app:1") == ""


def test_texts_of_others_are_made_safe() -> None:
    with pytest.raises(NoNodeFits) as caught:
        check([machine("w\x1b[31m1", "m\n68k")], platforms("linux/a\nb"), REPLICATED)
    assert str(caught.value).isprintable()


def test_platforms_that_are_kept_are_named() -> None:
    kept = make_service("app:1", Placement={"Platforms": platforms("linux/amd64", "linux/arm64")})
    warning = warning_of_kept_platforms(kept["Spec"])
    assert warning.startswith("The service keeps the platforms of its former image (linux/amd64, linux/arm64), since")


@pytest.mark.parametrize("placement", [None, {}, {"Platforms": None}, {"Platforms": []}])
def test_where_there_are_no_platforms_none_are_kept(placement: Any) -> None:
    assert warning_of_kept_platforms(make_service("app:1", Placement=placement)["Spec"]) == ""

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import (
    away_nodes,
    eligible_nodes,
    meant_nodes,
    owed_nodes,
    placed_nodes,
    platform_name,
)
from tests.unit.plugins.module_utils._service.recorded import node, snapshot


def eligible(nodes: List[Any], **placement: Any) -> List[str]:
    return sorted(eligible_nodes({"TaskTemplate": {"Placement": placement}}, nodes))


OWN = node()
HOSTNAME = OWN["Description"]["Hostname"]

# Whether an Engine 20.10.24 gives a global service with this constraint a task on the recorded node. The rest is on a
# real engine too, in tests/integration/targets/swarm_service_wait/test_placement.py.
CONSTRAINTS = {
    f"node.hostname == {HOSTNAME}": True,
    f"node.hostname=={HOSTNAME.upper()}": True,
    f"NODE.HOSTNAME == {HOSTNAME}": True,
    f"node.hostname != {HOSTNAME}": False,
    "node.hostname == nowhere.example.com": False,
    f"node.id == {OWN['ID']}": True,
    "node.id != x": True,
    "node.role == manager": True,
    "node.role == MANAGER": True,
    "node.role != manager": False,
    "node.role == worker": False,
    "node.platform.os == linux": True,
    "node.platform.os == windows": False,
    "node.platform.arch == x86_64": True,
    "node.ip == 127.0.0.1": True,
    "node.ip == 127.0.0.0/8": True,
    "node.ip != 127.0.0.0/8": False,
    "node.ip == 10.0.0.0/8": False,
    "Node.IP == 127.0.0.1": True,
    "NODE.IP != 127.0.0.1": False,
    "node.ip == 127.0.0.9/8": True,
    "node.ip == 127.0.0.2": False,
    "node.ip != ::1": True,
    "node.ip == nowhere": False,
    "node.ip != nowhere": False,
    "node.ip == 127.0.0.0/33": False,
    "node.ip != 127.0.0.0/33": False,
    "node.ip == 127.0.0.0/255.0.0.0": False,
    "node.ip != 10.0.0.0/255.0.0.0": False,
    "  node.role  !=  worker  ": True,
    "node.nothing == x": False,
    "node.nothing != x": False,
    "node.labels.absent == x": False,
    "node.labels.absent != x": True,
    "node.labels. != x": False,
    "engine.labels.disk == ssd": True,
    "engine.labels.disk != ssd": False,
    "ENGINE.LABELS.disk == SSD": True,
    "engine.labels.Disk == ssd": False,
    "engine.labels.absent != ssd": True,
    "engine.labels. != ssd": False,
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_constraint(constraint: str) -> None:
    assert eligible([OWN], Constraints=[constraint]) == ([OWN["ID"]] if CONSTRAINTS[constraint] else [])


def test_all_constraints_must_hold() -> None:
    assert eligible([OWN], Constraints=["node.role == manager", "node.platform.os == linux"]) == [OWN["ID"]]
    assert eligible([OWN], Constraints=["node.role == manager", "node.role == worker"]) == []


def test_node_label() -> None:
    nodes = [node("a", Labels={"zone": "One"}), node("b", Labels={"zone": "two"}), node("c")]
    assert eligible(nodes, Constraints=["node.labels.zone == one"]) == ["a"]
    assert eligible(nodes, Constraints=["node.labels.zone != one"]) == ["b", "c"]


# A node that has not told what it is has nothing that a constraint asks for, and differs from all of it.
UNTOLD = (
    *("node.hostname", "node.role", "node.platform.os", "node.platform.arch", "node.ip"),
    *("node.labels.zone", "engine.labels.disk"),
)


@pytest.mark.parametrize("key", UNTOLD)
def test_a_node_that_has_told_nothing_of_itself(key: str) -> None:
    silent = {"ID": "new", "Status": {"State": "ready"}}
    value = "127.0.0.1" if key == "node.ip" else "x"
    assert eligible([silent], Constraints=[f"{key} == {value}"]) == []
    assert eligible([silent], Constraints=[f"{key} != {value}"]) == ["new"]


@pytest.mark.parametrize(
    "other",
    [node("x", "down"), node("x", Availability="drain"), node("x", Availability="pause")],
)
def test_node_that_takes_no_tasks(other: Any) -> None:
    assert eligible([OWN, other]) == [OWN["ID"]]


@pytest.mark.parametrize("state", ["unknown", "disconnected"])
def test_node_that_the_leader_has_not_heard_of_is_a_node(state: str) -> None:
    nodes = [OWN, node("x", state)]
    assert eligible(nodes) == sorted([OWN["ID"], "x"])
    assert away_nodes(nodes) == {"x"}


def test_where_no_node_fits_the_swarm_has_a_task_all_the_same() -> None:
    other = {"Architecture": "arm64", "OS": "linux"}
    spec: Any = {"TaskTemplate": {"Placement": {"Platforms": [other], "Constraints": ["node.role == manager"]}}}
    nodes = [OWN, node("x", Role="worker")]
    assert eligible_nodes(spec, nodes) == set()
    assert placed_nodes(spec, nodes) == owed_nodes(spec, nodes) == {OWN["ID"]}
    nodes.append(node("arm"))
    nodes[-1]["Description"]["Platform"] = {"Architecture": "aarch64", "OS": "linux"}
    assert owed_nodes(spec, nodes) == eligible_nodes(spec, nodes) == {"arm"}
    assert placed_nodes(spec, nodes) == {OWN["ID"], "arm"}


def test_where_all_nodes_are_down_they_are_owed_a_task_all_the_same() -> None:
    spec: Any = {"TaskTemplate": {"Placement": {"Constraints": ["node.role == worker"]}}}
    down = node("x", "down", Role="worker")
    assert owed_nodes(spec, [OWN, down]) == {"x"}
    assert owed_nodes(spec, [OWN, down, node("y", Role="worker")]) == {"y"}
    assert owed_nodes(spec, [OWN, node("x", "down", Role="worker", Availability="drain")]) == set()


def test_nodes_that_are_down_are_meant_too() -> None:
    spec: Any = {"TaskTemplate": {"Placement": {"Constraints": ["node.role == worker"]}}}
    drained, down = node("drained", Role="worker", Availability="drain"), node("down", "down", Role="worker")
    away = node("away", "unknown", Role="worker")
    assert meant_nodes(spec, [OWN, drained, down, away]) == {"down", "away"}


PLATFORMS: Dict[str, Any] = {
    "the node's own": ([{"Architecture": "x86_64", "OS": "linux"}], True),
    "by the name of Go": ([{"Architecture": "amd64", "OS": "linux"}], True),
    "one of several": ([{"Architecture": "s390x", "OS": "linux"}, {"Architecture": "amd64", "OS": "linux"}], True),
    "no architecture": ([{"OS": "linux"}], True),
    "empty": ([{}], True),
    "no system": ([{"Architecture": "amd64"}], True),
    "capitals": ([{"Architecture": "AMD64", "OS": "linux"}], False),
    "capitals of the system": ([{"Architecture": "amd64", "OS": "Linux"}], False),
    "other architecture": ([{"Architecture": "arm64", "OS": "linux"}], False),
    "other system": ([{"Architecture": "amd64", "OS": "windows"}], False),
}


@pytest.mark.parametrize("name", PLATFORMS)
def test_platform(name: str) -> None:
    platforms, fits = PLATFORMS[name]
    assert eligible([OWN], Platforms=platforms) == ([OWN["ID"]] if fits else [])


@pytest.mark.parametrize(
    ("own", "wanted", "fits"),
    [
        ("aarch64", "arm64", True),
        ("arm64", "aarch64", True),
        ("x86_64", "amd64", True),
        ("i686", "386", False),  # the swarm knows no other two names for one architecture
        ("i686", "i686", True),
    ],
)
def test_two_names_of_an_architecture(own: str, wanted: str, fits: bool) -> None:
    other = node("x")
    other["Description"]["Platform"] = {"Architecture": own, "OS": "linux"}
    assert eligible([other], Platforms=[{"Architecture": wanted, "OS": "linux"}]) == (["x"] if fits else [])


def test_a_node_without_a_platform_fits_no_image_that_names_one() -> None:
    silent = {"ID": "new", "Status": {"State": "ready"}}
    assert eligible([silent], Platforms=[{"Architecture": "amd64", "OS": "linux"}]) == []
    assert eligible([silent]) == ["new"]


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ({"OS": "linux", "Architecture": "x86_64"}, "linux/amd64"),
        ({"OS": "Linux", "Architecture": "ARM64"}, "Linux/ARM64"),
        ({"OS": "linux"}, "linux"),
        ({"Architecture": "aarch64"}, "arm64"),
        ({}, ""),
    ],
)
def test_name_of_a_platform(platform: Dict[str, str], name: str) -> None:
    assert platform_name(platform) == name


def test_recorded_services() -> None:
    everywhere, nowhere = snapshot("global"), snapshot("global without an eligible node")
    assert eligible_nodes(everywhere.service["Spec"], everywhere.nodes) == {OWN["ID"]}
    assert eligible_nodes(nowhere.service["Spec"], nowhere.nodes) == set()

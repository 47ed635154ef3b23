# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the swarm places tasks, by constraints and platforms: the collection reads them as the swarm does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import eligible_nodes
from tests.integration.rolling import at, tasks_of
from tests.integration.run import module
from tests.swarm import Endpoint, eventually, services

ENDS = 60
"""Seconds of a wait that has to end by itself, far earlier."""
CONSTRAINTS = {
    "NODE.IP == 127.0.0.1": True,
    "node.ip==127.0.0.0/8": True,
    "node.ip == 127.0.0.9/8": True,
    "Node.IP != 127.0.0.1": False,
    "node.ip != 10.0.0.0/8": True,
    "node.ip != nowhere": False,
    "node.ip == nowhere": False,
    "node.ip != 10.0.0.0/255.0.0.0": False,
    "node.labels. != x": False,
    "engine.labels. != x": False,
    "Node.Labels.absent != x": True,
    "node.nothing != x": False,
    "  node.role  !=  worker  ": True,
}
"""Whether each lets a task on the node of the tests."""
PLATFORMS = {
    ("x86_64", "linux"): True,
    ("amd64", "linux"): True,
    ("AMD64", "linux"): False,
    ("amd64", "Linux"): False,
    ("", ""): True,
}
"""Whether a task of each architecture and system gets the node of the tests, an x86_64."""
PLACEMENTS: list[tuple[dict[str, Any], bool]] = [
    *(({"Constraints": [constraint]}, fits) for constraint, fits in CONSTRAINTS.items()),
    *(({"Platforms": [{"Architecture": name, "OS": system}]}, fits) for (name, system), fits in PLATFORMS.items()),
]


@pytest.fixture(scope="module")
def placed(engine: Endpoint) -> Iterator[list[str]]:
    """Create a global service for each placement, and wait until those that fit the node run."""
    prefix = f"placed{os.getpid()}"
    names = [f"{prefix}-{number}" for number in range(len(PLACEMENTS))]
    for name, (placement, _fits) in zip(names, PLACEMENTS):
        spec = services.simple(name, "whoami:0.7", Mode={"Global": {}})
        spec["TaskTemplate"]["Placement"] = placement
        services.post(engine, spec)
    fitting = [name for name, (_placement, fits) in zip(names, PLACEMENTS) if fits]
    eventually(lambda: all(states(engine, name) == ["running"] for name in fitting), "those that fit run", 60)
    yield names
    services.remove(engine, prefix)


def states(engine: Endpoint, name: str) -> list[str]:
    return [task["Status"]["State"] for task in tasks_of(engine, name)]


def test_the_swarm_places_tasks_where_the_collection_says(engine: Endpoint, placed: list[str]) -> None:
    nodes = engine.get("/nodes")
    for name, (placement, fits) in zip(placed, PLACEMENTS):
        pending = [["pending"], []]["Constraints" in placement]
        assert (placement, states(engine, name)) == (placement, ["running"] if fits else pending)
        spec = services.inspect(engine, name)["Spec"]
        assert (placement, bool(eligible_nodes(spec, nodes))) == (placement, fits)


def test_waits_for_services_with_constraints_end(engine: Endpoint, placed: list[str]) -> None:
    constrained = [name for name, (placement, _fits) in zip(placed, PLACEMENTS) if "Constraints" in placement]
    wanted = [{"name": name} for name in constrained]
    result = module("swarm_service_wait", services=wanted, wait_timeout=ENDS, **at(engine))
    entries = {entry["name"]: (entry["outcome"], entry["progress"]["desired"]) for entry in result.data["services"]}
    assert entries == {name: ("converged", int(fits)) for name, fits in zip(constrained, CONSTRAINTS.values())}

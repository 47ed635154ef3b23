# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several nodes: a task that moves to a node without the image pulls with the credentials that the swarm keeps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.integration import registries, rolling, state
from tests.integration.keeping import cannot_pull, keep, renew, started
from tests.swarm import Engine, Registry, Swarm, eventually, images, services
from tests.swarm.swarm import NETWORK

FIRST, SECOND = "the-first-password", "the-second-password"


@dataclass(frozen=True)
class Nodes:
    """Three managers and a worker, and a private registry that all of them reach."""

    swarm: Swarm
    registry: Registry

    @property
    def manager(self) -> Engine:
        """The manager beside the registry."""
        return self.swarm.managers[0]

    def set_availability(self, engine: Engine, availability: str) -> None:
        """Have a node take tasks (``active``), or none (``drain``)."""
        node = self.manager.get(f"/nodes/{engine.node_id}")
        params = {"version": str(node["Version"]["Index"])}
        body = {**node["Spec"], "Availability": availability}
        self.manager.checked("POST", f"/nodes/{node['ID']}/update", params=params, json=body)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Start the nodes; only the first manager takes tasks."""
    with Swarm(3, 1, f"--insecure-registry={NETWORK}.0/24") as swarm:
        first = swarm.managers[0]
        images.load(first, "whoami:0.6")
        with Registry(first, username="robot", password=FIRST, host=swarm.address(first)) as registry:
            made = Nodes(swarm, registry)
            for engine in swarm.nodes[1:]:
                made.set_availability(engine, "drain")
            yield made


def test_tasks_that_move(nodes: Nodes) -> None:
    """Two services with the old password; one is renewed before its tasks move, the other one after."""
    manager, registry, [worker] = nodes.manager, nodes.registry, nodes.swarm.workers
    images_ = {name: registries.push_unseen(registry, f"{name}:1") for name in ("renewed", "stale")}
    for name, image in images_.items():
        keep(manager, registry, services.simple(name, image, replicas=2))
        services.started(manager, name, 2, timeout=rolling.LONG)
    registry.change_password(SECOND)
    tasks = {name: started(manager, name) for name in images_}
    before = state.of(manager, "renewed")

    result = renew(manager.host, registry, "renewed")
    assert result.changed, result.text
    assert state.of(manager, "renewed").spec == before.spec

    nodes.set_availability(worker, "active")
    nodes.set_availability(manager, "drain")
    cannot_pull(manager, "stale")
    moved(nodes, "renewed")
    # Until they moved, they ran on: none was ended before the node was drained.
    assert {name: len(rolling.tasks_of(manager, name)) for name in ("renewed",)} == {"renewed": 4}
    assert len(tasks["renewed"]) == len(tasks["stale"]) == 2

    assert renew(manager.host, registry, "stale").changed
    moved(nodes, "stale")


def moved(nodes: Nodes, name: str) -> None:
    """Wait until both tasks of a service run on the worker."""
    [worker] = nodes.swarm.workers
    identifier = worker.node_id

    def both() -> bool:
        running = [task for task in rolling.tasks_of(nodes.manager, name) if task["Status"]["State"] == "running"]
        return len(running) == 2 and all(task["NodeID"] == identifier for task in running)

    eventually(both, f"the tasks of {name} run on the worker", timeout=rolling.LONG)


def test_all_managers_at_once(nodes: Nodes) -> None:
    """Each manager writes at most once, and those that do not say so."""
    manager, registry = nodes.manager, nodes.registry
    image = registries.push_unseen(registry, "everywhere:1")
    keep(manager, registry, services.simple("everywhere", image, replicas=0))
    before = state.of(manager, "everywhere")
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda engine: renew(engine.host, registry, "everywhere"), nodes.swarm.managers))
    assert [result.text for result in results if result.failed] == []
    changed = [result for result in results if result.changed]
    assert changed
    assert all("at the same moment" in result.service["warnings"][0] for result in results if not result.changed)
    after = state.of(manager, "everywhere")
    assert after.spec == after.previous == before.spec
    assert after.index == max(result.service["version"]["after"] for result in results)

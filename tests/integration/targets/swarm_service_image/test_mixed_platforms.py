# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm whose worker takes its machine for another one than the manager's, and images for the manager alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.rolling import image_of, roll, stands, tasks_of
from tests.swarm import Registry, Swarm, eventually, images, services

OWN = "node.platform.arch == x86_64"


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    """A manager, and a worker that is an i686."""
    with Swarm(1, 1, machines={1: "i686"}) as started:
        for engine in started.nodes:
            images.load(engine, *images.WHOAMI)
        yield started


@pytest.fixture(scope="module")
def repository(swarm: Swarm) -> Iterator[str]:
    """A repository whose tag 1 is for amd64 alone, and whose tag 2 is for other machines."""
    with Registry(swarm.managers[0]) as registry:
        registry.push("whoami:0.8", "mixed:single")
        registry.put_index("mixed", "1", of="single", platforms=("linux/amd64", "unknown/unknown"))
        registry.put_index("mixed", "2", of="single", platforms=("linux/s390x", "unknown/unknown"))
        yield f"{registry.address}/mixed"


def update(swarm: Swarm, spec: services.Spec, image: str, count: int, **params: Any) -> Any:
    """Create a service, wait until so many tasks run, and bring it to an image."""
    manager = swarm.managers[0]
    return roll(manager, stands(manager, spec, count), image, resolve="changed", **params)


def test_replicated_service_runs_where_it_can(swarm: Swarm, repository: str) -> None:
    ended = update(swarm, services.simple("replicated", "whoami:0.7", replicas=2), f"{repository}:1", 2)
    assert not ended.result.failed, ended.result.text
    assert not any("platform" in warning or "global" in warning for warning in ended.result.service["warnings"])


def test_global_service_is_warned_of_an_update_that_does_not_end(swarm: Swarm, repository: str) -> None:
    """The swarm takes down the task on the other node, and waits for one that cannot start (swarmkit, updater.go)."""
    manager = swarm.managers[0]
    spec = services.simple("everywhere", "whoami:0.7", Mode={"Global": {}})
    spec["UpdateConfig"]["Parallelism"] = 0
    ended = update(swarm, spec, f"{repository}:1", 2, wait_timeout=8)
    [warning] = [each for each in ended.result.service["warnings"] if "global" in each]
    assert warning.startswith(
        f"The image {repository}:1 is for linux/amd64, "
        "and this global service is meant for other nodes too: linux/i686 ("
    )
    assert (ended.result.service["outcome"], ended.state) == ("timed_out", "updating")
    assert "unsupported platform" in ended.result.message
    assert ended.result.service["progress"] == {"running": 1, "desired": 1}

    def is_down() -> bool:
        former = [task for task in tasks_of(manager, "everywhere") if image_of(task) == "whoami:0.7"]
        return {task["Status"]["State"] for task in former} == {"shutdown"}

    eventually(is_down, "the former tasks are down on both nodes")


def test_global_service_of_the_nodes_that_fit_converges(swarm: Swarm, repository: str) -> None:
    spec = services.simple("constrained", "whoami:0.7", Mode={"Global": {}})
    spec["TaskTemplate"]["Placement"] = {"Constraints": [OWN]}
    ended = update(swarm, spec, f"{repository}:1", 1)
    assert not ended.result.failed, ended.result.text
    assert ended.result.service["progress"] == {"running": 1, "desired": 1}
    assert not any("global" in warning for warning in ended.result.service["warnings"])


@pytest.mark.parametrize("mode", [{"Global": {}}, {"Replicated": {"Replicas": 1}}])
def test_image_for_neither_is_refused_with_both(swarm: Swarm, repository: str, mode: Any) -> None:
    [name] = mode
    spec = services.simple(f"neither-{name.lower()}", "whoami:0.7", Mode=mode)
    ended = update(swarm, spec, f"{repository}:2", 1)
    hostnames = [node["Description"]["Hostname"] for node in swarm.managers[0].get("/nodes")]
    assert f"may run on are linux/amd64 ({hostnames[0]}), linux/i686 ({hostnames[0]})." in ended.result.message
    assert "Nothing was changed." in ended.result.message
    assert ended.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "whoami:0.7"


def test_swarm_starts_no_386_on_an_i686(swarm: Swarm) -> None:
    """The swarm compares architectures letter by letter (swarmkit, filter.go), and so does this collection."""
    manager = swarm.managers[0]
    spec = services.simple("letters", "whoami:0.7")
    spec["TaskTemplate"]["Placement"] = {
        "Constraints": ["node.platform.arch == i686"],
        "Platforms": [{"OS": "linux", "Architecture": "386"}],
    }
    services.post(manager, spec)
    eventually(
        lambda: (
            ["unsupported platform" in task["Status"].get("Err", "") for task in tasks_of(manager, "letters")] == [True]
        ),
        "the task has no node for its platform",
    )
    services.remove(manager, "letters")

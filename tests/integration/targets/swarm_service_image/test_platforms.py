# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that no node, or not every node, can run; and platforms that must not outlive the image that they are of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration import rolling, run, state
from tests.swarm import Endpoint, Proxy, Registry, eventually, services
from tests.swarm.proxy import Rewrite

NODES = r"/nodes(\?.*)?$"
STALE = [{"Architecture": "s390x", "OS": "linux"}]
ELSEWHERE = ("linux/arm64", "linux/ppc64le", "unknown/unknown")


def change_image(host: str, name: str, **params: Any) -> run.Result:
    return run.module("swarm_service_image", name=name, docker_host=host, **{"resolve": "changed", **params})


def pushed(registry: Registry, name: str, *platforms: str) -> str:
    """Push an index of these platforms and return its reference with the digest."""
    registry.push("whoami:0.8", f"{name}:single")
    digest = registry.put_index(name, "1", of="single", platforms=platforms)
    return f"{registry.address}/{name}:1@{digest}"


def another_node(**fields: Any) -> Callable[[bytes], bytes]:
    """Return what puts an ARM worker beside the real node, with other fields where given."""

    def add(body: bytes) -> bytes:
        nodes = json.loads(body)
        other = json.loads(body)[0]
        other["ID"], other["Description"]["Hostname"] = "another", "w2"
        other["Description"]["Platform"]["Architecture"] = "aarch64"
        other["Spec"].update({"Role": "worker", "Availability": fields.get("availability", "active")})
        other["Status"]["State"] = fields.get("state", "ready")
        del other["ManagerStatus"]
        return json.dumps([*nodes, other]).encode()

    return add


def hostname(engine: Endpoint) -> str:
    [node] = engine.get("/nodes")
    return str(node["Description"]["Hostname"])


def test_engine_leaves_tasks_pending_where_no_node_fits(
    engine: Endpoint, registry: Registry, service_name: str
) -> None:
    """Why such an image is refused: the old task is taken down, and no new one starts."""
    image = pushed(registry, "pending", *ELSEWHERE)
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name)

    def misplace(spec: Any) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
        spec["TaskTemplate"]["Placement"] = {"Platforms": [{"Architecture": "arm64", "OS": "linux"}]}

    state.change(engine, service_name, misplace)

    def is_pending() -> bool:
        new = [task for task in rolling.tasks_of(engine, service_name) if rolling.image_of(task) == image]
        return any("unsupported platform" in task["Status"].get("Err", "") for task in new)

    eventually(is_pending, "the new task is pending")
    eventually(lambda: services.running(engine, service_name) == 0, "the old task is down")


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("mode", ["replicated", "global"])
def test_image_that_fits_no_node_is_refused(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str, mode: str, check: bool
) -> None:
    image = pushed(registry, "elsewhere", *ELSEWHERE)
    services.rich(engine, service_name, replicas=0)
    fits, global_name = f"{service_name}-fits", f"{service_name}-global"
    services.create(engine, fits, "whoami:0.7", replicas=0)
    services.post(engine, services.simple(global_name, "whoami:0.7", Mode={"Global": {}}))
    name = service_name if mode == "replicated" else global_name
    before = state.of(engine, fits), state.of(engine, name)
    listed = [{"name": fits, "image": "whoami:0.8"}, {"name": name, "image": image.partition("@")[0]}]
    result = run.module(
        "swarm_service_image", services=listed, resolve="changed", docker_host=proxy.host, check=check, wait=True
    )
    assert result.failed, result.text
    assert result.message == (
        f"The image {image.partition('@')[0]} is for linux/arm64, linux/ppc64le, and the nodes that the service "
        f"{name} may run on are linux/amd64 ({hostname(engine)}). No task of it could start. Push the image for one of "
        "their platforms too, or change the placement constraints of the service. Nothing was changed."
    )
    assert proxy.posts == []
    assert (state.of(engine, fits), state.of(engine, name)) == before


@pytest.mark.parametrize("resolve", ["changed", "always", "never"])
def test_stated_digest_is_refused_as_well(
    engine: Endpoint, proxy: Proxy, registry: Registry, service: str, resolve: str
) -> None:
    image = pushed(registry, "stated", *ELSEWHERE)
    before = state.of(engine, service)
    assert (
        "is for linux/arm64, linux/ppc64le, and the nodes"
        in change_image(proxy.host, service, image=image, resolve=resolve).message
    )
    assert (proxy.posts, state.of(engine, service)) == ([], before)


def test_image_that_fits_is_written(engine: Endpoint, registry: Registry, service_name: str) -> None:
    image = pushed(registry, "fits", "linux/arm64", "linux/amd64", "unknown/unknown")
    services.create(engine, service_name, f"{registry.address}/fits:0", replicas=0)
    result = change_image(engine.host, service_name, image=image.partition("@")[0])
    assert (result.service["image"]["after"], result.service["warnings"]) == (image, [])


OTHER_NODES = {
    "ready": ({}, True),
    "down": ({"state": "down"}, True),
    "not heard of": ({"state": "unknown"}, True),
    "drained": ({"availability": "drain"}, False),
    "paused": ({"availability": "pause"}, False),
}


@pytest.mark.parametrize("other", OTHER_NODES)
def test_which_nodes_count(engine: Endpoint, proxy: Proxy, registry: Registry, service: str, other: str) -> None:
    """A node that is down will be back; one that takes no tasks was told so."""
    fields, counts = OTHER_NODES[other]
    image = pushed(registry, "other", *ELSEWHERE)
    proxy.on("GET", NODES, Rewrite(another_node(**fields)), times=None)
    result = change_image(proxy.host, service, image=image.partition("@")[0])
    assert (result.failed, len(proxy.posts)) == (not counts, int(counts)), result.text
    assert counts or f"linux/amd64 ({hostname(engine)})." in result.message
    assert counts or "w2" not in result.message


def constrained(name: str, *constraints: str, **fields: Any) -> services.Spec:
    spec = services.simple(name, "whoami:0.7", replicas=0, **fields)
    spec["TaskTemplate"]["Placement"] = {"Constraints": list(constraints)}
    return spec


def test_nodes_that_constraints_leave_out_do_not_count(proxy: Proxy, registry: Registry, service_name: str) -> None:
    image = pushed(registry, "manager", *ELSEWHERE)
    proxy.on("GET", NODES, Rewrite(another_node()), times=None)
    services.post(Endpoint(proxy.host), constrained(service_name, "node.role == manager"))
    proxy.clear()
    assert "may run on are linux/amd64 (" in change_image(proxy.host, service_name, image=image).message
    assert proxy.posts == []


def test_service_that_no_node_may_run_is_no_matter_of_platforms(
    engine: Endpoint, registry: Registry, service_name: str
) -> None:
    image = pushed(registry, "nowhere", *ELSEWHERE)
    services.post(engine, constrained(service_name, "node.labels.zone == moon"))
    assert change_image(engine.host, service_name, image=image).changed


@pytest.mark.parametrize(("mode", "warned"), [({"Global": {}}, True), ({"Replicated": {"Replicas": 0}}, False)])
def test_nodes_that_a_global_service_loses_are_warned_of(
    proxy: Proxy, registry: Registry, service_name: str, mode: Any, warned: bool
) -> None:
    image = pushed(registry, "lost", "linux/amd64", "linux/ppc64le")
    proxy.on("GET", NODES, Rewrite(another_node()), times=None)
    spec = constrained(service_name, "node.platform.os == linux", Mode=mode)
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = f"{registry.address}/lost:0"
    services.post(Endpoint(proxy.host), spec)
    result = change_image(proxy.host, service_name, image=image)
    assert result.changed, result.text
    said = (
        f"The image {registry.address}/lost:1 is for linux/amd64, linux/ppc64le, and this global service is meant for "
        "other nodes too: linux/arm64 (w2). Its tasks there cannot start, and the swarm waits for them without end. "
        "Leave these nodes out by a placement constraint, or push the image for their platforms too."
    )
    assert result.service["warnings"] == ([said] if warned else [])


def held(engine: Endpoint, name: str) -> Any:
    return services.inspect(engine, name)["Spec"]["TaskTemplate"]


@pytest.mark.parametrize("placement", [{}, {"MaxReplicas": 4, "Constraints": ["node.platform.os == linux"]}])
def test_single_oci_manifest_clears_the_platforms_of_the_former_image(
    engine: Endpoint, registry: Registry, service_name: str, placement: Any
) -> None:
    registry.push("whoami:0.8", "oci:docker")
    digest = registry.put_oci("oci", "1", of="docker")
    spec = services.simple(service_name, f"{registry.address}/oci:docker")
    spec["TaskTemplate"]["Placement"] = {**placement, "Platforms": STALE}
    services.post(engine, spec)
    image = f"{registry.address}/oci:1"
    result = change_image(engine.host, service_name, image=image, wait=True, wait_timeout=60, diff=True)
    assert not result.failed, result.text
    assert (result.service["outcome"], result.service["warnings"]) == ("converged", [])
    assert held(engine, service_name)["ContainerSpec"]["Image"] == f"{image}@{digest}"
    assert held(engine, service_name)["Placement"] == placement
    [diff] = result.data["diff"]
    assert diff["before"] == {"image": f"{registry.address}/oci:docker", "platforms": STALE}
    assert diff["after"] == {"image": f"{image}@{digest}", "platforms": []}
    assert not change_image(engine.host, service_name, image=image, resolve="always").changed


@pytest.mark.parametrize("resolve", ["changed", "never"])
def test_platforms_that_are_kept_are_warned_of(engine: Endpoint, service_name: str, resolve: str) -> None:
    """Nothing listens at the registry's address, so what the new image is for is not known."""
    spec = services.simple(service_name, "127.0.0.1:5999/app:1", replicas=0)
    spec["TaskTemplate"]["Placement"] = {"Platforms": STALE}
    services.post(engine, spec)
    result = change_image(engine.host, service_name, image="127.0.0.1:5999/app:2", resolve=resolve)
    *others, warning = result.service["warnings"]
    assert warning == (
        "The service keeps the platforms of its former image (linux/s390x), since those of the new one are not known."
    )
    assert len(others) == (0 if resolve == "never" else 1)
    assert held(engine, service_name)["Placement"] == {"Platforms": STALE}

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags that move, platforms, and the options that go with them, on a real registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration import registries, run, state
from tests.swarm import Endpoint, Proxy, Registry, services

LINUX = "linux"
STALE = [{"Architecture": "s390x", "OS": LINUX}]
PLACEMENT = {
    "Constraints": ["node.platform.os == linux"],
    "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
    "MaxReplicas": 4,
}


def change_image(host: str, name: str | None, **params: Any) -> run.Result:
    """Run the module, which must not fail."""
    named = {} if name is None else {"name": name}
    result = run.module("swarm_service_image", **{"resolve": "changed", "docker_host": host, **named, **params})
    assert not result.failed, result.text
    return result


def of(engine: Endpoint, name: str) -> Any:
    """Return a service's spec for its tasks."""
    return services.inspect(engine, name)["Spec"]["TaskTemplate"]


def test_tag_that_is_pushed_again(engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str) -> None:
    image = f"{registry.address}/moving:1"
    old = registry.push("whoami:0.6", "moving:1")
    services.create(engine, service_name, "whoami:0.7", replicas=0)
    first = change_image(proxy.host, service_name, image=image)
    assert first.service["image"]["after"] == f"{image}@{old}"
    state.set_replicas(engine, service_name, 1)
    assert registries.page(engine, service_name, f"{image}@{old}") == "whoami 0.6\n"

    new = registry.push("whoami:0.8", "moving:1")
    before = state.of(engine, service_name)
    proxy.clear()
    left = change_image(proxy.host, service_name, image=image)
    assert (left.changed, left.service["outcome"], proxy.posts) == (False, "unchanged", [])
    assert state.of(engine, service_name) == before

    followed = change_image(proxy.host, service_name, image=image, resolve="always", wait=True)
    assert (followed.changed, followed.service["outcome"], len(proxy.posts)) == (True, "converged", 1)
    assert followed.service["image"] == {"before": f"{image}@{old}", "after": f"{image}@{new}"}
    assert registries.page(engine, service_name, f"{image}@{new}") == "whoami 0.8\n"

    after = state.of(engine, service_name)
    proxy.clear()
    again = change_image(proxy.host, service_name, image=image, resolve="always")
    assert (again.changed, proxy.posts, len(registries.asked(proxy))) == (False, [], 1)
    assert state.of(engine, service_name) == after


def test_check_mode_resolves_and_does_not_write(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    old, new = registries.push_again(registry, "checked:1")
    image = f"{registry.address}/checked:1"
    services.create(engine, service_name, f"{image}@{old}", replicas=0)
    before = state.of(engine, service_name)
    told, done = (
        change_image(proxy.host, service_name, image=image, resolve="always", check=check, diff=True)
        for check in (True, False)
    )
    assert told.changed is done.changed is True
    assert told.data["diff"] == done.data["diff"]
    assert told.service["image"] == done.service["image"] == {"before": f"{image}@{old}", "after": f"{image}@{new}"}
    assert len(proxy.posts) == 1
    assert state.of(engine, service_name).previous == before.spec


def test_neither_image_nor_tag_follows_what_runs(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    old, new = registries.push_again(registry, "own:1")
    image = f"{registry.address}/own:1"
    services.create(engine, service_name, f"{image}@{old}", replicas=0)
    result = change_image(proxy.host, service_name, resolve="always")
    assert (result.changed, state.of(engine, service_name).image) == (True, f"{image}@{new}")
    after = state.of(engine, service_name)
    assert not change_image(proxy.host, service_name, resolve="always").changed
    assert len(proxy.posts) == 1
    assert state.of(engine, service_name) == after


def test_neither_image_nor_tag_leaves_a_pin_without_tag(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    old, _new = registries.push_again(registry, "pinned:1")
    services.create(engine, service_name, f"{registry.address}/pinned@{old}", replicas=0)
    assert not change_image(proxy.host, service_name, resolve="always").changed
    assert (proxy.posts, registries.asked(proxy)) == ([], [])


@pytest.mark.parametrize("resolve", ["changed", "never"])
def test_neither_image_nor_tag_needs_resolve_always(proxy: Proxy, service: str, resolve: str) -> None:
    result = run.module("swarm_service_image", name=service, resolve=resolve, docker_host=proxy.host)
    assert result.failed
    assert "resolve=always" in result.message
    assert "Nothing was changed." in result.message
    assert proxy.requests == []


def test_tag_keeps_each_repository(engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str) -> None:
    digests = {name: registry.push("whoami:0.8", f"{name}:2") for name in ("shop/web", "shop/worker")}
    for name in digests:
        services.create(
            engine,
            f"{service_name}-{name[5:]}",
            f"{registry.address}/{name}:1",
            replicas=0,
            Labels={"com.docker.stack.namespace": service_name},
        )
    listed = [{"name": f"{service_name}-{name[5:]}"} for name in digests]
    done = change_image(proxy.host, None, tag="2", select={"stack": service_name})
    wanted = {f"{service_name}-{name[5:]}": f"{registry.address}/{name}:2@{digests[name]}" for name in digests}
    assert {entry["name"]: entry["image"]["after"] for entry in done.data["services"]} == wanted
    assert {name: state.of(engine, name).image for name in wanted} == wanted
    assert len(proxy.posts) == 2
    again = change_image(proxy.host, None, tag="2", services=listed)
    assert (again.changed, len(proxy.posts)) == (False, 2)


def test_tag_takes_the_place_of_tag_and_digest(engine: Endpoint, registry: Registry, service_name: str) -> None:
    old, _new = registries.push_again(registry, "tagged:1")
    two = registry.push("whoami:0.7", "tagged:2")
    services.create(engine, service_name, f"{registry.address}/tagged:1@{old}", replicas=0)
    change_image(engine.host, service_name, tag="2")
    assert state.of(engine, service_name).image == f"{registry.address}/tagged:2@{two}"


def test_force_redeploys_and_keeps_the_pin(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    old, _new = registries.push_again(registry, "forced:1")
    image = f"{registry.address}/forced:1"
    services.create(engine, service_name, f"{image}@{old}", replicas=0)
    for count in (1, 2):
        before = of(engine, service_name)
        result = change_image(proxy.host, service_name, image=image, force=True, diff=True)
        assert (result.changed, result.service["outcome"], len(proxy.posts)) == (True, "updated", count)
        assert of(engine, service_name) == {**before, "ForceUpdate": count}
        assert of(engine, service_name)["ContainerSpec"]["Image"] == f"{image}@{old}"
        [diff] = result.data["diff"]
        assert (diff["before"], diff["after"]) == ({"force_update": count - 1}, {"force_update": count})
    assert registries.asked(proxy) == []


def test_force_without_image_or_tag(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = of(engine, service)
    assert change_image(proxy.host, service, force=True, check=True).changed
    assert proxy.posts == []
    assert change_image(proxy.host, service, force=True).changed
    assert of(engine, service) == {**before, "ForceUpdate": 1}


def test_force_goes_with_a_tag_that_moved(engine: Endpoint, registry: Registry, service_name: str) -> None:
    old, new = registries.push_again(registry, "both:1")
    image = f"{registry.address}/both:1"
    services.create(engine, service_name, f"{image}@{old}", replicas=0)
    assert change_image(engine.host, service_name, force=True, resolve="always").changed
    task = of(engine, service_name)
    assert (task["ForceUpdate"], task["ContainerSpec"]["Image"]) == (1, f"{image}@{new}")


def platforms(*architectures: str) -> list[dict[str, str]]:
    """Return the platforms of a spec; an empty architecture is left out, as the engine does."""
    return [{**({"Architecture": name} if name else {}), "OS": LINUX} for name in architectures]


INDEXES = {
    "with-attestation": (("linux/amd64", "linux/arm64", "linux/arm/v7", "unknown/unknown"), ("amd64", "arm64", "")),
    "arm-in-three-variants": (("linux/amd64", "linux/arm/v5", "linux/arm/v6", "linux/arm/v7"), ("amd64", "")),
    "twice": (("linux/amd64", "linux/amd64", "linux/arm64/v8"), ("amd64", "arm64")),
}


@pytest.mark.parametrize("entries", INDEXES.values(), ids=INDEXES)
def test_platforms_follow_a_multi_platform_image(
    engine: Endpoint,
    registry: Registry,
    service_name: str,
    entries: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    pushed, wanted = entries
    registry.push("whoami:0.8", "multi:single")
    index = registry.put_index("multi", "1", of="single", platforms=pushed)
    spec = services.simple(service_name, "whoami:0.7", replicas=0)
    spec["TaskTemplate"]["Placement"] = {**PLACEMENT, "Platforms": STALE}
    services.post(engine, spec)
    before = state.of(engine, service_name)
    image = f"{registry.address}/multi:1"
    result = change_image(engine.host, service_name, image=image)
    task = of(engine, service_name)
    assert task["ContainerSpec"]["Image"] == result.service["image"]["after"] == f"{image}@{index}"
    assert task["Placement"] == {**PLACEMENT, "Platforms": platforms(*wanted)}
    expected = json.loads(before.spec)
    expected["TaskTemplate"]["ContainerSpec"]["Image"] = f"{image}@{index}"
    expected["TaskTemplate"]["Placement"]["Platforms"] = platforms(*wanted)
    assert json.loads(state.of(engine, service_name).spec) == expected


def test_platforms_are_those_that_dockers_command_line_writes(
    engine: Endpoint, registry: Registry, service_name: str
) -> None:
    registry.push("whoami:0.8", "cli:single")
    registry.put_index("cli", "1", of="single", platforms=("linux/amd64", "linux/arm64", "linux/arm/v7"))
    image = f"{registry.address}/cli:1"
    ours, theirs = f"{service_name}-ours", f"{service_name}-theirs"
    for name in (ours, theirs):
        services.create(engine, name, "whoami:0.7", replicas=0)
    change_image(engine.host, ours, image=image)
    engine.docker("service", "update", "--detach", "--image", image, theirs)
    assert of(engine, ours)["ContainerSpec"]["Image"] == of(engine, theirs)["ContainerSpec"]["Image"]
    assert of(engine, ours)["Placement"] == of(engine, theirs)["Placement"]


def test_platforms_follow_a_single_platform_image(engine: Endpoint, registry: Registry, service_name: str) -> None:
    digest = registry.push("whoami:0.8", "single:1")
    architecture = engine.get("/images/whoami:0.8/json")["Architecture"]
    services.rich(engine, service_name)
    before = of(engine, service_name)
    image = f"{registry.address}/single:1"
    change_image(engine.host, service_name, image=image)
    after = of(engine, service_name)
    assert after["ContainerSpec"].pop("Image") == f"{image}@{digest}"
    assert after["Placement"].pop("Platforms") == platforms(architecture)
    before["ContainerSpec"].pop("Image")
    assert after == before


def test_platforms_are_left_alone_where_nothing_is_resolved(
    engine: Endpoint, registry: Registry, service_name: str
) -> None:
    registry.push("whoami:0.8", "unasked:1")
    spec = services.simple(service_name, "whoami:0.7", replicas=0)
    spec["TaskTemplate"]["Placement"] = {**PLACEMENT, "Platforms": STALE}
    services.post(engine, spec)
    change_image(engine.host, service_name, image=f"{registry.address}/unasked:1", resolve="never")
    assert of(engine, service_name)["Placement"] == {**PLACEMENT, "Platforms": STALE}


@pytest.mark.parametrize("stored", [STALE, None], ids=["other", "none"])
def test_platforms_alone_are_no_change(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str, stored: list[dict[str, str]] | None
) -> None:
    digest = registry.push("whoami:0.8", "alone:1")
    image = f"{registry.address}/alone:1"
    spec = services.simple(service_name, f"{image}@{digest}", replicas=0)
    spec["TaskTemplate"]["Placement"] = {**PLACEMENT, **({"Platforms": stored} if stored else {})}
    services.post(engine, spec)
    before = state.of(engine, service_name)
    for resolve in ("always", "changed"):
        assert not change_image(proxy.host, service_name, image=image, resolve=resolve, diff=True).data.get("diff")
    assert proxy.posts == []
    assert state.of(engine, service_name) == before


def test_one_question_for_services_of_one_image(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    digest = registry.push("whoami:0.8", "common:1")
    image = f"{registry.address}/common:1"
    names = [f"{service_name}-{number}" for number in range(3)]
    for name in names:
        services.create(engine, name, "whoami:0.7", replicas=0)
    listed = [{"name": name, "image": image} for name in names]
    change_image(proxy.host, None, services=listed)
    assert [state.of(engine, name).image for name in names] == [f"{image}@{digest}"] * 3
    assert len(registries.asked(proxy)) == 1

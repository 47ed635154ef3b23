# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that returns no digest: what is said of it, and what becomes of the services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import registries, run, state
from tests.swarm import Endpoint, Proxy, Registry, services
from tests.swarm.proxy import CutAfter, CutBefore, Delay, Reply

TIMEOUT = 1
OPEN = "127.0.0.1:5008"
ANSWERS = {
    "401": (f"{OPEN}/401/app:1", "401: unauthorized: 401 of a test"),
    "403": (f"{OPEN}/403/app:1", "403: denied: 403 of a test"),
    "429": (f"{OPEN}/429/app:1", "429: toomanyrequests: 429 of a test"),
    "500": (f"{OPEN}/500/app:1", "500 Internal Server Error"),
    "web-page": (f"{OPEN}/html/app:1", "invalid character '<'"),
    "garbage": (f"{OPEN}/garbage/app:1", r"invalid character '\x00'"),
    "slow": (f"{OPEN}/slow/app:1", "within 1 seconds"),
    "down": (f"{registries.NOWHERE}/app:1", "connection refused"),
}


@pytest.fixture(scope="module")
def misbehaving(engine: Endpoint) -> Iterator[registries.Misbehaving]:
    with registries.Misbehaving(engine, 5008) as started:
        assert started.address == OPEN
        yield started


def change_image(host: str, name: str | None, **params: Any) -> run.Result:
    """Run the module with a short time-out for a call."""
    named = {} if name is None else {"name": name}
    options = {"resolve": "changed", "timeout": TIMEOUT, "docker_host": host, **named}
    return run.module("swarm_service_image", **{**options, **params})


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize(("image", "said"), ANSWERS.values(), ids=ANSWERS)
def test_no_digest(engine: Endpoint, proxy: Proxy, service: str, image: str, said: str) -> None:
    before = state.of(engine, service)
    refused = change_image(proxy.host, service, image=image, on_unresolved="fail")
    assert refused.failed
    assert f"The registry {image.partition('/')[0]} returned no digest for {image}" in refused.message
    assert said in refused.message
    assert "Nothing was changed." in refused.message
    assert len(registries.asked(proxy)) == 1
    assert proxy.posts == []
    assert state.of(engine, service) == before

    warned = change_image(proxy.host, service, image=image, on_unresolved="warn")
    assert (warned.failed, warned.changed) == (False, True)
    warning, move = warned.service["warnings"]
    assert f"from the registry docker.io to {image.partition('/')[0]}." in move
    assert f"The registry {image.partition('/')[0]} returned no digest for {image}" in warning
    assert said in warning
    assert f"The service gets {image} without a digest" in warning
    assert f"{service}: The registry {image.partition('/')[0]}" in str(warned.data["warnings"])
    assert state.of(engine, service).spec == before.with_image(image)


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize("status", ["401", "403"])
def test_refused_without_credentials_says_how_to_give_them(proxy: Proxy, service: str, status: str) -> None:
    result = change_image(proxy.host, service, image=f"{OPEN}/{status}/app:1", on_unresolved="fail")
    assert "without credentials" in result.message
    assert "registry_auth=docker_config" in result.message


def test_private_registry_without_credentials(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, service: str
) -> None:
    private_registry.push("whoami:0.8", "closed:1")
    image = f"{private_registry.address}/closed:1"
    before = state.of(engine, service)
    refused = change_image(proxy.host, service, image=image, on_unresolved="fail", timeout=60)
    assert refused.failed
    assert f"The registry {private_registry.address} returned no digest for {image}" in refused.message
    assert "no basic auth credentials" in refused.message
    assert "asked without credentials" in refused.message
    assert proxy.posts == []
    assert state.of(engine, service) == before

    warned = change_image(proxy.host, service, image=image, on_unresolved="warn", timeout=60)
    assert warned.changed
    assert "no basic auth credentials" in warned.service["warnings"][0]
    assert state.of(engine, service).image == image

    state.set_replicas(engine, service, 1)
    rejected = run.module("swarm_service_wait", name=service, wait_timeout=3, docker_host=engine.host)
    assert rejected.failed
    assert rejected.service["progress"] == {"running": 0, "desired": 1}


def test_wrong_password(engine: Endpoint, proxy: Proxy, private_registry: Registry, service: str) -> None:
    private_registry.push("whoami:0.8", "closed:1")
    image = f"{private_registry.address}/closed:1"
    before = state.of(engine, service)
    given = {"registry_username": private_registry.username, "registry_password": "quite wrong"}
    refused = change_image(proxy.host, service, image=image, on_unresolved="fail", timeout=60, **given)
    assert refused.failed
    assert f"returned no digest for {image}" in refused.message
    assert f"with credentials for {private_registry.address}" in refused.message
    assert "quite wrong" not in refused.text
    assert state.of(engine, service) == before


@pytest.mark.parametrize("on_unresolved", ["warn", "fail"])
@pytest.mark.parametrize("missing", ["no/such/app:9", "app:9", f"app@sha256:{'a' * 64}"])
def test_unknown_image_in_a_real_registry(
    engine: Endpoint, proxy: Proxy, registry: Registry, service: str, missing: str, on_unresolved: str
) -> None:
    registry.push("whoami:0.8", "app:1")
    image = f"{registry.address}/{missing}"
    before = state.of(engine, service)
    refused = change_image(proxy.host, service, image=image, on_unresolved=on_unresolved, timeout=60)
    assert f"returned no digest for {image} (404: manifest unknown" in refused.message
    assert refused.message.endswith("Nothing was changed.")
    assert proxy.posts == []
    assert state.of(engine, service) == before
    assert change_image(proxy.host, service, image=image, resolve="never").changed


@pytest.mark.usefixtures("misbehaving")
def test_missing_image_behind_a_registry_with_words_of_its_own(engine: Endpoint, proxy: Proxy, service: str) -> None:
    before = state.of(engine, service)
    refused = change_image(proxy.host, service, image=f"{OPEN}/404/app:1")
    assert "404: manifest unknown: 404 of a test" in refused.message
    assert proxy.posts == []
    assert state.of(engine, service) == before


def test_stated_digest_that_the_registry_answers_with_another(
    engine: Endpoint, proxy: Proxy, registry: Registry, service: str
) -> None:
    other = {"Descriptor": {"digest": registry.push("whoami:0.8", "app:1")}}
    stated = registry.push("whoami:0.6", "app:2")
    before = state.of(engine, service)
    proxy.on("GET", registries.DISTRIBUTION, Reply(200, other))
    refused = change_image(proxy.host, service, image=f"{registry.address}/app@{stated}", timeout=60)
    assert f"answered with the digest {other['Descriptor']['digest']}" in refused.message
    assert proxy.posts == []
    assert state.of(engine, service) == before


@pytest.mark.parametrize("stored", ["1@", "latest@"])
def test_pin_is_kept_while_its_registry_is_down(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str, stored: str
) -> None:
    tag = stored.rstrip("@")
    digest = registry.push("whoami:0.8", f"down:{tag}")
    image = f"{registry.address}/down:{tag}"
    services.create(engine, service_name, f"{image}@{digest}", replicas=0)
    before = state.of(engine, service_name)
    registry.stop()
    try:
        for wish in ({"image": image}, {"tag": tag}, {}):
            kept = change_image(proxy.host, service_name, resolve="always", timeout=60, **wish)
            assert (kept.failed, kept.changed, kept.service["outcome"]) == (False, False, "unchanged")
            [warning] = kept.service["warnings"]
            assert "connection refused" in warning
            assert f"the service keeps {image}@{digest[:19]}" in warning
        refused = change_image(proxy.host, service_name, resolve="always", on_unresolved="fail", timeout=60)
        assert refused.failed
        assert f"The registry {registry.address} returned no digest for {image}" in refused.message
    finally:
        registry.start()
    assert proxy.posts == []
    assert state.of(engine, service_name) == before
    assert not change_image(proxy.host, service_name, resolve="always", timeout=60).service["warnings"]


def test_forced_redeploy_keeps_the_pin_of_a_registry_that_is_down(
    engine: Endpoint, proxy: Proxy, service_name: str
) -> None:
    image = f"{registries.NOWHERE}/app:1@sha256:{'a' * 64}"
    services.create(engine, service_name, image, replicas=0)
    forced = change_image(proxy.host, service_name, resolve="always", force=True)
    assert (forced.changed, len(proxy.posts)) == (True, 1)
    assert f"the service keeps {image[:-52]}." in forced.service["warnings"][0]
    assert state.of(engine, service_name).image == image


def test_stated_digest_does_without_the_registry(engine: Endpoint, proxy: Proxy, service_name: str) -> None:
    spec = services.simple(service_name, "whoami:0.7", replicas=0)
    spec["TaskTemplate"]["Placement"] = {"Platforms": [{"Architecture": "s390x", "OS": "linux"}]}
    services.post(engine, spec)
    image = f"{registries.NOWHERE}/app:1@sha256:{'a' * 64}"
    before = state.of(engine, service_name)
    warned = change_image(proxy.host, service_name, image=image)
    assert warned.changed
    unresolved, kept, _move = warned.service["warnings"]
    assert unresolved.endswith("The digest is the one that was asked for; which platforms it is for is not known.")
    assert kept.startswith("The service keeps the platforms of its former image (linux/s390x), since those of the new")
    assert state.of(engine, service_name).spec == before.with_image(image)


def test_one_of_several_unresolved_stops_all(
    engine: Endpoint, proxy: Proxy, registry: Registry, service_name: str
) -> None:
    registry.push("whoami:0.8", "first:1")
    names = [f"{service_name}-{number}" for number in (1, 2)]
    for name in names:
        services.create(engine, name, "whoami:0.7", replicas=0)
    before = [state.of(engine, name) for name in names]
    images = (f"{registry.address}/first:1", f"{registries.NOWHERE}/app:1")
    listed = [{"name": name, "image": image} for name, image in zip(names, images)]
    result = change_image(proxy.host, None, services=listed, on_unresolved="fail")
    assert result.failed
    assert images[1] in result.message
    assert len(registries.asked(proxy)) == 2
    assert proxy.posts == []
    assert [state.of(engine, name) for name in names] == before


def test_one_of_several_unresolved_leaves_the_others_alone(
    engine: Endpoint, registry: Registry, service_name: str
) -> None:
    digest = registry.push("whoami:0.8", "first:1")
    names = [f"{service_name}-{number}" for number in (1, 2)]
    for name in names:
        services.create(engine, name, "whoami:0.7", replicas=0)
    images = (f"{registry.address}/first:1", f"{registries.NOWHERE}/app:1")
    listed = [{"name": name, "image": image} for name, image in zip(names, images)]
    result = change_image(engine.host, None, services=listed)
    unresolved = [["no digest" in warning for warning in entry["warnings"]] for entry in result.data["services"]]
    assert unresolved == [[False], [True, False]]  # the others are about the move from one registry to another
    assert [state.of(engine, name).image for name in names] == [f"{images[0]}@{digest}", images[1]]


TROUBLE = {
    "cut-before": (CutBefore(), "the connection to"),
    "cut-after": (CutAfter(), "the connection to"),
    "late": (Delay(30), "within 1 seconds"),
    "no-json": (Reply(200, b"<html>"), "is not JSON"),
    "no-digest": (Reply(200, {"Descriptor": {}, "Platforms": []}), "no usable digest"),
    "no-descriptor": (Reply(200, {}), "no usable digest"),
    "null": (Reply(200, b"null"), "not the dict"),
    "wrong-digest": (Reply(200, {"Descriptor": {"digest": "sha256:beef"}}), "no usable digest"),
    "gateway": (Reply(502, b"<html>Bad gateway</html>"), "502"),
    "no-text": (Reply(500, {"message": ""}), "500"),
    "deadline": (Reply(500, {"message": "context deadline exceeded"}), "500: context deadline exceeded"),
}


@pytest.mark.parametrize(("action", "said"), TROUBLE.values(), ids=TROUBLE)
def test_no_answer_from_the_engine(
    engine: Endpoint, proxy: Proxy, registry: Registry, service: str, action: Any, said: str
) -> None:
    image = f"{registry.address}/app:1"
    before = state.of(engine, service)
    proxy.on("GET", registries.DISTRIBUTION, action, times=None)
    result = change_image(proxy.host, service, image=image, on_unresolved="fail")
    assert result.failed
    assert registry.address in result.message
    assert image in result.message
    assert said in result.message
    assert result.message.endswith("Nothing was changed.")
    assert len(registries.asked(proxy)) == 1
    assert proxy.posts == []
    assert state.of(engine, service) == before

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image changes, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy, eventually, services
from tests.swarm.proxy import Rewrite
from tests.swarm.specs import differing

UNKNOWN = {"Ratio": 0.1, "Big": 12345678901234567890, "Text": 'ünknöwn \u2028 "quoted"', "Empty": {}, "None": None}


def change_image(engine: Endpoint, name: str) -> None:
    """Go to whoami:0.6 and check that the engine's bytes differ in the image alone."""
    before = state.of(engine, name)
    result = run.module("swarm_service_image", name=name, image="whoami:0.6", docker_host=engine.host)
    after = state.of(engine, name)
    assert result.changed, result.text
    assert after.spec == before.with_image("whoami:0.6")
    assert after.previous == before.spec
    assert result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.6"}


@pytest.mark.parametrize("mode", sorted(services.MODES))
def test_rich_service_has_every_field(engine: Endpoint, service_name: str, mode: str) -> None:
    """What an engine does not store says nothing of what an update keeps."""
    sent = services.rich_spec(engine, service_name, mode=mode)
    services.post(engine, sent)
    assert differing(sent, services.inspect(engine, service_name)["Spec"]).lost == ()


@pytest.mark.parametrize("mode", sorted(services.MODES))
def test_rich_service_keeps_every_field(engine: Endpoint, service_name: str, mode: str) -> None:
    services.rich(engine, service_name, mode=mode)
    change_image(engine, service_name)


def test_addresses_and_ports_stay(engine: Endpoint, service_name: str) -> None:
    def endpoint() -> Any:
        return services.inspect(engine, service_name)["Endpoint"]

    services.rich(engine, service_name)
    eventually(lambda: len(endpoint().get("VirtualIPs", ())) >= 2, "the service has its virtual addresses")
    before = endpoint()
    change_image(engine, service_name)
    eventually(lambda: endpoint() == before, "the service has the addresses and ports that it had")
    assert {port["TargetPort"] for port in before["Ports"]} == {53, 80, 81}


def test_story_service_rolls_to_the_image(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name, image="whoami:0.7")
    change_image(engine, service_name)
    services.started(engine, service_name, image="whoami:0.6")


def test_legacy_networks_stay_with_their_aliases(engine: Endpoint, service_name: str) -> None:
    services.legacy_networks(engine, service_name)
    networks = services.inspect(engine, service_name)["Spec"]["Networks"]
    change_image(engine, service_name)
    held = services.inspect(engine, service_name)["Spec"]
    assert held["Networks"] == networks
    assert held["Networks"][0]["Aliases"] == [f"{service_name}-alias"]
    assert not held["TaskTemplate"].get("Networks")


def test_unknown_fields_survive(engine: Endpoint, proxy: Proxy, service: str) -> None:
    def from_a_newer_engine(answer: bytes) -> bytes:
        held = json.loads(answer)
        for spec in [each["Spec"] for each in (held if isinstance(held, list) else [held])]:
            task = spec["TaskTemplate"]
            for part in (spec, task, task["ContainerSpec"], spec["Mode"]["Replicated"]):
                part["NeverHeardOf"] = UNKNOWN
        return json.dumps(held).encode()

    before = state.of(engine, service)
    read = json.loads(from_a_newer_engine(engine.checked("GET", f"/services/{service}").content))["Spec"]
    proxy.on("GET", state.READ, Rewrite(from_a_newer_engine), times=None)
    result = run.module("swarm_service_image", name=service, image="whoami:0.6", docker_host=proxy.host)

    assert result.changed, result.text
    [sent] = proxy.posts
    read["TaskTemplate"]["ContainerSpec"]["Image"] = "whoami:0.6"
    assert json.dumps(sent.json) == json.dumps(read)
    assert state.of(engine, service).spec == before.with_image("whoami:0.6")


def test_engine_is_spoken_to_in_its_own_version(engine: Endpoint, proxy: Proxy, service: str) -> None:
    run.module("swarm_service_image", name=service, image="whoami:0.6", docker_host=proxy.host)
    paths = [request.path for request in proxy.requests]
    assert paths[0] == "/_ping"
    assert {path.split("/")[1] for path in paths[1:]} == {f"v{engine.version}"}

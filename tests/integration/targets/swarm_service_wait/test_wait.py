# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for services that others changed, a whole stack of them, and says why they have not converged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.rolling import AT_ONCE, LONG, at, at_once, await_, meanwhile, roll, slow, stands
from tests.integration.run import Result, adhoc, module
from tests.integration.state import set_image
from tests.swarm import Endpoint, Proxy, eventually, services

STACK_LABEL = "com.docker.stack.namespace"


def stack(name: str, number: int, image: str = "whoami:0.7", **fields: Any) -> services.Spec:
    """Return the spec of a service as `docker stack deploy` makes it."""
    return services.simple(f"{name}_{number}", image, Labels={STACK_LABEL: name}, **fields)


def wait(engine: Endpoint, **params: Any) -> Result:
    return module("swarm_service_wait", **{"wait_timeout": LONG, **at(engine), **params})


@pytest.fixture(scope="module")
def waited(engine: Endpoint) -> Iterator[dict[str, Any]]:
    """Wait for all kinds of services at once."""
    prefix = f"waited{os.getpid()}"
    kinds: dict[str, Callable[[Endpoint, str], Any]] = {
        "fresh stack": fresh_stack,
        "bad stack": bad_stack,
        "rolling": rolling,
        "paused": partial(bad_update, action="pause"),
        "rolled back": partial(bad_update, action="rollback"),
        "removed": removed,
    }
    yield at_once({key: partial(kind, engine, f"{prefix}-{key.replace(' ', '-')}") for key, kind in kinds.items()})
    services.remove(engine, prefix)


def fresh_stack(engine: Endpoint, name: str) -> tuple[Result, list[int]]:
    services.post(engine, stack(name, 1, replicas=2))
    services.post(engine, stack(name, 2, Mode={"Global": {}}))
    services.post(engine, stack(name, 3, replicas=0))
    result = wait(engine, select={"stack": name})
    return result, [services.running(engine, f"{name}_{number}") for number in (1, 2, 3)]


def test_fresh_stack(waited: dict[str, Any]) -> None:
    result, running = waited["fresh stack"]
    assert not result.failed, result.text
    assert not result.changed
    assert [entry["outcome"] for entry in result.data["services"]] == ["converged"] * 3
    assert [entry["progress"]["running"] for entry in result.data["services"]] == running == [2, 1, 0]
    assert "service" not in result.data


def bad_stack(engine: Endpoint, name: str) -> Result:
    services.post(engine, stack(name, 1))
    services.post(engine, stack(name, 2, "crash:1", monitor=5.0))  # on a busy machine even a crash takes its time
    return wait(engine, select={"stack": name}, wait_timeout=30)


def test_stack_with_a_service_that_fails(waited: dict[str, Any]) -> None:
    result = waited["bad stack"]
    assert result.failed
    good, bad = result.data["services"]
    assert (good["outcome"], bad["outcome"]) == ("converged", "timed_out")
    assert (good["tasks"], bad["changed"]) == ([], False)
    [task] = bad["tasks"]
    assert (task["slot"], task["state"], task["exit_code"]) == (1, "failed", 1)
    assert "non-zero exit (1)" in task["error"]
    for words in (bad["name"], "crash:1", "non-zero exit (1)"):
        assert words in result.message
    assert good["name"] not in result.message


def rolling(engine: Endpoint, name: str) -> tuple[Result, Any]:
    stands(engine, slow(name, replicas=2, delay=2), 2)
    set_image(engine, name, "whoami:0.6")
    return await_(engine, name), services.inspect(engine, name)


def test_update_of_somebody_else(waited: dict[str, Any]) -> None:
    result, service = waited["rolling"]
    assert not result.failed, result.text
    assert not result.changed
    assert service["UpdateStatus"]["State"] == "completed"
    assert result.service["outcome"] == "converged"
    assert result.service["image"]["after"] == "whoami:0.6"
    assert result.data["services"] == [result.service]


def bad_update(engine: Endpoint, name: str, action: str) -> Result:
    spec = services.simple(name, "whoami:0.7", monitor=3)
    spec["UpdateConfig"]["FailureAction"] = action
    stands(engine, spec, 1)
    set_image(engine, name, "crash:1")
    return await_(engine, name)


@pytest.mark.parametrize(
    ("key", "outcome", "image"), [("paused", "paused", "crash:1"), ("rolled back", "rolled_back", "whoami:0.7")]
)
def test_failed_update_of_somebody_else(waited: dict[str, Any], key: str, outcome: str, image: str) -> None:
    result = waited[key]
    assert result.failed
    assert not result.changed
    assert result.seconds < LONG / 2
    assert result.service["outcome"] == outcome
    assert result.service["image"]["after"] == image
    assert image in result.message


def test_failing_tasks_of_a_paused_update(waited: dict[str, Any]) -> None:
    [task] = waited["paused"].service["tasks"]
    assert (task["slot"], task["state"], task["exit_code"]) == (1, "failed", 1)


def test_failing_tasks_of_an_update_that_was_rolled_back(waited: dict[str, Any]) -> None:
    [task] = waited["rolled back"].service["tasks"]
    assert (task["slot"], task["state"], task["exit_code"]) == (1, "failed", 1)


def removed(engine: Endpoint, name: str) -> tuple[Result, float]:
    stands(engine, slow(name, replicas=2), 2)
    roll(engine, name, wait=False)

    with Proxy(engine.host) as proxy:

        def doing() -> None:
            eventually(lambda: any("/nodes" in request.path for request in proxy.requests), "it waits", timeout=LONG)
            engine.checked("DELETE", f"/services/{name}")

        return meanwhile(partial(wait, engine, name=name, docker_host=proxy.host), doing)


def test_removed_service_is_told_at_once(waited: dict[str, Any]) -> None:
    result, seconds = waited["removed"]
    assert result.failed
    assert seconds < AT_ONCE
    assert result.service["outcome"] == "superseded"
    assert "removed" in result.message


def test_services_by_name(engine: Endpoint, service_name: str) -> None:
    names = [f"{service_name}-{number}" for number in (2, 1)]
    for name in names:
        services.create(engine, name, "whoami:0.7", replicas=0)
    result = wait(engine, services=[{"name": name} for name in names])
    assert not result.failed, result.text
    assert [entry["name"] for entry in result.data["services"]] == names


def test_no_service_is_an_error_unless_allowed(engine: Endpoint, service_name: str) -> None:
    select = {"stack": service_name}
    refused = wait(engine, select=select)
    assert refused.failed
    assert service_name in refused.message
    assert "allow_none" in refused.message
    allowed = wait(engine, select=select, allow_none=True)
    assert not allowed.failed, allowed.text
    assert allowed.data["services"] == []


def test_unknown_service(engine: Endpoint, service_name: str) -> None:
    result = wait(engine, name=service_name)
    assert result.failed
    assert service_name in result.message
    assert result.seconds < AT_ONCE


@pytest.mark.parametrize("check", [True, False])
def test_sends_no_write(proxy: Proxy, service: str, check: bool) -> None:
    result = module("swarm_service_wait", name=service, docker_host=proxy.host, check=check)
    assert not result.failed, result.text
    assert proxy.posts == []


def test_through_ansible(engine: Endpoint, service: str) -> None:
    ended = adhoc("swarm_service_wait", {"name": service, **at(engine)})
    assert ended.status == 0, ended.text
    assert '"outcome": "converged"' in ended.text

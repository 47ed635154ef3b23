# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be written: jobs, whose tasks would start again, and rollouts that have not ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration import registries, rolling, state
from tests.integration.keeping import renew
from tests.swarm import Endpoint, Proxy, Registry, eventually, services


def refused(engine: Endpoint, proxy: Proxy, registry: Registry, name: str, *words: str) -> None:
    """See that the module refuses a service, and leaves it as it is."""
    before = services.inspect(engine, name)["Spec"]
    for check in (True, False):
        result = renew(proxy.host, registry, name, check=check)
        assert result.failed
        for word in (name, *words, "Nothing was changed."):
            assert word in result.message
    assert proxy.posts == []
    assert registries.asked(proxy) == []
    assert services.inspect(engine, name)["Spec"] == before


def write_as_it_is(engine: Endpoint, registry: Registry, name: str) -> None:
    """Be another client, who writes a service's spec as it is, with other credentials beside it."""
    service = services.inspect(engine, name)
    params, headers = {"version": str(service["Version"]["Index"])}, {"X-Registry-Auth": registry.auth_header}
    engine.checked("POST", f"/services/{name}/update", params=params, json=service["Spec"], headers=headers)


@pytest.mark.parametrize("mode", ["replicated-job", "global-job"])
def test_job(engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str, mode: str) -> None:
    modes: dict[str, Any] = {"replicated-job": {"ReplicatedJob": {}}, "global-job": {"GlobalJob": {}}}
    spec = services.simple(service_name, "oneshot:1", Mode=modes[mode])
    del spec["UpdateConfig"]
    spec["TaskTemplate"]["RestartPolicy"]["Condition"] = "none"
    services.post(engine, spec)
    refused(engine, proxy, private_registry, service_name, "is a job", "starts its tasks again")


def test_what_a_write_does_to_a_job(engine: Endpoint, private_registry: Registry, service_name: str) -> None:
    spec = services.simple(service_name, "oneshot:1", Mode={"ReplicatedJob": {}})
    del spec["UpdateConfig"]
    spec["TaskTemplate"]["RestartPolicy"]["Condition"] = "none"
    services.post(engine, spec)

    def completed() -> int:
        return sum(task["Status"]["State"] == "complete" for task in rolling.tasks_of(engine, service_name))

    eventually(lambda: completed() == 1, "the job is done", rolling.LONG)
    write_as_it_is(engine, private_registry, service_name)
    eventually(lambda: completed() == 2, "the job is done once more", rolling.LONG)


def test_rollout_under_way(engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str) -> None:
    name = rolling.stands(engine, rolling.slow(service_name, replicas=2), 2)
    state.set_image(engine, name, "whoami:0.6")
    rolling.under_way(engine, name)
    refused(engine, proxy, private_registry, name, "has not ended (its state is updating)")


def test_rollout_that_has_stopped(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str
) -> None:
    """The second half is why: a write of the spec as it is would continue it."""
    name = rolling.stands(engine, rolling.slow(service_name, replicas=2, monitor=3), 2)
    assert rolling.roll(engine, name, "crash:1").result.service["outcome"] == "paused"
    refused(engine, proxy, private_registry, name, "has not ended (its state is paused)", "swarm_service_image")

    stopped = services.inspect(engine, name)["UpdateStatus"]["StartedAt"]
    write_as_it_is(engine, private_registry, name)

    def goes_on() -> bool:
        return bool(services.inspect(engine, name).get("UpdateStatus", {}).get("StartedAt", stopped) != stopped)

    eventually(goes_on, "the rollout goes on", rolling.LONG)


def test_one_refused_service_touches_none(
    engine: Endpoint, proxy: Proxy, private_registry: Registry, service_name: str
) -> None:
    services.create(engine, f"{service_name}_a", "whoami:0.7", replicas=0)
    job = services.simple(f"{service_name}_b", "oneshot:1", Mode={"GlobalJob": {}})
    del job["UpdateConfig"]
    job["TaskTemplate"]["RestartPolicy"]["Condition"] = "none"
    services.post(engine, job)
    listed = [{"name": f"{service_name}_a"}, {"name": f"{service_name}_b"}]
    result = renew(proxy.host, private_registry, services=listed)
    assert result.failed
    assert f"{service_name}_b is a job" in result.message
    assert proxy.posts == []

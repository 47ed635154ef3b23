# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that a swarm keeps credentials with: what they are made of, and which of their tasks can pull."""

from __future__ import annotations

from typing import Any

from tests.integration import rolling, run
from tests.swarm import Endpoint, Registry, eventually, services


def keep(engine: Endpoint, registry: Registry, spec: services.Spec) -> str:
    """Create a service with the registry's present password, and return its name."""
    engine.checked("POST", "/services/create", json=spec, headers={"X-Registry-Auth": registry.auth_header})
    return str(spec["Name"])


def renew(host: str, registry: Registry, name: str | None = None, **params: Any) -> run.Result:
    """Renew a service's credentials with the registry's present password."""
    given = {"registry_username": registry.username, "registry_password": registry.password}
    named = {} if name is None else {"name": name}
    return run.module("swarm_service_credentials", docker_host=host, **{**named, **given, **params})


def started(engine: Endpoint, name: str) -> dict[str, Any]:
    """Return the running tasks of a service by ID: when each was made and began to run, and its container."""
    return {
        task["ID"]: (task["CreatedAt"], task["Status"]["Timestamp"], task["Status"]["ContainerStatus"]["ContainerID"])
        for task in rolling.tasks_of(engine, name)
        if task["Status"]["State"] == "running"
    }


def cannot_pull(engine: Endpoint, name: str) -> None:
    """Wait until a task of a service is rejected, as its node cannot pull the image."""

    def rejected() -> bool:
        return any(task["Status"]["State"] == "rejected" for task in rolling.tasks_of(engine, name))

    eventually(rejected, f"a task of {name} is rejected", timeout=rolling.LONG)

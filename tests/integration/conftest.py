# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that the targets share; the engines come from ``tests/swarm/fixtures.py``."""

from __future__ import annotations

import pytest

from tests.swarm import Endpoint, services

SECRET = "hunter2-in-the-environment"
IMAGE = "swarm_service_image"
LONGEST = tuple(
    f"{IMAGE}/test_{name}.py"
    for name in ("rollout_nodes", "progress", "background", "bad_input", "registry_digests", "batch_writes")
)
"""Files that take a minute and more: they come first, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files first, and all others in the order that they are in."""

    def rank(item: pytest.Item) -> int:
        name = "/".join(item.path.parts[-2:])
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=rank)


@pytest.fixture
def service(engine: Endpoint, service_name: str) -> str:
    """Return the name of a service without tasks at ``whoami:0.7``, with a password in its environment."""
    spec = services.simple(service_name, "whoami:0.7", replicas=0)
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["PLAIN=1", f"PASSWORD={SECRET}"]
    services.post(engine, spec)
    return service_name


@pytest.fixture
def secret() -> str:
    """Return the password in the environment of :func:`service`."""
    return SECRET

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that the targets share; the engines come from ``tests/swarm/fixtures.py``."""

from __future__ import annotations

import pytest

from tests.swarm import Endpoint, services

SECRET = "hunter2-in-the-environment"


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

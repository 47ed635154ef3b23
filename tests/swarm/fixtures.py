# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pytest fixtures over real engines; ``pytest_plugins = ["tests.swarm.fixtures"]`` in a conftest brings them.

``SWARM_TEST_HOST=unix:///…`` names a disposable swarm to use instead of starting one. Where no engine can be started,
the tests fail: nothing here skips.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from . import images, services
from .engine import Endpoint, Engine
from .proxy import Proxy
from .registry import Registry

HOST_VARIABLE = "SWARM_TEST_HOST"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def engine() -> Iterator[Endpoint]:
    """An engine that is the manager of a swarm of one node and has all test images."""
    host = os.environ.get(HOST_VARIABLE, "")
    with Endpoint(host) if host else Engine() as started:
        images.load(started)
        yield started


@pytest.fixture(scope="session")
def registry(engine: Endpoint) -> Iterator[Registry]:
    """An open registry beside the engine."""
    with Registry(engine) as started:
        yield started


@pytest.fixture(scope="session")
def private_registry(engine: Endpoint) -> Iterator[Registry]:
    """A registry beside the engine that asks for a user's name and password."""
    with Registry(engine, port=5001, username="robot", password="s3cret, really") as started:
        yield started


@pytest.fixture
def service_name(engine: Endpoint) -> Iterator[str]:
    """A name that no other test uses; what starts with it is removed from the swarm after the test."""
    name = f"test{os.getpid()}-{next(_numbers)}x"
    yield name
    services.remove(engine, name)


@pytest.fixture
def proxy(engine: Endpoint) -> Iterator[Proxy]:
    """A recording proxy before the engine."""
    with Proxy(engine.host) as started:
        yield started

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that the tests of the papers share; the engines come from ``tests/swarm/fixtures.py``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.papers.desk import desk
from tests.papers.shop import Shop
from tests.swarm import Endpoint, Registry, services


@pytest.fixture(scope="module")
def filled(engine: Endpoint, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Return the shop with its releases in its registry."""
    made = Shop(engine, registry, desk(engine, tmp_path_factory.mktemp("desk")), f"shop{os.getpid()}")
    made.fill()
    return made


@pytest.fixture
def shop(filled: Shop) -> Iterator[Shop]:
    """Return the shop; its services are removed after the test."""
    yield filled
    services.remove(filled.engine, filled.name)

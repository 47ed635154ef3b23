# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module needs no engine: its registries are in a network where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.swarm import Endpoint, Registry
from tests.swarm.box import Box


@pytest.fixture(scope="session")
def network() -> Iterator[Endpoint]:
    """A network of its own, without an engine."""
    with Endpoint("unix:///nowhere/docker.sock", Box()) as place:
        yield place


@pytest.fixture(scope="session")
def registry(network: Endpoint) -> Iterator[Registry]:
    """An open registry in that network."""
    with Registry(network) as started:
        yield started

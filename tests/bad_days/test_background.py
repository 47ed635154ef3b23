# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections cut and controllers killed at random moments of a batch, many times over."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.background import Batch, check_cut, check_killed, cut, kill
from tests.swarm import Endpoint, services

TIMES = 20
LONGEST = 6.0
"""Seconds of a batch's first write within which the moment is."""
MOMENTS = random.Random(7)


@pytest.fixture
def batch(engine: Endpoint, request: pytest.FixtureRequest) -> Iterator[Batch]:
    """A batch whose services are removed at the end."""
    name = f"bad{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    yield Batch(engine, name)
    services.remove(engine, name)


@pytest.mark.parametrize("after", [MOMENTS.uniform(0, LONGEST) for _time in range(TIMES)])
def test_a_connection_that_is_cut(batch: Batch, tmp_path: Path, after: float) -> None:
    check_cut(batch, *cut(batch, tmp_path, after, pipelining=after > LONGEST / 2))


@pytest.mark.parametrize("after", [MOMENTS.uniform(0, LONGEST) for _time in range(TIMES)])
def test_a_controller_that_is_killed(batch: Batch, tmp_path: Path, after: float) -> None:
    check_killed(batch, kill(batch, tmp_path, after))

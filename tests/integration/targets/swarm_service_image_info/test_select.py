# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of services is the one of ``swarm_service_image``: the same rows, read only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.fleet import Fleet, excluded_from, fleet, names_of, run
from tests.swarm import Endpoint, Proxy

SIZE = 130
ROWS = (
    "stack",
    "stack that others begin with",
    "stack and label",
    "all three",
    "label ''",
    "label 'a,b'",
    "label '='",
    "exclude either",
)


@pytest.fixture(scope="module")
def ships(engine: Endpoint) -> Iterator[Fleet]:
    """Create services for the selectors."""
    with fleet(engine, "info", SIZE) as made:
        yield made


@pytest.mark.parametrize("row", ROWS)
def test_selector(ships: Fleet, proxy: Proxy, row: str) -> None:
    select, expected = ships.select(row)
    result = run(proxy.host, "swarm_service_image_info", select=select)
    assert expected
    assert names_of(result) == expected
    assert result.data["excluded"] == (excluded_from(ships, expected) if row.startswith("exclude ") else [])
    assert proxy.posts == []


def test_services_in_the_order_given(ships: Fleet) -> None:
    names = ships.names[::-7]
    result = run(ships.engine.host, "swarm_service_image_info", services=[{"name": name} for name in names])
    assert names_of(result) == names


def test_nobody(ships: Fleet) -> None:
    select = {"stack": f"{ships.prefix}sh"}
    refused = run(ships.engine.host, "swarm_service_image_info", select=select)
    assert refused.failed
    assert "allow_none" in refused.message
    assert names_of(run(ships.engine.host, "swarm_service_image_info", select=select, allow_none=True)) == []


def test_service_listed_twice(ships: Fleet) -> None:
    listed = [{"name": ships.names[0]}, {"name": ships.names[1]}, {"name": ships.names[0]}]
    result = run(ships.engine.host, "swarm_service_image_info", services=listed)
    assert result.failed
    assert "listed twice" in result.message

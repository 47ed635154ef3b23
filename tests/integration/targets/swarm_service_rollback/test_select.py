# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of services is the one of ``swarm_service_image``: the same rows, put back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.fleet import Fleet, excluded_from, fleet, names_of, run, written
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
    with fleet(engine, "back", SIZE) as made:
        yield made


@pytest.mark.parametrize("row", ROWS)
def test_selector(ships: Fleet, proxy: Proxy, row: str) -> None:
    """Update the services, then put them back; the next row finds them as this one did."""
    select, expected = ships.select(row)
    before = ships.images(ships.names)
    assert names_of(run(ships.engine.host, select=select, tag="2")) == expected
    updated = ships.images(expected)
    result = run(proxy.host, "swarm_service_rollback", select=select, wait=False)
    assert expected
    assert names_of(result) == expected
    assert result.data["excluded"] == (excluded_from(ships, expected) if row.startswith("exclude ") else [])
    assert result.changed
    assert written(proxy, ships.held(), "rollback=previous") == expected
    assert ships.images(ships.names) == before
    assert not set(updated) & set(before)


def test_nobody(ships: Fleet, proxy: Proxy) -> None:
    select = {"stack": f"{ships.prefix}sh"}
    refused = run(proxy.host, "swarm_service_rollback", select=select)
    assert refused.failed
    assert "allow_none" in refused.message
    allowed = run(proxy.host, "swarm_service_rollback", select=select, allow_none=True)
    assert (names_of(allowed), allowed.changed) == ([], False)
    assert proxy.posts == []


def test_unknown_service_among_others_touches_nothing(ships: Fleet, proxy: Proxy) -> None:
    listed = [{"name": ships.names[0]}, {"name": "nobody-has-this"}]
    result = run(proxy.host, "swarm_service_rollback", services=listed)
    assert result.failed
    assert "no service 'nobody-has-this'" in result.message
    assert proxy.posts == []

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a service is already right: the whole table, each row on the real engine and a real registry."""

from __future__ import annotations

import pytest

from tests.integration import registries, run, state
from tests.swarm import Endpoint, Proxy, Registry, services

# wanted, resolve, stored, what is stored afterwards (the same: nothing to change), how often the registry is asked.
# R is the repository; R:1 had the digest OLD and has NEW now, as R:latest; R:2 has OTHER.
TABLE = [
    # A tag, and no registry: repository and tag decide.
    ("R:1", "never", "R:1", "R:1", 0),
    ("R:1", "never", "R:1@OLD", "R:1@OLD", 0),
    ("R:1", "never", "R:1@NEW", "R:1@NEW", 0),
    ("R:1", "never", "R:2", "R:1", 0),
    ("R:1", "never", "R:2@OTHER", "R:1", 0),
    ("R:1", "never", "R@NEW", "R:1", 0),
    ("R:1", "never", "R-b:1@OLD", "R:1", 0),
    ("R", "never", "R", "R", 0),
    ("R", "never", "R:latest", "R:latest", 0),
    ("R", "never", "R:1", "R:latest", 0),
    # A tag, and the registry where the reference changes.
    ("R:1", "changed", "R:1", "R:1", 0),
    ("R:1", "changed", "R:1@OLD", "R:1@OLD", 0),
    ("R:1", "changed", "R:1@NEW", "R:1@NEW", 0),
    ("R:1", "changed", "R:2", "R:1@NEW", 1),
    ("R:1", "changed", "R:2@OTHER", "R:1@NEW", 1),
    ("R:1", "changed", "R@NEW", "R:1@NEW", 1),
    ("R:1", "changed", "R-b:1@OLD", "R:1@NEW", 1),
    ("R", "changed", "R", "R", 0),
    ("R:latest", "changed", "R", "R", 0),
    ("R", "changed", "R:latest@OLD", "R:latest@OLD", 0),
    ("R", "changed", "R:1@NEW", "R:latest@NEW", 1),
    # A tag, and the registry each time.
    ("R:1", "always", "R:1", "R:1@NEW", 1),
    ("R:1", "always", "R:1@OLD", "R:1@NEW", 1),
    ("R:1", "always", "R:1@NEW", "R:1@NEW", 1),
    ("R:1", "always", "R:2", "R:1@NEW", 1),
    ("R:1", "always", "R:2@OTHER", "R:1@NEW", 1),
    ("R:1", "always", "R@NEW", "R:1@NEW", 1),
    ("R:1", "always", "R-b:1@NEW", "R:1@NEW", 1),
    ("R", "always", "R", "R:latest@NEW", 1),
    ("R", "always", "R:latest@NEW", "R:latest@NEW", 1),
    # A digest: repository and digest decide, whatever the tag; the registry only tells the platforms.
    ("R@NEW", "never", "R:1@NEW", "R:1@NEW", 0),
    ("R@NEW", "changed", "R:1@NEW", "R:1@NEW", 0),
    ("R@NEW", "always", "R:1@NEW", "R:1@NEW", 0),
    ("R@NEW", "always", "R@NEW", "R@NEW", 0),
    ("R@NEW", "never", "R:1@OLD", "R@NEW", 1),
    ("R@NEW", "changed", "R:1@OLD", "R@NEW", 1),
    ("R@NEW", "always", "R:1", "R@NEW", 1),
    ("R@OLD", "always", "R:1@NEW", "R@OLD", 1),
    # A tag and a digest: both decide.
    ("R:1@NEW", "never", "R:1@NEW", "R:1@NEW", 0),
    ("R:1@NEW", "always", "R:1@NEW", "R:1@NEW", 0),
    ("R:1@OLD", "always", "R:1@OLD", "R:1@OLD", 0),
    ("R:1@NEW", "never", "R:1@OLD", "R:1@NEW", 1),
    ("R:1@NEW", "changed", "R:1", "R:1@NEW", 1),
    ("R:1@NEW", "changed", "R:latest@NEW", "R:1@NEW", 1),
    ("R:1@NEW", "always", "R@NEW", "R:1@NEW", 1),
]


class Names:
    """Puts the real repository and digests in the place of the table's short words."""

    def __init__(self, registry: Registry) -> None:
        repository = f"{registry.address}/table/app"
        old, new = registries.push_again(registry, "table/app:1")
        other = registry.push("whoami:0.7", "table/app:2")
        assert registry.push("whoami:0.8", "table/app:latest") == new
        self._words = {"OLD": old, "NEW": new, "OTHER": other}
        self._repository = repository

    def full(self, short: str) -> str:
        name, at, word = short.partition("@")
        return name.replace("R", self._repository, 1) + (at + self._words[word] if at else "")


@pytest.fixture(scope="module")
def names(registry: Registry) -> Names:
    return Names(registry)


@pytest.mark.parametrize("row", TABLE, ids=[" ".join(row[:3]) for row in TABLE])
def test_when_a_service_is_right(
    engine: Endpoint, proxy: Proxy, service_name: str, names: Names, row: tuple[str, str, str, str, int]
) -> None:
    wanted, resolve, stored, after, asks = row
    services.create(engine, service_name, names.full(stored), replicas=0)
    before = state.of(engine, service_name)
    changes = stored != after

    result = run.module(
        "swarm_service_image",
        name=service_name,
        image=names.full(wanted),
        resolve=resolve,
        on_unresolved="fail",
        docker_host=proxy.host,
    )

    assert not result.failed, result.text
    assert result.changed is changes
    assert len(registries.asked(proxy)) == asks
    assert len(proxy.posts) == int(changes)
    assert result.service["image"] == {"before": names.full(stored), "after": names.full(after)}
    now = state.of(engine, service_name)
    assert now.image == names.full(after)
    if not changes:
        assert now == before

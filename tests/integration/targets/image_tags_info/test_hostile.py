# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``image_tags_info`` with registries that answer badly: each ends in time, and in one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration import run
from tests.integration.hostile import GIVEN, PAIR, PASSWORD, USERNAME, Hostile
from tests.integration.run import Result
from tests.swarm import Endpoint, Registry

TIMEOUT = 3
"""Seconds for one call."""
SPARE = 15
"""Seconds that a slow machine may take for all the rest."""


@pytest.fixture(scope="module")
def hostile(network: Endpoint, registry: Registry) -> Iterator[Hostile]:
    with Hostile(network, 5030, registry.address) as started:
        yield started


def find(network: Endpoint, hostile: Hostile, how: str, **params: Any) -> Result:
    name = f"{hostile.address}/{how}/app"
    return run.module(
        "image_tags_info", space=network.space, **{"repository": name, "semver": ">=2", "timeout": TIMEOUT, **params}
    )


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("hang", "returned no complete answer in time"),
        ("trickle", "returned no complete answer in time"),
        ("html", "is no JSON object (text/html). Is 127.0.0.1:5030 a registry?"),
        (
            "wait",
            "limits how often it is asked (429) and asks to wait 3600 seconds, which is more than timeout=3 leaves.",
        ),
        ("circle", "broke off after 2 tags, and a part of it is not used. The registry's pages of tags have no end"),
        ("endless", "broke off after 2 tags, and a part of it is not used. The registry's pages of tags have no end"),
        ("elsewhere", "The next page of tags is on another host, http://localhost:5030/v2/elsewhere/app/tags/list"),
        ("cut", "broke off after 2 tags, and a part of it is not used. The registry 127.0.0.1:5030 cannot be reached,"),
        ("large", "is larger than 32 MiB; it was not read to its end."),
    ],
)
def test_it_ends_in_time_and_says_why(network: Endpoint, hostile: Hostile, how: str, says: str) -> None:
    result = find(network, hostile, how)
    assert result.failed
    assert says in result.message
    assert result.seconds < TIMEOUT + SPARE
    assert len(hostile.visits(how)) < 30


def test_ever_more_tags_end_too(network: Endpoint, hostile: Hostile) -> None:
    """The whole task has ten times the time of a call, and the list a size."""
    result = find(network, hostile, "more", timeout=1)
    assert result.failed
    assert "broke off after" in result.message
    assert result.seconds < 10 + SPARE


def test_it_asks_again_when_the_registry_says(network: Endpoint, hostile: Hostile) -> None:
    result = find(network, hostile, "busy")
    assert not result.failed, result.text
    assert result.data["tag"] is None
    assert [each["tag"] for each in result.data["candidates"]] == ["1.1", "1.0"]
    assert len(hostile.visits("busy")) == 2
    assert result.seconds > 1


def test_credentials_do_not_follow_a_redirect(network: Endpoint, hostile: Hostile) -> None:
    result = find(network, hostile, "moved", **GIVEN)
    assert not result.failed, result.text
    assert [each["tag"] for each in result.data["candidates"]] == ["1.1", "1.0"]
    path = "/v2/moved/app/tags/list"
    assert hostile.visits("moved") == [
        (path, "127.0.0.1", "-"),
        (path, "127.0.0.1", USERNAME),
        (path, "localhost", "-"),
    ]


def test_a_registry_that_repeats_the_password(network: Endpoint, hostile: Hostile) -> None:
    result = find(network, hostile, "parrot", **GIVEN)
    assert result.failed
    assert f"(403: DENIED not for Basic *** {USERNAME}:***). It was asked with credentials" in result.message
    assert PASSWORD not in result.text
    assert PAIR not in result.text

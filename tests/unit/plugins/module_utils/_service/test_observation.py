# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pause ends early for the services that are waited for, and for no others."""

from __future__ import annotations

import json
import queue
import threading
import time
from typing import Any, Dict, Iterator

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.observation import (
    LEAST_PAUSE,
    Watch,
    service_of,
)

LONG = 20.0
OURS, THEIRS = "kzrv1nlmyeorv1sl8dkl3m0tw", "aaaaaaaaaaaaaaaaaaaaaaaaa"


class EventfulEngine:
    """An engine whose events a test sends."""

    def __init__(self) -> None:
        self.sent: queue.Queue[bytes] = queue.Queue()
        self.filters: Dict[str, Any] = {}
        self.listens = threading.Event()

    def events(self, filters: Dict[str, Any]) -> Iterator[bytes]:
        self.filters = filters
        self.listens.set()
        while True:
            yield self.sent.get()

    def tell(self, identifier: str) -> None:
        self.sent.put(json.dumps({"Type": "service", "Action": "update", "Actor": {"ID": identifier}}).encode())


def paused(watch: Watch, seconds: float) -> float:
    """How long a pause of so many seconds takes."""
    began = time.monotonic()
    watch.pause(seconds, [OURS])
    return time.monotonic() - began


def test_an_event_of_the_service_ends_the_pause() -> None:
    engine = EventfulEngine()
    engine.tell(OURS)
    assert paused(Watch(engine), LONG) < LONG / 2  # type: ignore[arg-type]
    assert engine.filters == {"type": ["service"]}


def test_events_of_others_do_not() -> None:
    engine = EventfulEngine()
    for _number in range(100):
        engine.tell(THEIRS)
    engine.sent.put(b"no json")
    assert paused(Watch(engine), 0.5) >= 0.5  # type: ignore[arg-type]


def test_however_many_events_come_there_is_a_moment_between_two_looks() -> None:
    engine = EventfulEngine()
    watch = Watch(engine)  # type: ignore[arg-type]
    for _number in range(1000):
        engine.tell(OURS)
    assert paused(watch, LONG) >= LEAST_PAUSE


def test_a_pause_is_never_longer_than_asked_for() -> None:
    assert paused(Watch(EventfulEngine()), 0.0) < LEAST_PAUSE  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [b"", b"{}", b"[]", b"null", b'{"Actor": null}', b"\xff"])
def test_what_tells_of_no_service(event: bytes) -> None:
    assert service_of(event) == ""

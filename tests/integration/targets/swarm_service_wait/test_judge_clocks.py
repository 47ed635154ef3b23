# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the manager that is asked is ahead of the leader's, or behind it: the outcome is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial

import pytest

from tests.integration import run
from tests.integration.rolling import at_once, stands
from tests.integration.state import set_image
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.faults import place_of
from tests.swarm.proxy import Action, Exchange

MONITOR = 5
LIVES = 3
"""Seconds that a task runs before it dies."""
WAIT = 25
DIES = ["/bin/sh", "-c", f"sleep {LIVES}; exit 1"]


@dataclass
class Shifted(Action):
    """Answer with a header Date that is seconds ahead."""

    seconds: float

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, with another Date."""
        answer = exchange.forward()
        date = parsedate_to_datetime(answer.header("Date")) + timedelta(seconds=self.seconds)
        kept = [pair for pair in answer.headers if pair[0].lower() != "date"]
        exchange.relay(replace(answer, headers=(*kept, ("Date", format_datetime(date, usegmt=True)))))


AHEAD = (0, 6, -6, 600)
"""Seconds by which the asked manager's clock is ahead of the leader's."""


@pytest.fixture
def proxies(engine: Endpoint) -> Iterator[dict[int, Proxy]]:
    """Proxies before an engine whose header Date is by other clocks."""
    with ExitStack() as stack:
        proxies = {seconds: stack.enter_context(Proxy(engine.host)) for seconds in AHEAD}
        for seconds, proxy in proxies.items():
            proxy.on("GET", ".*", Shifted(seconds), times=None)
        yield proxies


def wait(host: str, name: str, seconds: int) -> run.Result:
    return run.module("swarm_service_wait", name=name, wait_timeout=seconds, docker_host=host)


def test_tasks_that_die_within_the_monitors_time_never_converge(
    engine: Endpoint, proxies: dict[int, Proxy], service_name: str
) -> None:
    spec = services.simple(service_name, "whoami:0.7", monitor=MONITOR)
    spec["UpdateConfig"]["FailureAction"] = "continue"
    stands(engine, spec, 1)
    service = services.inspect(engine, service_name)
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Command"] = DIES
    services.update(engine, service, service["Spec"])
    results = at_once({ahead: partial(wait, proxy.host, service_name, WAIT) for ahead, proxy in proxies.items()})
    assert {ahead: result.service["outcome"] for ahead, result in results.items()} == dict.fromkeys(AHEAD, "timed_out")


def test_a_service_that_has_long_converged_is_not_waited_for(
    engine: Endpoint, proxies: dict[int, Proxy], service_name: str
) -> None:
    """Its update was completed after the monitor's time: the leader's clock alone says so."""
    stands(engine, services.simple(service_name, "whoami:0.7", monitor=MONITOR), 1)
    set_image(engine, service_name, "whoami:0.6")
    results = at_once({ahead: partial(wait, proxy.host, service_name, 60) for ahead, proxy in proxies.items()})
    assert {ahead: result.service["outcome"] for ahead, result in results.items()} == dict.fromkeys(AHEAD, "converged")
    for proxy in proxies.values():
        before = len(proxy.requests)
        again = wait(proxy.host, service_name, 60)
        assert again.service["outcome"] == "converged", again.text
        assert [place_of(request) for request in proxy.requests[before:]] == [
            "ping",
            "service",
            "services",
            "tasks",
            "nodes",
        ]


def test_a_service_that_was_never_updated_is_not_waited_for_either(
    engine: Endpoint, proxies: dict[int, Proxy], service_name: str
) -> None:
    """The leader's own clock says for how long its tasks have run, whatever the header Date says."""
    stands(engine, services.simple(service_name, "whoami:0.7", monitor=MONITOR), 1)
    results = at_once({ahead: partial(wait, proxy.host, service_name, 60) for ahead, proxy in proxies.items()})
    assert {ahead: result.service["outcome"] for ahead, result in results.items()} == dict.fromkeys(AHEAD, "converged")
    for proxy in proxies.values():
        before = len(proxy.requests)
        assert wait(proxy.host, service_name, 60).service["outcome"] == "converged"
        seen = [place_of(request) for request in proxy.requests[before:]]
        assert seen == ["ping", "service", "services", "tasks", "nodes", "other"]
        assert proxy.requests[-1].path.endswith("/info")

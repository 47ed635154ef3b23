# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody creates and removes services all the time: a wait for another one asks the engine no more often for it."""

from __future__ import annotations

import itertools
import threading

from tests.integration.rolling import await_
from tests.integration.run import module
from tests.swarm import Endpoint, Proxy, services

SECONDS = 5
MOST = 6 * SECONDS
"""Requests: six a second."""


def churn(engine: Endpoint, prefix: str, ended: threading.Event) -> None:
    """Create and remove ten services a second."""
    for number in itertools.count():
        if ended.wait(0.05):
            return
        name = f"{prefix}-{number}"
        services.create(engine, name, "whoami:0.7", replicas=0)
        services.remove(engine, name)


def test_events_of_other_services_do_not_count(engine: Endpoint, proxy: Proxy, service_name: str) -> None:
    services.create(engine, service_name, "127.0.0.1:1/nowhere:1", replicas=1)
    ended = threading.Event()
    busy = threading.Thread(target=churn, args=(engine, f"{service_name}-other", ended))
    busy.start()
    try:
        result = module("swarm_service_wait", name=service_name, wait_timeout=SECONDS, docker_host=proxy.host)
    finally:
        ended.set()
        busy.join()
    assert result.failed
    assert result.service["outcome"] == "timed_out"
    assert len(proxy.requests) <= MOST
    assert "diff" not in result.data


def test_wait_that_succeeds_has_no_diff(engine: Endpoint, service: str) -> None:
    result = await_(engine, service)
    assert not result.failed
    assert "diff" not in result.data

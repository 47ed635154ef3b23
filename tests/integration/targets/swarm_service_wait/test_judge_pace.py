# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wait asks rarely on a busy swarm, and yet ends as soon as the swarm has called the update completed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from statistics import median
from typing import Any

import pytest

from tests.integration import run
from tests.integration.rolling import await_
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Before

SECONDS = 10
MOST = 6 * SECONDS
"""Requests: six a second."""
WRITES = 200
"""Writes a second."""
ROLLOUTS = 7
AT_ONCE = 0.2
"""Seconds, of most rollouts: a single one may meet with a moment in which the machine has no time."""
MONITOR = 0.6

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: {name}
        image: {image}
        resolve: never
        docker_host: {host}
"""


def write_elsewhere(engine: Endpoint, name: str, rate: float, ended: threading.Event) -> int:
    """Create and remove a service again and again; return how many writes that were."""
    began, count = time.monotonic(), 0
    while not ended.wait(max(0.0, began + count / rate - time.monotonic())):
        identifier = services.create(engine, name, "whoami:0.7", replicas=0)
        engine.checked("DELETE", f"/services/{identifier}")
        count += 2
    return count


def write_to_it(engine: Endpoint, name: str, rate: float, ended: threading.Event) -> int:
    """Label a service again and again; return how often."""
    began, count = time.monotonic(), 0
    while not ended.wait(max(0.0, began + count / rate - time.monotonic())):
        service = services.inspect(engine, name)
        service["Spec"]["Labels"] = {"count": str(count)}
        services.update(engine, service, service["Spec"])
        count += 1
    return count


@pytest.mark.parametrize(("writes", "writers"), [(write_elsewhere, 4), (write_to_it, 1)])
def test_a_busy_swarm_is_asked_no_more_often(
    engine: Endpoint,
    proxy: Proxy,
    service_name: str,
    writes: Callable[[Endpoint, str, float, threading.Event], int],
    writers: int,
) -> None:
    services.create(engine, service_name, "127.0.0.1:1/nowhere:1", replicas=1)
    ended = threading.Event()
    names = [f"{service_name}-{number}" for number in range(writers)] if writers > 1 else [service_name]
    with ThreadPoolExecutor(writers) as pool:
        counts = [pool.submit(writes, engine, name, WRITES / writers, ended) for name in names]
        try:
            result = run.module("swarm_service_wait", name=service_name, wait_timeout=SECONDS, docker_host=proxy.host)
        finally:
            ended.set()
    assert result.service["outcome"] == "timed_out"
    assert sum(count.result() for count in counts) > MOST, "a swarm as quiet as that proves nothing"
    assert len(proxy.requests) <= MOST
    print("writes", sum(count.result() for count in counts) / SECONDS, "requests", len(proxy.requests) / SECONDS)


def in_foreground(host: str, name: str, image: str) -> None:
    params: dict[str, Any] = {"name": name, "image": image, "resolve": "never", "wait": True, "docker_host": host}
    result = run.module("swarm_service_image", **params)
    assert result.service["outcome"] == "converged", result.text


def in_background(host: str, name: str, image: str) -> None:
    done = run.playbook(PLAYBOOK.format(name=name, image=image, host=host))
    assert done.status == 0, done.text


@pytest.mark.parametrize("rolls", [in_foreground, in_background])
def test_the_end_is_seen_at_once(
    engine: Endpoint, proxy: Proxy, service_name: str, rolls: Callable[[str, str, str], None]
) -> None:
    """The last look begins within a moment of the completion, by the clock of the machine that both run on."""
    services.create(engine, service_name, "whoami:0.7", monitor=MONITOR)
    services.started(engine, service_name)
    await_(engine, service_name)
    looks: list[float] = []
    proxy.on("GET", r"/tasks\?.*up-to-date", Before(lambda: looks.append(time.time())), times=None)
    late = []
    for number in range(ROLLOUTS):
        rolls(proxy.host, service_name, ("whoami:0.6", "whoami:0.8")[number % 2])
        completed = services.inspect(engine, service_name)["UpdateStatus"]["CompletedAt"]
        moment = datetime.strptime(completed[:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc)
        late.append(looks[-1] - moment.timestamp())
    print(sorted(round(each, 3) for each in late))
    assert median(late) <= AT_ONCE, sorted(late)

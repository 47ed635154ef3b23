# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three managers, a proxy before each that counts, and the module run on all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.integration import rolling, run, state
from tests.swarm import Engine, Proxy, Swarm, eventually
from tests.swarm.proxy import Action, Exchange


@dataclass
class Counted(Action):
    """Pass updates on, and keep the status of each of the engines' answers."""

    statuses: list[int] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, and count."""
        answer = exchange.forward()
        self.statuses.append(answer.status)
        exchange.relay(answer)

    @property
    def updates(self) -> int:
        """How many updates the engines have accepted."""
        return self.statuses.count(200)


@dataclass(frozen=True)
class Doors:
    """A socket before each manager; ``counted`` has what passed through all of them."""

    proxies: Mapping[Engine, Proxy]
    counted: Counted

    @property
    def hosts(self) -> list[str]:
        """The sockets, in the managers' order."""
        return [proxy.host for proxy in self.proxies.values()]


@contextmanager
def doors(swarm: Swarm) -> Iterator[Doors]:
    """Open a counting proxy before each manager."""
    counted = Counted()
    with ExitStack() as stack:
        proxies = {engine: stack.enter_context(Proxy(engine.host)) for engine in swarm.managers}
        for proxy in proxies.values():
            proxy.on("POST", state.UPDATE, counted, times=None)
        yield Doors(proxies, counted)


def change(host: str, name: str, image: str, **params: Any) -> run.Result:
    """Bring a service to an image and wait for it."""
    params = {"wait": True, "wait_timeout": 60, "timeout": 20, **params}
    return run.module("swarm_service_image", name=name, image=image, docker_host=host, **params)


def change_everywhere(hosts: list[str], name: str, image: str) -> list[run.Result]:
    """Run the module against all managers at once."""
    calls: dict[str, Callable[[], run.Result]] = {host: partial(change, host, name, image) for host in hosts}
    return list(rolling.at_once(calls).values())


def whole(swarm: Swarm) -> None:
    """Start the managers that are down, and wait until all are in the quorum and one leads."""
    for engine in swarm.managers:
        if not engine.answers:
            engine.kill()
            engine.start()
    eventually(partial(is_whole, swarm), "all managers are back", 60)


def is_whole(swarm: Swarm) -> bool:
    """Whether every manager knows every manager as reachable and ready."""
    return all(_sees_all(engine, len(swarm.managers)) for engine in swarm.managers)


def _sees_all(engine: Engine, count: int) -> bool:
    answer = engine.api("GET", "/nodes", timeout=10)
    nodes = answer.json() if answer.ok else []
    up = [node for node in nodes if node["Status"]["State"] == "ready"]
    reachable = [node for node in up if node.get("ManagerStatus", {}).get("Reachability") == "reachable"]
    return len(reachable) == count

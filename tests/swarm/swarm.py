# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarms of several nodes: one :class:`~tests.swarm.engine.Engine` each, joined by a bridge in a box of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from .box import Box, run
from .engine import Engine, EngineError, eventually

NETWORK = "192.168.250"
"""Outside the engines' own address pools (172.16.0.0/12 for bridges, 10.0.0.0/8 for overlays)."""


class Swarm:
    """A swarm of ``managers`` and ``workers``, started on entering the context; leaving it leaves nothing.

    ``machines`` says by number which nodes take their machine for another one, as in :class:`Engine`.

    The bridge is in a namespace of its own, since an engine sets the policy of FORWARD to DROP in its namespace, and
    bridged frames pass iptables.
    """

    def __init__(
        self, managers: int = 1, workers: int = 0, *options: str, machines: Mapping[int, str] | None = None
    ) -> None:
        self._counts = (managers, workers)
        self._machines = machines or {}
        self._options = options
        self._bridge: Box | None = None
        self.nodes: list[Engine] = []

    @property
    def managers(self) -> list[Engine]:
        """The managers, the first leader first."""
        return self.nodes[: self._counts[0]]

    @property
    def workers(self) -> list[Engine]:
        """The workers."""
        return self.nodes[self._counts[0] :]

    @property
    def leader(self) -> Engine:
        """The manager that leads now; raises :class:`EngineError` when there is none."""
        for engine in self.managers:
            if engine.answers and _leads(engine):
                return engine
        raise EngineError("no manager leads this swarm")

    def __enter__(self) -> Swarm:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def address(self, engine: Engine) -> str:
        """Return the address of a node in the network that joins them."""
        return f"{NETWORK}.{self.nodes.index(engine) + 1}"

    def stop(self) -> None:
        """End every node and remove the network."""
        for engine in self.nodes:
            engine.stop()
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None

    def _start(self) -> None:
        self._bridge = bridge = Box()
        bridge.run("ip", "link", "add", "nodes", "type", "bridge")
        bridge.run("ip", "link", "set", "nodes", "up")
        for number in range(sum(self._counts)):
            self.nodes.append(Engine(*self._options, swarm=False, machine=self._machines.get(number, "")))
            self._connect(bridge, self.nodes[-1])
            self.nodes[-1].start()
        first, *rest = self.nodes
        first.init(self.address(first))
        for engine in rest:
            role = "Manager" if engine in self.managers else "Worker"
            engine.join(first, self.address(engine), role)
        eventually(lambda: self._ready(first), "all nodes of the swarm are ready")

    def _connect(self, bridge: Box, engine: Engine) -> None:
        """Give an engine an ``eth0`` whose other end is a port of the bridge."""
        port = f"node{self.nodes.index(engine)}"
        peer = ["peer", "name", "eth0", "netns", str(engine.box.pid)]
        run("ip", "link", "add", port, "netns", str(bridge.pid), "type", "veth", *peer)
        bridge.run("ip", "link", "set", port, "master", "nodes", "up")
        engine.box.run("ip", "address", "add", f"{self.address(engine)}/24", "dev", "eth0")
        engine.box.run("ip", "link", "set", "eth0", "up")

    def _ready(self, manager: Engine) -> bool:
        nodes = manager.get("/nodes")
        ready = [node for node in nodes if node["Status"]["State"] == "ready"]
        reachable = [node for node in nodes if node.get("ManagerStatus", {}).get("Reachability") == "reachable"]
        return len(ready) == sum(self._counts) and len(reachable) == self._counts[0]


def _leads(engine: Engine) -> bool:
    node = engine.api("GET", f"/nodes/{engine.node_id}", timeout=10)
    return node.ok and bool(node.json().get("ManagerStatus", {}).get("Leader"))

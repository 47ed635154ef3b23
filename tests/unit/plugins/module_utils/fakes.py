# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests hand in: a clock that does not wait, and a swarm in memory behind a transport."""

from __future__ import annotations

import copy
import json
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import unquote

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service, ServiceSpec
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import AnswerLost, EngineUnreachable

SERVICE_ID = "kzrv1nlmyeorv1sl8dkl3m0tw"
DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64

# What engines really say.
OUT_OF_SEQUENCE = "rpc error: code = Unknown desc = update out of sequence"
NOT_READY = "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster."
WORKER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this "
    "command on a manager node or promote the current node to a manager."
)
NO_LEADER = (
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are "
    "online. Make sure more than half of the managers are online."
)
DEADLINE = "rpc error: code = DeadlineExceeded desc = context deadline exceeded"


class FakeClock(Clock):
    """Time passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.pauses: List[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def answer(status: int, value: Any, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), headers)


PING = Answer(200, b"OK", {"api-version": "1.45", "swarm": "active/manager"})


class FakeTransport:
    """Gives the answers handed in, in order, and keeps what was asked."""

    def __init__(self, *answers: Union[Answer, Exception], host: str = "unix:///run/docker.sock") -> None:
        self.address = Address.parse(host)
        self.timeout = 60.0
        self.answers: Deque[Union[Answer, Exception]] = deque(answers)
        self.calls: List[Dict[str, Any]] = []

    def call(self, method: str, path: str, **request: Any) -> Answer:
        self.calls.append({"method": method, "path": path, **request})
        given = self.answers.popleft()
        if isinstance(given, Exception):
            raise given
        return given


def connected(transport: FakeTransport) -> Engine:
    """An engine that has told its API version."""
    transport.answers.appendleft(PING)
    engine = Engine(transport)  # type: ignore[arg-type]
    engine.connect()
    transport.calls.clear()
    return engine


def make_service(image: str = "whoami:0.7", name: str = "t001", identifier: str = SERVICE_ID, **task: Any) -> Service:
    """A service as an engine gives it, with what the classic recipe loses."""
    spec: ServiceSpec = {
        "Name": name,
        "Labels": {"com.docker.stack.namespace": "shop"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Env": ["MODE=calm", "PASSWORD=correct horse battery staple"],
                "Secrets": [{"SecretID": "s1", "SecretName": "key"}],
                "FieldOfTomorrow": {"deep": [1, 2]},
            },
            "Resources": {"Limits": {"MemoryBytes": 67108864, "Pids": 100}},
            "Placement": {"Constraints": ["node.role==worker"], "MaxReplicas": 2},
            "Networks": [{"Target": "n1", "Aliases": ["web"]}],
            "ForceUpdate": 3,
            **task,
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "EndpointSpec": {"Mode": "vip", "Ports": [{"TargetPort": 80, "PublishedPort": 8080}]},
    }
    return {"ID": identifier, "Version": {"Index": 10}, "Spec": spec}


Commit = Callable[[], Answer]
Event = Callable[["FakeSwarm", Commit], Answer]


class FakeSwarm:
    """An engine and its swarm in memory, with the version index as compare-and-swap.

    `on_update` holds what befalls each update, in order, and `on_read` each reading of a service; nothing
    befalls those that come after. `updates` are the specs that were carried out, `filters` those of the lists that
    were asked for.
    """

    def __init__(
        self, *services: Service, on_update: Tuple[Event, ...] = (), clock: Optional[FakeClock] = None
    ) -> None:
        self.address = Address.parse("unix:///run/docker.sock")
        self.timeout = 60.0
        self.clock = clock or FakeClock()
        self.services = {service["ID"]: copy.deepcopy(service) for service in services or (make_service(),)}
        self.on_update: Deque[Event] = deque(on_update)
        self.on_read: Deque[Event] = deque()
        self.updates: List[ServiceSpec] = []
        self.posts = 0
        self.headers: List[Mapping[str, str]] = []
        self.filters: List[Dict[str, Any]] = []
        self.warnings: Optional[List[str]] = None
        self.keeps: Callable[[ServiceSpec], ServiceSpec] = (
            copy.deepcopy
        )  # what the engine makes of a spec that it is sent

    @property
    def service(self) -> Service:
        """The first service."""
        return next(iter(self.services.values()))

    @property
    def engine(self) -> Engine:
        return Engine(self)  # type: ignore[arg-type]

    def call(
        self,
        method: str,
        path: str,
        params: Optional[Dict[str, str]] = None,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Answer:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[0].startswith("v1."):
            parts.pop(0)
        if parts == ["_ping"]:
            return PING
        if parts == ["services"]:
            return answer(200, self._listed(json.loads((params or {}).get("filters", "{}"))))
        if method == "GET":
            return self._befall(self.on_read, lambda: self._read(parts[1]))
        assert method == "POST"
        assert params is not None
        assert body is not None
        index, spec = int(params["version"]), json.loads(body)
        self.posts += 1
        self.headers.append(headers or {})
        is_rollback = params.get("rollback") == "previous"
        return self._befall(self.on_update, lambda: self._update(parts[1], index, spec, is_rollback))

    def _befall(self, events: Deque[Event], commit: Commit) -> Answer:
        return events.popleft()(self, commit) if events else commit()

    def _listed(self, filters: Dict[str, Any]) -> List[Service]:
        """The services whose names begin with one of those asked for, as the engine has it; no other filter counts."""
        self.filters.append(filters)
        names = tuple(filters.get("name", [""]))
        return [service for service in self.services.values() if service["Spec"]["Name"].startswith(names)]

    def _read(self, wanted: str) -> Answer:
        """As the engine looks services up: ID, then name, then a prefix of an ID (daemon/cluster/helpers.go)."""
        services = list(self.services.values())
        found = [service for service in services if service["ID"] == wanted]
        found = found or [service for service in services if service["Spec"]["Name"] == wanted]
        found = found or [service for service in services if service["ID"].startswith(wanted)]
        if len(found) > 1:
            return answer(400, {"message": f"service {wanted} is ambiguous ({len(found)} matches found)"})
        return answer(200, found[0]) if found else self._not_found(wanted)

    def _update(self, identifier: str, index: int, spec: ServiceSpec, is_rollback: bool) -> Answer:
        service = self.services.get(identifier)
        if service is None:
            return self._not_found(identifier)
        if index != service["Version"]["Index"]:
            return answer(500, {"message": OUT_OF_SEQUENCE})
        if is_rollback:
            self.put_back()
            self.updates.append(copy.deepcopy(self.service["Spec"]))
        else:
            self.updates.append(copy.deepcopy(spec))
            self.put(self.keeps(spec))
        return answer(200, {"Warnings": self.warnings})

    @staticmethod
    def _not_found(wanted: str) -> Answer:
        return answer(404, {"message": f"service {wanted} not found"})

    def put(self, spec: ServiceSpec) -> None:
        """A writer's update: the spec that was becomes PreviousSpec, the status is cleared."""
        self.service["PreviousSpec"] = self.service["Spec"]
        self.service["Spec"] = spec
        self.service.pop("UpdateStatus", None)
        self.bump()

    def bump(self) -> None:
        self.service["Version"]["Index"] += 1

    def move_status(self, state: str, started: str = "2026-01-01T10:00:00Z") -> None:
        self.service["UpdateStatus"] = {"State": state, "StartedAt": started}
        self.bump()

    def roll_back(self, started: str = "2026-01-01T11:00:00Z") -> None:
        """The swarm's own rollback (swarmkit, manager/orchestrator/update/updater.go)."""
        self.service["Spec"] = self.service.pop("PreviousSpec")
        self.move_status("rollback_started", started)

    def put_back(self, started: str = "2026-01-01T12:00:00Z") -> None:
        """A rollback on request: the two specs change places (swarmkit, manager/controlapi/service.go)."""
        self.put(self.service["PreviousSpec"])
        self.service["UpdateStatus"] = {"State": "rollback_started", "StartedAt": started}

    def set_image(self, image: str) -> None:
        spec = copy.deepcopy(self.service["Spec"])
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
        self.put(spec)

    def set_label(self, name: str, value: str) -> None:
        spec = copy.deepcopy(self.service["Spec"])
        spec["Labels"][name] = value
        self.put(spec)


def first(*doings: Callable[[FakeSwarm], object]) -> Event:
    """Others do something just before the call is carried out."""

    def event(swarm: FakeSwarm, commit: Commit) -> Answer:
        for doing in doings:
            doing(swarm)
        return commit()

    return event


def lost(*doings: Callable[[FakeSwarm], object], applied: bool = False, after: float = 0.0) -> Event:
    """The answer never comes, `after` seconds; then others do something."""

    def event(swarm: FakeSwarm, commit: Commit) -> Answer:
        if applied:
            assert commit().status == 200
        swarm.clock.time += after
        for doing in doings:
            doing(swarm)
        raise AnswerLost("POST /services/x/update: the connection broke (Connection reset by peer).")

    return event


def refused(status: int, message: str) -> Event:
    return lambda _swarm, _commit: answer(status, {"message": message})


def unreachable(_swarm: FakeSwarm, _commit: Commit) -> Answer:
    raise EngineUnreachable("Nothing listens on the socket /run/docker.sock: does the engine run?")


def removed(swarm: FakeSwarm) -> None:
    swarm.services.clear()

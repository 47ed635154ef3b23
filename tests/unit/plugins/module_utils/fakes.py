# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests hand in: a clock that does not wait, and engines in memory, each behind a transport."""

from __future__ import annotations

import copy
import json
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Mapping, Optional, Tuple, Union
from urllib.parse import unquote

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer, Take
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import (
    Filters,
    Node,
    Service,
    ServiceSpec,
    Task,
)
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
        self.timeout = self.limit = 60.0
        self.answers: Deque[Union[Answer, Exception]] = deque(answers)
        self.calls: List[Dict[str, Any]] = []

    def call(self, method: str, path: str, **request: Any) -> Answer:
        self.calls.append({"method": method, "path": path, **request})
        given = self.answers.popleft()
        if isinstance(given, Exception):
            raise given
        return given

    def stream(self, path: str, params: Dict[str, str], take: Take) -> Answer:
        given = self.call("GET", path, params=params)
        if given.status != 200:
            return given
        take(given.body)
        return given._replace(body=b"")

    def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
        raise NotImplementedError


def connected(transport: FakeTransport) -> Engine:
    """An engine that has told its API version."""
    transport.answers.appendleft(PING)
    engine = Engine(transport)
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
SERVICE_FILTERS = ("id", "name", "label")
TASK_FILTERS = ("id", "service", "node", "desired-state", "_up-to-date")


class NoSuchThing(Exception):
    """A filter names a thing that there is not."""


def passes_as_service(service: Service, filters: Filters) -> bool:
    """Whether the list of services has it (swarmkit, manager/controlapi/service.go): IDs and names by their begin."""
    labels = service["Spec"].get("Labels") or {}
    wanted = [label.partition("=") for label in filters.get("label", [])]
    return (
        service["ID"].startswith(tuple(filters.get("id", [""])))
        and str(service["Spec"].get("Name", "")).startswith(tuple(filters.get("name", [""])))
        and all(key in labels and value in ("", labels[key]) for key, _sign, value in wanted)
    )


def is_up_to_date(task: Task, service: Service) -> bool:
    """Whether a task is of the service's present spec, as far as images tell."""
    image = (task.get("Spec") or {}).get("ContainerSpec", {}).get("Image")
    return bool(image == service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])


def passes_as_task(task: Task, filters: Filters, services: Mapping[str, Service]) -> bool:
    """Whether the list of tasks has it (swarmkit, manager/controlapi/task.go); services are filtered by ID or name."""
    known = {
        key: service["ID"] for service in services.values() for key in (service["Spec"].get("Name"), service["ID"])
    }
    missing = [name for name in filters.get("service", []) if name not in known]
    if missing:
        raise NoSuchThing(f"service {missing[0]} not found")
    owner = services.get(task.get("ServiceID", ""))
    return (
        task["ID"].startswith(tuple(filters.get("id", [""])))
        and ("service" not in filters or task.get("ServiceID") in {known[name] for name in filters["service"]})
        and task.get("NodeID") in filters.get("node", [task.get("NodeID")])
        and task.get("DesiredState") in filters.get("desired-state", [task.get("DesiredState")])
        and ("_up-to-date" not in filters or (owner is not None and is_up_to_date(task, owner)))
    )


class FakeEngine:
    """An engine and what it holds, in memory: it lists by the filters that an engine knows, and refuses others.

    A service is written with its version index as compare-and-swap. `told` is what the engine says of itself, `date`
    its clock as in each answer, `filters` are those of the lists of services that were asked for. `logs` has what comes
    of each task's log, part by part: bytes, seconds that pass, or an error.
    """

    def __init__(self, *services: Service, clock: Optional[FakeClock] = None) -> None:
        self.address = Address.parse("unix:///run/docker.sock")
        self.timeout = self.limit = 60.0
        self.clock = clock or FakeClock()
        self.services = {service["ID"]: copy.deepcopy(service) for service in services}
        self.tasks: List[Task] = []
        self.nodes: List[Node] = []
        self.told: Dict[str, Any] = {}
        self.date = ""
        self.filters: List[Filters] = []
        self.logs: Dict[str, List[Union[bytes, float, Exception]]] = {}
        self.logs_asked: List[Tuple[str, Dict[str, str]]] = []
        self.warnings: Optional[List[str]] = None

    @property
    def engine(self) -> Engine:
        """The client of this engine."""
        return Engine(self)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Optional[Dict[str, str]] = None,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Answer:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[0].startswith("v1."):
            parts.pop(0)
        if method == "GET":
            return self._get(parts, json.loads((params or {}).get("filters", "{}")))
        assert params is not None
        assert body is not None
        return self._post(parts[1], params, json.loads(body), headers or {})

    def stream(self, path: str, params: Dict[str, str], take: Take) -> Answer:
        """A task's log, cut off where the time of a call is over."""
        identifier = unquote(path.split("/")[-2])
        self.logs_asked.append((identifier, params))
        left = self.limit
        for part in self.logs.get(identifier, []):
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                take(part)
                continue
            self.clock.sleep(min(part, left))
            left -= part
            if left <= 0:
                raise AnswerLost(f"GET {path}: no complete answer within {self.limit:.3g} seconds.")
        return Answer(200, b"")

    def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
        """Nothing is told of, until the connection breaks."""
        del params
        raise AnswerLost(f"GET {path}: the connection broke (Connection reset by peer).")

    def _get(self, parts: List[str], filters: Filters) -> Answer:
        if parts == ["_ping"]:
            return PING
        if parts[0] == "services" and len(parts) == 2:
            return self._read(parts[1])
        lists: Dict[str, Callable[[Filters], Any]] = {
            "info": lambda _filters: self.told,
            "services": self._list_services,
            "tasks": self._list_tasks,
            "nodes": lambda _filters: self.nodes,
        }
        known = {"services": SERVICE_FILTERS, "tasks": TASK_FILTERS}.get(parts[0], ())
        unknown = [name for name in filters if name not in known]
        if unknown:
            return self._answer(400, {"message": f"invalid filter '{unknown[0]}'"})
        try:
            return self._answer(200, lists[parts[0]](filters))
        except NoSuchThing as missing:
            return self._answer(404, {"message": str(missing)})

    def _answer(self, status: int, value: Any) -> Answer:
        return answer(status, value, date=self.date)

    def _list_services(self, filters: Filters) -> List[Service]:
        self.filters.append(filters)
        return [service for service in self.services.values() if passes_as_service(service, filters)]

    def _list_tasks(self, filters: Filters) -> List[Task]:
        return [task for task in self.tasks if passes_as_task(task, filters, self.services)]

    def _read(self, wanted: str) -> Answer:
        """As the engine looks services up: ID, then name, then a prefix of an ID (daemon/cluster/helpers.go)."""
        services = list(self.services.values())
        found = [service for service in services if service["ID"] == wanted]
        found = found or [service for service in services if service["Spec"]["Name"] == wanted]
        found = found or [service for service in services if service["ID"].startswith(wanted)]
        if len(found) > 1:
            return self._answer(400, {"message": f"service {wanted} is ambiguous ({len(found)} matches found)"})
        return self._answer(200, found[0]) if found else self._not_found(wanted)

    def _post(
        self, identifier: str, params: Mapping[str, str], spec: ServiceSpec, headers: Mapping[str, str]
    ) -> Answer:
        del headers
        service = self.services.get(identifier)
        if service is None:
            return self._not_found(identifier)
        if int(params["version"]) != service["Version"]["Index"]:
            return self._answer(500, {"message": OUT_OF_SEQUENCE})
        if params.get("rollback") == "previous":
            self._roll_back(service)
        else:
            self._update(service, spec)
        return self._answer(200, {"Warnings": self.warnings})

    def _not_found(self, wanted: str) -> Answer:
        return self._answer(404, {"message": f"service {wanted} not found"})

    def _update(self, service: Service, spec: ServiceSpec) -> None:
        replace(service, spec)

    def _roll_back(self, service: Service, started: str = "2026-01-01T12:00:00Z") -> None:
        """A rollback on request: the two specs change places (swarmkit, manager/controlapi/service.go)."""
        replace(service, service["PreviousSpec"])
        service["UpdateStatus"] = {"State": "rollback_started", "StartedAt": started}


def replace(service: Service, spec: ServiceSpec) -> None:
    """A writer's update: the spec that was becomes PreviousSpec, the status is cleared."""
    service["PreviousSpec"] = service["Spec"]
    service["Spec"] = spec
    service.pop("UpdateStatus", None)
    service["Version"]["Index"] += 1


class FakeSwarm(FakeEngine):
    """An engine that others use too, and to whose answers something happens.

    `on_update` holds what befalls each update, in order, and `on_read` each reading of a service; nothing
    befalls those that come after. `updates` are the specs that were carried out.
    """

    def __init__(
        self, *services: Service, on_update: Tuple[Event, ...] = (), clock: Optional[FakeClock] = None
    ) -> None:
        super().__init__(*(services or (make_service(),)), clock=clock)
        self.on_update: Deque[Event] = deque(on_update)
        self.on_read: Deque[Event] = deque()
        self.updates: List[ServiceSpec] = []
        self.posts = 0
        self.headers: List[Mapping[str, str]] = []
        self.keeps: Callable[[ServiceSpec], ServiceSpec] = (
            copy.deepcopy
        )  # what the engine makes of a spec that it is sent

    @property
    def service(self) -> Service:
        """The first service."""
        return next(iter(self.services.values()))

    def _read(self, wanted: str) -> Answer:
        read = super()._read
        return self._befall(self.on_read, lambda: read(wanted))

    def _post(
        self, identifier: str, params: Mapping[str, str], spec: ServiceSpec, headers: Mapping[str, str]
    ) -> Answer:
        self.posts += 1
        self.headers.append(headers)
        post = super()._post
        return self._befall(self.on_update, lambda: post(identifier, params, spec, headers))

    def _befall(self, events: Deque[Event], commit: Commit) -> Answer:
        return events.popleft()(self, commit) if events else commit()

    def _update(self, service: Service, spec: ServiceSpec) -> None:
        self.updates.append(copy.deepcopy(spec))
        super()._update(service, self.keeps(spec))

    def _roll_back(self, service: Service, started: str = "2026-01-01T12:00:00Z") -> None:
        super()._roll_back(service, started)
        self.updates.append(copy.deepcopy(service["Spec"]))

    def put(self, spec: ServiceSpec) -> None:
        """Another writer's update of the first service."""
        replace(self.service, spec)

    def bump(self) -> None:
        self.service["Version"]["Index"] += 1

    def move_status(self, state: str, started: str = "2026-01-01T10:00:00Z") -> None:
        self.service["UpdateStatus"] = {"State": state, "StartedAt": started}
        self.bump()

    def roll_back(self, started: str = "2026-01-01T11:00:00Z") -> None:
        """The swarm's own rollback (swarmkit, manager/orchestrator/update/updater.go)."""
        self.service["Spec"] = self.service.pop("PreviousSpec")
        self.move_status("rollback_started", started)

    def put_back(self) -> None:
        """Somebody else's rollback on request."""
        super()._roll_back(self.service)

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

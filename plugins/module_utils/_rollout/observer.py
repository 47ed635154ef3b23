# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See how services stand, again and again. Private to this collection.

The engine's event stream tells at once when the update of a service moves on. It says nothing of tasks, so a slow
poll goes beside it. Events of other services are passed over, by the engine where it can: on a busy swarm there is
always one. A stream that breaks (a restarted engine) is opened again at the next pause.
"""

from __future__ import annotations

import json
import threading
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Collection,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    cast,
)

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of, present_services
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, Status, judge
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import image_of, state_of

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


KEPT = ("ID", "ServiceID", "NodeID", "Slot", "DesiredState", "CreatedAt", "UpdatedAt", "JobIteration")  # of a task
UP_TO_DATE = "_up-to-date"  # the engine's own filter: tasks on the service's present spec
EVENTS: Dict[str, List[str]] = {"type": ["service"]}
POLL_INTERVAL = 2.0  # seconds between snapshots where no event comes: three requests each
LEAST_GAP = 0.75  # seconds between snapshots in the long run, however many events come
BURST = 2 * LEAST_GAP  # seconds that a snapshot may come before that, where few came lately
OPENING = 0.2  # seconds of the first pause, since what happened before the stream was open is in no event
REST = 8  # how many times as long as it took to look the pause before the next look is, where the swarm is large
LONGEST_REST = 10.0  # seconds


class Seen(NamedTuple):
    """A service as it was seen, and how it was judged."""

    snapshot: Snapshot
    status: Status


class Memory:
    """Since when things have been seen as they are, by the clock here.

    It errs on the side of less: from the end of the look that saw it first to the begin of the present one.
    """

    def __init__(self) -> None:
        self._since: Dict[str, Tuple[Any, float]] = {}

    def seen(self, present: Dict[str, Any], begin: float, end: float) -> Dict[str, float]:
        """Take in how each thing is now; returns for how many seconds it has been so. What is missing is forgotten."""
        held, since = {}, {}
        for name, value in present.items():
            before = self._since.get(name)
            since[name] = before if before is not None and before[0] == value else (value, end)
            held[name] = max(0.0, begin - since[name][1])
        self._since = since
        return held


class Observer:
    """Takes snapshots of services with three requests, whatever their number, and a fourth where `sees_former`.

    The first look asks for the engine's clock too, where it is not clear that tasks have run for long enough.

    It remembers since when it has seen each task, each service and the nodes as they are. `began` and `seconds` are
    when the last look began, and how long it took.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._tasks_seen = Memory()
        self._services_seen = Memory()
        self._is_first = True
        self._leader: Optional[Tuple[str, float]] = None  # its node's ID, and by how much its clock is ahead of ours
        self.sees_former = False
        self.began = clock.now()
        self.seconds = 0.0

    def look(self, expected: Dict[str, Expectation]) -> Dict[str, Optional[Seen]]:
        """How the services of these IDs stand; None for one that is gone. Raises EngineError."""
        began = self._clock.now()
        services = present_services(self._engine, list(expected))
        tasks = self._tasks(list(services), {UP_TO_DATE: ["true"]})
        former = self._former(list(services), tasks)
        nodes = self._engine.nodes()
        self.began, end = began, self._clock.now()
        held = self._tasks_seen.seen(_standings(tasks, nodes), began, end)
        steady = self._services_seen.seen(_versions(list(services.values()), nodes), began, end)
        own, own_former = _by_service(tasks), _by_service(former)
        found: Dict[str, Optional[Seen]] = dict.fromkeys(expected)
        for identifier, service in services.items():
            now, before = own.get(identifier, []), own_former.get(identifier, [])
            snapshot = Snapshot(
                service, now, nodes, self._engine.date, held, before, steady[identifier], self._leader_now(nodes)
            )
            found[identifier] = Seen(snapshot, judge(snapshot, expected[identifier]))
        if self._is_first:
            self._judge_by_leaders_clock(found, expected)
        self._is_first = False
        self.seconds = self._clock.now() - began
        return found

    def _judge_by_leaders_clock(self, found: Dict[str, Optional[Seen]], expected: Dict[str, Expectation]) -> None:
        """Judge those services again that only have to stand for longer: the leader may know that they have."""
        waiting = {name: seen for name, seen in found.items() if seen and seen.status.settles_in is not None}
        for identifier, seen in waiting.items():
            nodes = seen.snapshot.nodes
            self._leader = self._leader or self._ask_leader(nodes)
            if self._leader is None:
                return
            snapshot = seen.snapshot._replace(leader_now=self._leader_now(nodes))
            found[identifier] = Seen(snapshot, judge(snapshot, expected[identifier]))

    def _ask_leader(self, nodes: List[types.Node]) -> Optional[Tuple[str, float]]:
        """Ask for the clock of the swarm's leader; None where the engine is not the leader."""
        try:
            info = self._engine.info()
        except errors.EngineError:
            return None
        now, own = moment_of(str(info.get("SystemTime", ""))), str((info.get("Swarm") or {}).get("NodeID"))
        return (own, now - self._clock.now()) if now is not None and own == _leader_of(nodes) else None

    def _leader_now(self, nodes: List[types.Node]) -> Optional[float]:
        """When the look began by the leader's clock; None where that is not known, or another one leads since."""
        if self._leader is None or self._leader[0] != _leader_of(nodes):
            return None
        return self.began + self._leader[1]

    def _tasks(self, identifiers: List[str], filters: types.Filters) -> List[types.Task]:
        """Tasks of these services; the engine answers 404 where one of the services has just been removed."""
        if not identifiers:
            return []
        wanted = set(identifiers)
        found = self._engine.tasks({**any_of("service", identifiers), **filters})
        return _slim(task for task in found if task.get("ServiceID") in wanted)

    def _former(self, identifiers: List[str], tasks: List[types.Task]) -> List[types.Task]:
        if not self.sees_former:
            return []
        present = {task["ID"] for task in tasks}
        going_on = self._tasks(identifiers, {"desired-state": ["running"]})
        return [task for task in going_on if task["ID"] not in present]


def _leader_of(nodes: List[types.Node]) -> str:
    """The ID of the node that leads the swarm; empty where none is known to."""
    leaders = [node["ID"] for node in nodes if (node.get("ManagerStatus") or {}).get("Leader")]
    return leaders[0] if len(leaders) == 1 else ""


def _slim(tasks: Iterable[types.Task]) -> List[types.Task]:
    """Tasks without what nobody asks for, most of which is their specs: a snapshot may have ten thousand."""
    specs: Dict[str, Any] = {}
    slim = []
    for task in tasks:
        fields: Mapping[str, object] = task
        kept: Dict[str, Any] = {key: fields[key] for key in KEPT if key in fields}
        status, image = task.get("Status") or {}, image_of(task)
        kept["Status"] = {key: status[key] for key in ("State", "Err", "ContainerStatus") if key in status}
        kept["Spec"] = specs.setdefault(image, {"ContainerSpec": {"Image": image}})
        slim.append(cast("types.Task", kept))
    return slim


def _standings(tasks: List[types.Task], nodes: List[types.Node]) -> Dict[str, Any]:
    """How each task stands: its state, and the version of its node, which a new leader has to hear of anew."""
    versions = {node["ID"]: _index(node) for node in nodes}
    return {
        task["ID"]: (state_of(task), task.get("DesiredState"), versions.get(task.get("NodeID", ""))) for task in tasks
    }


def _versions(services: List[types.Service], nodes: List[types.Node]) -> Dict[str, Any]:
    """The version of each service and of all nodes."""
    of_nodes: FrozenSet[Any] = frozenset((node["ID"], _index(node)) for node in nodes)
    return {service["ID"]: (_index(service), of_nodes) for service in services}


def _index(versioned: Any) -> Any:
    return (versioned.get("Version") or {}).get("Index")


def _by_service(tasks: List[types.Task]) -> Dict[str, List[types.Task]]:
    grouped: Dict[str, List[types.Task]] = {}
    for task in tasks:
        grouped.setdefault(str(task.get("ServiceID")), []).append(task)
    return grouped


class Pace:
    """How soon the next look may come: at once where few came lately, but in the long run with gaps (a leaky bucket).

    Where looks take long, so are the gaps.
    """

    def __init__(self) -> None:
        self._due = 0.0  # when the next look would come if all had the same gap
        self._gap = LEAST_GAP
        self._ended: Optional[float] = None  # when the last pause did

    def least(self, now: float) -> float:
        """Seconds that a pause must take which begins now."""
        if self._ended is not None:
            self._gap = max(LEAST_GAP, (now - self._ended) * REST / 2)
        return max(0.0, self._due - BURST - now)

    def end(self, now: float) -> None:
        """End a pause: the next look begins."""
        self._due = max(self._due, now) + self._gap
        self._ended = now


class Watch:
    """A pause between snapshots that ends early when the engine tells of a change to one of the services."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Event()
        self._listener: Optional[threading.Thread] = None
        self._identifiers: FrozenSet[str] = frozenset()
        self._heard: FrozenSet[str] = frozenset()  # the services whose events the stream has; empty where it has all
        self._filters: types.Filters = EVENTS
        self._pace = Pace()

    def pause(self, seconds: float, identifiers: Collection[str]) -> None:
        """Wait for a change to a service of these IDs, or until the time is over; a moment at least on a busy swarm."""
        self._identifiers = frozenset(identifiers)
        if self._open():
            seconds = min(seconds, OPENING)
        least = min(self._pace.least(time.monotonic()), seconds)
        time.sleep(least)
        self._changed.wait(seconds - least)
        self._changed.clear()
        self._pace.end(time.monotonic())

    def _open(self) -> bool:
        """Listen to the services; returns whether some of them were not listened to before.

        The first stream is of the services that are waited for at first, by the engine's own filter. Where others come
        later, a second one is of all.
        """
        is_first = self._listener is None
        is_heard = not is_first and (not self._heard or self._identifiers <= self._heard)
        if not is_heard:
            chosen = any_of("service", sorted(self._identifiers)) if is_first else {}
            self._heard = self._identifiers if chosen else frozenset()
            self._filters = {**EVENTS, **chosen}
        if not is_heard or self._listener is None or not self._listener.is_alive():
            self._listener = threading.Thread(target=self._listen, args=(self._filters,), daemon=True)
            self._listener.start()
        return not is_heard

    def _listen(self, filters: types.Filters) -> None:
        try:
            for event in self._engine.events(filters):
                if threading.current_thread() is not self._listener:
                    return
                if service_of(event) in self._identifiers:
                    self._changed.set()
        except errors.EngineError:
            return


def service_of(event: bytes) -> str:
    """The ID of the service that an event tells of; empty where it tells of none."""
    try:
        return str(json.loads(event.decode("utf-8"))["Actor"]["ID"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

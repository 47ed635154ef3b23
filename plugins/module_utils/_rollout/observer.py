# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watch services: take snapshots, and wait for events in between. Private to this collection.

The engine's event stream reports at once when the update of a service moves on. It does not report tasks, so a slow
poll runs beside it. Events of other services are ignored, by the engine where it can: on a busy swarm there is always
one. A stream that breaks (the engine restarted) is opened again at the next pause.
"""

from __future__ import annotations

import contextlib
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
BURST = 2 * LEAST_GAP  # seconds by which a snapshot may come early, if few came lately
OPENING = 0.2  # seconds of the first pause: the stream does not report what happened before it was open
REST = 8  # the pause before the next look, in lengths of a look, on a large swarm
LONGEST_REST = 10.0  # seconds


class Seen(NamedTuple):
    """A snapshot of a service, and the status judged from it."""

    snapshot: Snapshot
    status: Status


class Memory:
    """Remembers for how long things have stayed as they are, by the clock here.

    It never counts too much: only from the end of the look that first saw a state to the start of the present look.
    """

    def __init__(self) -> None:
        self._since: Dict[str, Tuple[Any, float]] = {}

    def seen(self, present: Dict[str, Any], begin: float, end: float) -> Dict[str, float]:
        """Record the state of each thing. Returns for how many seconds it has lasted. What is missing is forgotten."""
        held, since = {}, {}
        for name, value in present.items():
            before = self._since.get(name)
            since[name] = before if before is not None and before[0] == value else (value, end)
            held[name] = max(0.0, begin - since[name][1])
        self._since = since
        return held


class Observer:
    """Takes snapshots of services with three requests, whatever their number, or four with `sees_former`.

    The first look also asks for the leader's clock, if it is not clear that tasks have run for long enough. The
    observer remembers for how long each task, each service and the nodes have stayed as they are. `began` and `seconds`
    are the start and the length of the last look.
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
        """How the services with these IDs stand; None for one that is gone. Raises EngineError."""
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
        """Judge those services again that only need more time: the leader may know that it has passed."""
        waiting = {name: seen for name, seen in found.items() if seen and seen.status.settles_in is not None}
        for identifier, seen in waiting.items():
            nodes = seen.snapshot.nodes
            self._leader = self._leader or self._ask_leader(nodes)
            if self._leader is None:
                return
            snapshot = seen.snapshot._replace(leader_now=self._leader_now(nodes))
            found[identifier] = Seen(snapshot, judge(snapshot, expected[identifier]))

    def _ask_leader(self, nodes: List[types.Node]) -> Optional[Tuple[str, float]]:
        """The leader's node and how far its clock is ahead of ours; None if the engine is not the leader."""
        try:
            info = self._engine.info()
        except errors.EngineError:
            return None
        now, own = moment_of(str(info.get("SystemTime", ""))), str((info.get("Swarm") or {}).get("NodeID"))
        return (own, now - self._clock.now()) if now is not None and own == _leader_of(nodes) else None

    def _leader_now(self, nodes: List[types.Node]) -> Optional[float]:
        """The start of the look by the leader's clock; None if that is not known, or another node leads now."""
        if self._leader is None or self._leader[0] != _leader_of(nodes):
            return None
        return self.began + self._leader[1]

    def _tasks(self, identifiers: List[str], filters: types.Filters) -> List[types.Task]:
        """The tasks of these services; the engine answers 404 if one of the services has just been removed."""
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
    """The ID of the node that leads the swarm; empty if none is known."""
    leaders = [node["ID"] for node in nodes if (node.get("ManagerStatus") or {}).get("Leader")]
    return leaders[0] if len(leaders) == 1 else ""


def _slim(tasks: Iterable[types.Task]) -> List[types.Task]:
    """The tasks without unused fields, most of which are their specs: a snapshot may have ten thousand."""
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
    """How each task stands: its state, and the version of its node, which a new leader has to learn anew."""
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
    """How soon the next look may come: at once if few came lately, at intervals in the long run (a leaky bucket).

    The longer looks take, the longer the intervals.
    """

    def __init__(self) -> None:
        self._due = 0.0  # when the next look would come if all had the same gap
        self._gap = LEAST_GAP
        self._ended: Optional[float] = None  # when the last pause ended

    def least(self, now: float) -> float:
        """The least seconds that a pause must take if it begins now."""
        if self._ended is not None:
            self._gap = max(LEAST_GAP, (now - self._ended) * REST / 2)
        return max(0.0, self._due - BURST - now)

    def end(self, now: float) -> None:
        """End a pause: the next look begins."""
        self._due = max(self._due, now) + self._gap
        self._ended = now


class Watch:
    """A pause between snapshots that ends early when the engine reports a change to one of the services."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Event()
        self._listener: Optional[threading.Thread] = None
        self._identifiers: FrozenSet[str] = frozenset()
        self._heard: FrozenSet[str] = frozenset()  # the services in the stream; empty for all
        self._filters: types.Filters = EVENTS
        self._pace = Pace()

    def pause(self, seconds: float, identifiers: Collection[str]) -> None:
        """Wait for a change to one of these services, or until the time is over; on a busy swarm at least a moment."""
        self._identifiers = frozenset(identifiers)
        if self._open():
            seconds = min(seconds, OPENING)
        least = min(self._pace.least(time.monotonic()), seconds)
        time.sleep(least)
        self._changed.wait(seconds - least)
        self._changed.clear()
        self._pace.end(time.monotonic())

    def _open(self) -> bool:
        """Open the event stream. Returns whether it now covers services that it did not cover before.

        The first stream covers the services that are waited for first, by the engine's own filter. If others come
        later, a second one covers all.
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
        with contextlib.suppress(errors.EngineError):
            for event in self._engine.events(filters):
                if threading.current_thread() is not self._listener:
                    return
                if service_of(event) in self._identifiers:
                    self._changed.set()


def service_of(event: bytes) -> str:
    """The ID of the service that an event is about; empty if there is none."""
    try:
        return str(json.loads(event.decode("utf-8"))["Actor"]["ID"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""

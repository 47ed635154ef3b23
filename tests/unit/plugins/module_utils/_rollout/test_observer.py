# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pause ends early for the services that are waited for, and for no others."""

from __future__ import annotations

import copy
import json
import queue
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterator, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import EngineUnreachable, NotAllowed
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import (
    BURST,
    LEAST_GAP,
    OPENING,
    Observer,
    Pace,
    Watch,
    service_of,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation
from tests.unit.plugins.module_utils._service.recorded import RecordedEngine, snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock

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


def opened(engine: EventfulEngine, *identifiers: str) -> Watch:
    """A watch of services whose stream is open."""
    watch = Watch(engine)  # type: ignore[arg-type]
    watch.pause(LONG, identifiers or [OURS])
    return watch


def paused(watch: Watch, seconds: float, *identifiers: str) -> float:
    """How long a pause of so many seconds takes."""
    began = time.monotonic()
    watch.pause(seconds, identifiers or [OURS])
    return time.monotonic() - began


def test_the_first_pause_is_short() -> None:
    """What happened before the stream was open is in no event."""
    engine = EventfulEngine()
    watch = Watch(engine)  # type: ignore[arg-type]
    assert paused(watch, LONG) < LONG / 2
    assert paused(watch, 2 * OPENING) >= 2 * OPENING


def test_an_event_of_the_service_ends_the_pause() -> None:
    engine = EventfulEngine()
    watch = opened(engine)
    engine.tell(OURS)
    assert paused(watch, LONG) < LONG / 2
    assert engine.filters == {"type": ["service"], "service": [OURS]}


def test_events_of_others_do_not() -> None:
    engine = EventfulEngine()
    watch = opened(engine)
    for _number in range(100):
        engine.tell(THEIRS)
    engine.sent.put(b"no json")
    assert paused(watch, 0.5) >= 0.5


def test_another_service_is_heard_of_by_a_second_stream_and_no_third_is_opened() -> None:
    engine = EventfulEngine()
    watch = opened(engine)
    assert paused(watch, LONG, THEIRS) < LONG / 2
    assert engine.filters == {"type": ["service"]}
    engine.filters = {}
    engine.sent.put(b"for the first stream, which ends by it")
    engine.tell(THEIRS)
    assert paused(watch, LONG, THEIRS) < LONG / 2
    assert paused(watch, 0.1, OURS, THEIRS, "a third") >= 0.1
    assert engine.filters == {}


def test_more_services_than_a_filter_holds_are_told_apart_here() -> None:
    engine = EventfulEngine()
    opened(engine, *(f"{number:025}" for number in range(2000)))
    assert engine.filters == {"type": ["service"]}


def test_a_stream_that_breaks_is_opened_again_without_a_look_more() -> None:
    class Broken(EventfulEngine):
        opened = 0

        def events(self, filters: Dict[str, Any]) -> Iterator[bytes]:
            self.opened += 1
            self.filters = filters
            raise EngineUnreachable("Nothing listens.")

    engine = Broken()
    watch = opened(engine)
    assert paused(watch, 2 * OPENING) >= 2 * OPENING
    assert engine.opened == 2
    assert engine.filters == {"type": ["service"], "service": [OURS]}


@pytest.mark.parametrize("look", [0.0, 0.02, 1.0])
def test_however_many_events_come_the_looks_have_a_pace(look: float) -> None:
    pace, now, looks = Pace(), 100.0, []
    while now < 160.0:
        now += pace.least(now)
        pace.end(now)
        looks.append(now)
        now += look
    assert len(looks) <= (60.0 + BURST) / LEAST_GAP + 2
    assert len(looks) * look <= 60.0 / 3


def test_a_look_comes_at_once_where_few_came_lately() -> None:
    pace = Pace()
    for begin, end in ((100.0, 102.0), (102.1, 104.0), (104.1, 104.2), (104.3, 106.0)):
        assert pace.least(begin) == 0.0
        pace.end(end)


def test_a_pause_is_never_longer_than_asked_for() -> None:
    assert paused(Watch(EventfulEngine()), 0.0) < OPENING  # type: ignore[arg-type]


def looks(*changes: Callable[[Any], object]) -> List[Any]:
    """What is judged of a service of two tasks at looks of a second each, before each of which something changes."""
    moments = [snapshot("created", date="")]
    for change in changes:
        moments.append(copy.deepcopy(moments[-1]))
        change(moments[-1])
    clock, engine = FakeClock(), RecordedEngine(*moments)
    observer, judged = Observer(engine, clock), []  # type: ignore[arg-type]
    for moment in moments:
        sight = observer.look({moment.service["ID"]: Expectation()})[moment.service["ID"]]
        assert sight is not None
        judged.append(sight.status.settles_in if sight.status.outcome is None else sight.status.outcome)
        clock.sleep(0.75)
    return judged


def nothing(_seen: Any) -> None:
    """Nothing changes."""


def node_hears(seen: Any) -> None:
    """A new leader hears of the node."""
    seen.nodes[0]["Version"] = {"Index": seen.nodes[0].get("Version", {}).get("Index", 0) + 1}


def task_replaced(seen: Any) -> None:
    """One of the tasks is another one."""
    seen.tasks[0]["ID"] += "x"


@pytest.mark.parametrize(
    ("changes", "judged"),
    [
        ([nothing, nothing], [1.0, 0.25, "converged"]),
        ([nothing, node_hears, nothing, nothing], [1.0, 0.25, 1.0, 0.25, "converged"]),
        ([task_replaced, nothing, nothing], [1.0, 1.0, 0.25, "converged"]),
    ],
)
def test_how_long_tasks_have_been_seen_as_they_are(changes: List[Any], judged: List[Any]) -> None:
    assert looks(*changes) == judged


LEADERS_CLOCK = "2026-11-23T06:40:00Z"
"""Later than the recorded moments of a service that was never updated."""


def first_look(leader: str, own: str = "n1", moment: str = LEADERS_CLOCK, takes: float = 0.0) -> Any:
    """Judge a service once that was never updated, through an engine that tells its node and its clock."""
    seen, clock = snapshot("created"), FakeClock()
    for number, node in enumerate(seen.nodes):
        node.update(ID=f"n{number + 1}", ManagerStatus={"Leader": leader == f"n{number + 1}"})
    for task in seen.tasks:
        task["NodeID"] = "n1"
    engine = RecordedEngine(seen)

    def info() -> Dict[str, Any]:
        clock.sleep(takes)
        return {"SystemTime": moment, "Swarm": {"NodeID": own}}

    engine.info = info  # type: ignore[method-assign]
    sight = Observer(engine, clock).look({seen.service["ID"]: Expectation()})[seen.service["ID"]]  # type: ignore[arg-type]
    assert sight is not None
    return sight.status.outcome


def test_the_leader_knows_for_how_long_its_tasks_have_run() -> None:
    assert first_look(leader="n1") == "converged"


@pytest.mark.parametrize(("leader", "own", "moment"), [("n2", "n1", LEADERS_CLOCK), ("n1", "n1", ""), ("", "", "")])
def test_another_managers_clock_says_nothing(leader: str, own: str, moment: str) -> None:
    assert first_look(leader, own, moment) is None


def test_a_clock_that_was_told_late_is_set_back() -> None:
    heard = max(task["UpdatedAt"] for task in snapshot("created").tasks)  # type: ignore[typeddict-item]
    then = moment_of(heard)
    assert then is not None
    told = iso(then + 1.5)
    assert first_look("n1", moment=told) == "converged"
    assert first_look("n1", moment=told, takes=1.0) is None


@pytest.mark.parametrize(("leader", "outcome"), [("n1", "converged"), ("n2", None)])
def test_the_leaders_clock_is_known_as_long_as_it_leads(leader: str, outcome: Any) -> None:
    seen, clock = snapshot("created"), FakeClock()
    heard = moment_of(max(str(task["UpdatedAt"]) for task in seen.tasks))  # type: ignore[typeddict-item]
    assert heard is not None
    for node in seen.nodes:
        node.update(ID="n1", ManagerStatus={"Leader": True})
    engine = RecordedEngine(seen)
    engine.told = {"SystemTime": iso(heard + 0.4), "Swarm": {"NodeID": "n1"}}
    observer, wanted = Observer(engine, clock), {seen.service["ID"]: Expectation()}  # type: ignore[arg-type]
    first = observer.look(wanted)[seen.service["ID"]]
    assert first is not None
    assert first.status.settles_in == pytest.approx(0.6, abs=0.01)
    clock.sleep(0.7)
    for node in seen.nodes:
        node["ID"] = leader
    second = observer.look(wanted)[seen.service["ID"]]
    assert second is not None
    assert second.status.outcome == outcome


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_engine_that_may_not_tell_is_no_matter() -> None:
    engine = RecordedEngine(snapshot("created"))
    engine.info = refuse  # type: ignore[method-assign]
    identifier = snapshot("created").service["ID"]
    sight = Observer(engine, FakeClock()).look({identifier: Expectation()})[identifier]  # type: ignore[arg-type]
    assert sight is not None
    assert sight.status.outcome is None


def refuse() -> Dict[str, Any]:
    raise NotAllowed("GET /info", 403, "no")


def test_a_task_is_kept_without_what_nobody_asks_for() -> None:
    seen = snapshot("created")
    seen.tasks[0].update(Labels={"a": "b"}, Slot=1)  # type: ignore[call-arg]
    seen.tasks[0]["Spec"]["ContainerSpec"]["Env"] = ["PASSWORD=x"]
    observer = Observer(RecordedEngine(seen), FakeClock())  # type: ignore[arg-type]
    sight = observer.look({seen.service["ID"]: Expectation()})[seen.service["ID"]]
    assert sight is not None
    kept = sight.snapshot.tasks[0]
    assert kept["Spec"] == {"ContainerSpec": {"Image": "whoami:0.7"}}
    assert "Labels" not in kept
    assert kept["Status"] == {"State": "running", "ContainerStatus": {"ExitCode": 0}}
    assert {**seen.tasks[0], **kept} == {**seen.tasks[0], "Spec": kept["Spec"], "Status": kept["Status"]}


@pytest.mark.parametrize("event", [b"", b"{}", b"[]", b"null", b'{"Actor": null}', b"\xff"])
def test_what_tells_of_no_service(event: bytes) -> None:
    assert service_of(event) == ""

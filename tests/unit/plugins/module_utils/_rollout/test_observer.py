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
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Filters
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
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from tests.unit.plugins.module_utils._service.recorded import RecordedEngine, snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock, FakeEngine, answer

LONG = 20.0
OURS, THEIRS = "kzrv1nlmyeorv1sl8dkl3m0tw", "aaaaaaaaaaaaaaaaaaaaaaaaa"


class EventfulEngine(FakeEngine):
    """An engine whose events a test sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: queue.Queue[bytes] = queue.Queue()
        self.asked: Filters = {}
        self.has_ended = threading.Event()  # a stream

    def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
        assert path.endswith("/events")
        assert params is not None
        self.asked = json.loads(params["filters"])
        try:
            while True:
                yield self.sent.get()
        finally:
            self.has_ended.set()

    def tell(self, identifier: str) -> None:
        self.sent.put(json.dumps({"Type": "service", "Action": "update", "Actor": {"ID": identifier}}).encode())


def opened(engine: EventfulEngine, *identifiers: str) -> Watch:
    """A watch of services whose stream is open."""
    watch = Watch(engine.engine)
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
    watch = Watch(engine.engine)
    assert paused(watch, LONG) < LONG / 2
    assert paused(watch, 2 * OPENING) >= 2 * OPENING


def test_an_event_of_the_service_ends_the_pause() -> None:
    engine = EventfulEngine()
    watch = opened(engine)
    engine.tell(OURS)
    assert paused(watch, LONG) < LONG / 2
    assert engine.asked == {"type": ["service"], "service": [OURS]}


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
    assert engine.asked == {"type": ["service"]}
    engine.asked = {}
    engine.sent.put(b"for the first stream, which ends by it")
    assert engine.has_ended.wait(LONG)
    engine.tell(THEIRS)
    assert paused(watch, LONG, THEIRS) < LONG / 2
    assert paused(watch, 0.1, OURS, THEIRS, "a third") >= 0.1
    assert engine.asked == {}


def test_more_services_than_a_filter_holds_are_told_apart_here() -> None:
    engine = EventfulEngine()
    opened(engine, *(f"{number:025}" for number in range(2000)))
    assert engine.asked == {"type": ["service"]}


def test_a_stream_that_breaks_is_opened_again_without_a_look_more() -> None:
    class Broken(EventfulEngine):
        opened = 0

        def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
            self.opened += 1
            return FakeEngine.lines(self, path, params)

    engine = Broken()
    watch = opened(engine)
    assert paused(watch, 2 * OPENING) >= 2 * OPENING
    assert engine.opened == 2


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
    assert paused(Watch(EventfulEngine().engine), 0.0) < OPENING


def looks(*changes: Callable[[Any], object]) -> List[Any]:
    """What is judged of a service of two tasks at looks of a second each, before each of which something changes."""
    moments = [snapshot("created", date="")]
    for change in changes:
        moments.append(copy.deepcopy(moments[-1]))
        change(moments[-1])
    clock, engine = FakeClock(), RecordedEngine(*moments)
    observer, judged = Observer(engine.engine, clock), []
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


class Slow(RecordedEngine):
    """An engine that takes its time to tell of itself."""

    def __init__(self, clock: FakeClock, takes: float, *moments: Snapshot) -> None:
        super().__init__(*moments)
        self.clock, self._takes = clock, takes

    def _get(self, parts: List[str], filters: Filters) -> Answer:
        if parts == ["info"]:
            self.clock.sleep(self._takes)
        return super()._get(parts, filters)


def first_look(leader: str, own: str = "n1", moment: str = LEADERS_CLOCK, takes: float = 0.0) -> Any:
    """Judge a service once that was never updated, through an engine that tells its node and its clock."""
    seen, clock = snapshot("created"), FakeClock()
    for number, node in enumerate(seen.nodes):
        node["ID"], node["ManagerStatus"] = f"n{number + 1}", {"Leader": leader == f"n{number + 1}"}
    for task in seen.tasks:
        task["NodeID"] = "n1"
    engine = Slow(clock, takes, seen)
    engine.told = {"SystemTime": moment, "Swarm": {"NodeID": own}}
    sight = Observer(engine.engine, clock).look({seen.service["ID"]: Expectation()})[seen.service["ID"]]
    assert sight is not None
    return sight.status.outcome


def test_the_leader_knows_for_how_long_its_tasks_have_run() -> None:
    assert first_look(leader="n1") == "converged"


@pytest.mark.parametrize(("leader", "own", "moment"), [("n2", "n1", LEADERS_CLOCK), ("n1", "n1", ""), ("", "", "")])
def test_another_managers_clock_says_nothing(leader: str, own: str, moment: str) -> None:
    assert first_look(leader, own, moment) is None


def test_a_clock_that_was_told_late_is_set_back() -> None:
    heard = max(task["UpdatedAt"] for task in snapshot("created").tasks)
    then = moment_of(heard)
    assert then is not None
    told = iso(then + 1.5)
    assert first_look("n1", moment=told) == "converged"
    assert first_look("n1", moment=told, takes=1.0) is None


@pytest.mark.parametrize(("leader", "outcome"), [("n1", "converged"), ("n2", None)])
def test_the_leaders_clock_is_known_as_long_as_it_leads(leader: str, outcome: Any) -> None:
    seen, clock = snapshot("created"), FakeClock()
    heard = moment_of(max(str(task["UpdatedAt"]) for task in seen.tasks))
    assert heard is not None
    for node in seen.nodes:
        node["ID"], node["ManagerStatus"] = "n1", {"Leader": True}
    engine = RecordedEngine(seen)
    engine.told = {"SystemTime": iso(heard + 0.4), "Swarm": {"NodeID": "n1"}}
    observer, wanted = Observer(engine.engine, clock), {seen.service["ID"]: Expectation()}
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
    class Silent(RecordedEngine):
        """An engine that may not tell of itself."""

        def _get(self, parts: List[str], filters: Filters) -> Answer:
            return answer(403, {"message": "no"}) if parts == ["info"] else super()._get(parts, filters)

    engine = Silent(snapshot("created"))
    identifier = snapshot("created").service["ID"]
    sight = Observer(engine.engine, FakeClock()).look({identifier: Expectation()})[identifier]
    assert sight is not None
    assert sight.status.outcome is None


def test_a_task_is_kept_without_what_nobody_asks_for() -> None:
    seen = snapshot("created")
    task: Any = seen.tasks[0]
    task.update(Labels={"a": "b"}, Slot=1)
    seen.tasks[0]["Spec"]["ContainerSpec"]["Env"] = ["PASSWORD=x"]
    observer = Observer(RecordedEngine(seen).engine, FakeClock())
    sight = observer.look({seen.service["ID"]: Expectation()})[seen.service["ID"]]
    assert sight is not None
    kept = sight.snapshot.tasks[0]
    assert kept["Spec"] == {"ContainerSpec": {"Image": "whoami:0.7"}}
    assert "Labels" not in kept
    assert kept["Status"] == {"State": "running", "ContainerStatus": {"ExitCode": 0}}
    assert {**seen.tasks[0], **kept} == {**seen.tasks[0], "Spec": kept["Spec"], "Status": kept["Status"]}


def mixed() -> RecordedEngine:
    """A service of two tasks at its new image, a third that still runs the old one, and a fourth that did."""
    seen = snapshot("update completed", date="")
    for identifier, desired in (("former", "running"), ("ended", "shutdown")):
        seen.tasks.append(copy.deepcopy(seen.tasks[0]))
        seen.tasks[-1].update({"ID": identifier, "Slot": 3, "DesiredState": desired})
        seen.tasks[-1]["Spec"]["ContainerSpec"]["Image"] = "whoami:0.7"
    return RecordedEngine(seen)


@pytest.mark.parametrize(("sees_former", "former"), [(False, []), (True, ["former"])])
def test_tasks_of_earlier_specs_are_seen_where_asked_for_and_do_not_count(sees_former: bool, former: List[str]) -> None:
    engine = mixed()
    [identifier] = (moment.service["ID"] for moment in engine.moments if isinstance(moment, Snapshot))
    observer = Observer(engine.engine, FakeClock())
    observer.sees_former = sees_former
    sight = observer.look({identifier: Expectation()})[identifier]
    assert sight is not None
    assert len(sight.snapshot.tasks) == 2
    assert [task["ID"] for task in sight.snapshot.former] == former
    assert (sight.status.running, sight.status.desired) == (2, 2)


def test_a_service_that_is_gone_is_seen_as_none_and_asks_for_no_tasks() -> None:
    class Asked(RecordedEngine):
        """An engine that keeps what it was asked for."""

        def _get(self, parts: List[str], filters: Filters) -> Answer:
            asked.append(parts[0])
            return super()._get(parts, filters)

    asked: List[str] = []
    assert Observer(Asked(None).engine, FakeClock()).look({OURS: Expectation()}) == {OURS: None}
    assert set(asked) == {"_ping", "services", "nodes"}


@pytest.mark.parametrize("event", [b"", b"{}", b"[]", b"null", b'{"Actor": null}', b"\xff"])
def test_what_tells_of_no_service(event: bytes) -> None:
    assert service_of(event) == ""

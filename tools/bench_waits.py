# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How waits behave, measured in turn for this version and for 1.0, on one swarm of one node.

Every run is checked: its outcomes, what the engine has at its end, and whether progress was shown.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.swarm import Engine, Proxy, eventually, images, services
from tests.swarm.collection import ROOT, collection_path
from tools.bench_page import MEBIBYTE, WATCHED_DELAY
from tools.bench_runs import BenchFailed, former_collection, machine, timed
from tools.bench_waits_page import (
    BUSY,
    COMMAND,
    END,
    FORMER,
    IN_TURN,
    JUDGEMENT,
    KEPT,
    LARGE,
    LARGE_TIMEOUT,
    LOOK,
    MEMORY,
    PRESENT,
    PROCESSOR,
    REQUESTS,
    SERVICES_IN_TURN,
    SHOWN,
    SILENT,
    TASK,
    TASKS,
    TIMEOUT,
    WRITE_RATE,
    WRITES,
    WaitBook,
)
from tools.demo import ansible_settings, beside_python, say

PACKAGE = "ansible_collections.swarmops.rollout.plugins"
OBSERVERS = {PRESENT: "_rollout.observer", FORMER: "_service.observation"}
"""Where a version has what looks and judges, below ``module_utils``."""
ENDS = {PRESENT: 9, FORMER: 5}
"""Rollouts whose end is measured, and with what monitor, in seconds."""
END_MONITOR = 0.6
BUSY_TIMEOUT = 10
WRITERS = 4
ROLLED = 5
"""Tasks of the rollout whose processor time is measured."""
NOWHERE = {"Constraints": ["node.hostname == nowhere.example.com"]}
TASKS_CREATED = 300
"""Seconds that a swarm may take to create all pending tasks."""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        services: "{{ item }}"
        resolve: never
        max_parallel: 1
        wait_timeout: "{{ wait_timeout }}"
        show_progress: "{{ shown }}"
      loop: "{{ rounds }}"
"""
"""Each round of the loop is a rollout by itself."""


@dataclass(frozen=True)
class Version:
    """A version of the collection, and the folder that has it as an installed collection."""

    name: str
    collections: Path

    @property
    def observer(self) -> str:
        """The Python module that looks and judges."""
        return f"{PACKAGE}.module_utils.{OBSERVERS[self.name]}"


@contextmanager
def versions(engine: Engine) -> Iterator[list[Version]]:
    """Give the versions that are compared; raises :class:`BenchFailed` where the former is not to be had."""
    with collection_path(engine.space.folder) as present, TemporaryDirectory(dir=engine.space.folder) as former:
        yield [Version(FORMER, former_collection(Path(former))), Version(PRESENT, present)]


@dataclass(frozen=True)
class Played:
    """A playbook that ran: its seconds, those of the processor, its rounds as the callback told them, its words."""

    seconds: float
    processor: float
    rounds: list[dict[str, Any]]
    text: str


class Waits:
    """Runs each case with each version, with progress and without, and writes down what it took."""

    def __init__(self, engine: Engine, compared: list[Version], most: int) -> None:
        self.engine = engine
        self.book = WaitBook()
        self.loads: list[float] = []  # of the last minute, at each measurement
        self._versions = compared
        self._most = most
        self._folder = engine.space.folder
        self._settings = ansible_settings(engine, compared[-1].collections)
        images.load(engine)

    def measure_all(self) -> None:
        """Measure every case; the large service comes last, since the engine has long to do with it."""
        for measure in (
            self._measure_ends,
            self._measure_in_turn,
            self._measure_processor,
            self._measure_kept,
            self._measure_busy,
            self._measure_large,
        ):
            measure()

    def _runs(self) -> Iterator[tuple[Version, str]]:
        """Yield each version with progress and without."""
        for version in self._versions:
            for who in (SHOWN, SILENT):
                yield version, who

    def _tell(self, case: str, what: str, version: Version) -> None:
        values = self.book.values[case, what, version.name]
        say(f"{case:10} {what:24} {version.name:8} {self.book.median(case, what, version.name) or 0:9.3f}  {values}")

    def _add(self, case: str, what: str, version: Version, *values: float) -> None:
        self.book.add(case, what, version.name, *values)
        self.loads.append(os.getloadavg()[0])
        self._tell(case, what, version)

    def _measure_ends(self) -> None:
        """Measure how long after the swarm's own end of an update its task ends."""
        created = self._create("end", max(ENDS.values()), monitor=END_MONITOR)
        for number, (version, who) in enumerate(self._runs()):
            names = created[: min(self._most, ENDS[version.name])]
            played = self._roll(version, who, [[name] for name in names], image_of(number))
            ends = {each["item"][0]["name"]: each["ended"] for each in played.rounds}
            self._add(END, who, version, *(ends[name] - self._completed(name) for name in names))
        services.remove(self.engine, "end-")

    def _completed(self, name: str) -> float:
        """Return when the swarm completed a service's update, in seconds since 1970."""
        completed = services.inspect(self.engine, name)["UpdateStatus"]["CompletedAt"]
        moment = datetime.strptime(completed[:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f")
        return moment.replace(tzinfo=timezone.utc).timestamp()

    def _measure_in_turn(self) -> None:
        """Measure rollouts one after the other in one task."""
        names = self._create("turn", SERVICES_IN_TURN)
        for number, (version, who) in enumerate(self._runs()):
            self._add(IN_TURN, who, version, self._roll(version, who, [names], image_of(number)).seconds)
        services.remove(self.engine, "turn-")

    def _measure_processor(self) -> None:
        """Measure the processor time of a rollout that takes some 30 seconds."""
        config = {"Parallelism": 1, "Monitor": services.SECOND // 2, "Delay": int(WATCHED_DELAY * services.SECOND)}
        [name] = self._create("rolled", 1, replicas=ROLLED, UpdateConfig={**config, "FailureAction": "pause"})
        for number, (version, who) in enumerate(self._runs()):
            played = self._roll(version, who, [[name]], image_of(number), replicas=ROLLED)
            self._add(PROCESSOR, who, version, played.processor)
        services.remove(self.engine, "rolled-")

    def _measure_kept(self) -> None:
        """Measure how long a wait takes that is to time out; the former version may take minutes, so it runs once."""
        for version, who in self._runs():
            if (version.name, who) != (FORMER, SILENT):
                self._time_out(version, who)

    def _time_out(self, version: Version, who: str) -> None:
        config = {"Parallelism": 1, "Monitor": services.SECOND // 2, "FailureAction": "continue"}
        [name] = self._create("kept", 1, replicas=4, UpdateConfig=config)
        played = self._play(version, who, [[name]], "crash:1", allowed=(2,))
        check_outcomes(played, "timed_out", 1)
        self._add(KEPT, f"{TASK}, {who}", version, played.rounds[0]["ended"] - played.rounds[0]["began"])
        self._add(KEPT, f"{COMMAND}, {who}", version, played.seconds)
        services.remove(self.engine, "kept-")

    def _measure_busy(self) -> None:
        """Measure how often a wait asks while others write."""
        services.create(self.engine, "busy", "127.0.0.1:1/nowhere:1")
        for version in self._versions:
            ended = threading.Event()
            with Proxy(self.engine.host) as proxy, ThreadPoolExecutor(WRITERS) as pool:
                writers = [pool.submit(self._write, f"elsewhere-{each}", ended) for each in range(WRITERS)]
                try:
                    self._wait(version, proxy.host, "busy", BUSY_TIMEOUT)
                finally:
                    ended.set()
                requests = len(proxy.requests)
            self._add(BUSY, REQUESTS, version, requests / BUSY_TIMEOUT)
            self._add(BUSY, WRITES, version, sum(writer.result() for writer in writers))
        services.remove(self.engine, "busy")

    def _write(self, name: str, ended: threading.Event) -> float:
        """Create and remove a service again and again, and return how many writes a second that were."""
        began, count = time.monotonic(), 0
        while not ended.wait(max(0.0, began + count * WRITERS / WRITE_RATE - time.monotonic())):
            identifier = services.create(self.engine, name, "whoami:0.7", replicas=0)
            self.engine.checked("DELETE", f"/services/{identifier}")
            count += 2
        return count / (time.monotonic() - began)

    def _measure_large(self) -> None:
        """Measure what it costs to wait for a service of many tasks, all of them pending."""
        say(f"Creating {TASKS:,} tasks …")
        spec = services.simple("large", "whoami:0.7", replicas=TASKS)
        spec["TaskTemplate"]["Placement"] = NOWHERE
        services.post(self.engine, spec)
        eventually(lambda: self._count("large") == TASKS, "all tasks are there", TASKS_CREATED, every=2)
        for version in self._versions:
            told = self._wait(version, self.engine.host, "large", LARGE_TIMEOUT)
            self._add(LARGE, JUDGEMENT, version, *told["judgements"])
            self._add(LARGE, LOOK, version, *told["looks"])
            self._add(LARGE, PROCESSOR, version, told["processor"])
            self._add(LARGE, MEMORY, version, told["memory"] / MEBIBYTE)

    def _count(self, name: str) -> int:
        return len(self.engine.get("/tasks", filters=json.dumps({"service": {name: True}})))

    def _wait(self, version: Version, host: str, name: str, seconds: int) -> Any:
        """Wait for a service until that times out, in a process of its own, and return what its looks took."""
        report = self._folder / "looks.json"
        arguments = {"name": name, "docker_host": host, "wait_timeout": seconds}
        command = [sys.executable, str(ROOT / "tools" / "timed_looks.py"), version.observer]
        done = timed(
            [*command, f"{PACKAGE}.modules.swarm_service_wait", str(report)],
            {**self._settings, "PYTHONPATH": str(version.collections)},
            json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            allowed=(1,),
        )
        [entry] = json.loads(done.text)["services"]
        if entry["outcome"] != "timed_out":
            raise BenchFailed(f"the wait of {version.name} for {name} did not time out:\n{done.text[-2000:]}")
        return json.loads(report.read_text(encoding="utf-8"))

    def _create(self, prefix: str, count: int, *, replicas: int = 1, **fields: Any) -> list[str]:
        """Create services of so many tasks, and wait until they run."""
        names = [f"{prefix}-{number:02d}" for number in range(count)]
        for name in names:
            services.create(self.engine, name, "whoami:0.7", replicas=replicas, **fields)
        for name in names:
            services.started(self.engine, name, replicas)
        return names

    def _roll(self, version: Version, who: str, rounds: list[list[str]], image: str, *, replicas: int = 1) -> Played:
        """Bring services to an image, round by round, and check that they all run it."""
        played = self._play(version, who, rounds, image)
        names = [name for each in rounds for name in each]
        check_outcomes(played, "converged", len(names))
        wrong = [name for name in names if services.running(self.engine, name, image) != replicas]
        if wrong:
            raise BenchFailed(f"{version.name}, {who}: {', '.join(wrong)} do not run {image}:\n{played.text[-2000:]}")
        return played

    def _play(
        self, version: Version, who: str, rounds: list[list[str]], image: str, allowed: Collection[int] = (0,)
    ) -> Played:
        playbook, report, tasks = (self._folder / name for name in ("waits.yml", "spent.json", "tasks.json"))
        playbook.write_text(PLAYBOOK, encoding="utf-8")
        tasks.write_text("", encoding="utf-8")
        listed = [[{"name": name, "image": image} for name in names] for names in rounds]
        variables = {"rounds": listed, "shown": who == SHOWN, "wait_timeout": TIMEOUT if allowed == (2,) else 300}
        done = timed(
            [
                *(sys.executable, str(ROOT / "tools" / "spent.py"), str(report)),
                *(str(beside_python("ansible-playbook")), str(playbook), "-e", json.dumps(variables)),
            ],
            {
                **self._settings,
                "ANSIBLE_COLLECTIONS_PATH": str(version.collections),
                "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tools" / "callbacks"),
                "BENCH_TASKS": str(tasks),
            },
            allowed=allowed,
        )
        if is_shown(done.text, rounds[0][0]) != (who == SHOWN):
            raise BenchFailed(f"{version.name}, {who}: that is not what was printed:\n{done.text[-2000:]}")
        told = [json.loads(line) for line in tasks.read_text(encoding="utf-8").splitlines()]
        spent = json.loads(report.read_text(encoding="utf-8"))
        return Played(spent["seconds"], spent["processor"], [each for each in told if each["item"]], done.text)


def image_of(number: int) -> str:
    """Return another image for each run after another; services begin with ``whoami:0.7``."""
    return ("whoami:0.6", "whoami:0.7")[number % 2]


def is_shown(text: str, name: str) -> bool:
    """Whether progress is in what a run printed: a line of the service, or one that counts several."""
    return re.search(rf"^({re.escape(name)}: |.*\d+(/| of )\d+ converged)", text, re.MULTILINE) is not None


def check_outcomes(played: Played, outcome: str, count: int) -> None:
    """See that so many services ended so, and no other did; raises :class:`BenchFailed`."""
    outcomes = [each for told in played.rounds for each in told["outcomes"]]
    if outcomes != [outcome] * count:
        raise BenchFailed(f"{outcome} was expected, {count} times, not {outcomes}:\n{played.text[-2000:]}")


def measure_waits(most: int) -> tuple[WaitBook, dict[str, str]]:
    """Measure all waits on a swarm of their own; return the book and what the figures depend on."""
    with Engine() as engine, versions(engine) as compared:
        about = machine(engine)
        waits = Waits(engine, compared, most)
        waits.measure_all()
    return waits.book, {**about, "load meanwhile": f"{min(waits.loads):.1f} to {max(waits.loads):.1f}"}

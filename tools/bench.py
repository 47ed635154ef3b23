# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.bench``: the time to change the image of many services, beside what people use today.

All is measured in one run on one swarm of a thousand services without tasks. Every run is checked at the engine: an
update must have reached each service, a no-op must have touched none. The figures go to ``docs/benchmark.md``, each
single measurement to ``docs/benchmark.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tests.swarm import Engine, EngineError, images, services
from tests.swarm.box import BoxError
from tests.swarm.collection import ROOT, collection_path
from tests.swarm.engine import DEBIAN_CLI
from tests.swarm.packages import PackagesError
from tools.demo import ansible_settings, beside_python, say

MODULE = "swarm_service_image"
PEER_MODULE = "community.docker.docker_swarm_service"
COUNTS = (1, 50, 200, 1000)
MEBIBYTE = 1024 * 1024

PING, OURS, ALONE, PING_ALONE, PYTHON = "ping", "playbook", "module", "ping module", "python"
RAW, RAW_CALLS, CLI, PEER = "raw HTTP", "raw HTTP, calls", "docker loop", "peer loop"
AD_HOC, PEER_AD_HOC = "ad hoc", "peer ad hoc"
SHOWN, SILENT = "progress shown", "no progress"
NO_OP, UPDATE, ROLLOUT = "no-op", "update", "rollout"

ROUNDS = {OURS: 7, ALONE: 15, RAW: 15}
"""How often each is measured, and the loops by their number of services; the slow ones less often."""
CLI_ROUNDS = {1: 5, 50: 3, 200: 1}
PEER_ROUNDS = {NO_OP: {1: 3, 20: 2}, UPDATE: {1: 3, 20: 2}}
SIDE_BY_SIDE = 200
"""The update of so many is measured in turn with the peer's loop: so often before each loop and after the last."""
OURS_BESIDE_PEER = 5
PEER_LOOPS = 3
FIXED_ROUNDS = 21
WATCHED, WATCHED_REPLICAS, WATCHED_DELAY = "watched", 5, 2.7
"""The service of the rollout that is watched: it takes some 30 seconds, of which this many are between two tasks."""
WATCHED_ROUNDS = {NO_OP: 21, ROLLOUT: 4}

ALONE_PROGRAM = "import importlib, sys; importlib.import_module(sys.argv.pop(1)).main()"
RAW_PROGRAM = """
import json, sys, time
import requests_unixsocket
base, image, names = sys.argv[1], sys.argv[2], set(json.load(sys.stdin))
session = requests_unixsocket.Session()
session.trust_env = False
began = time.perf_counter()
answer = session.get(base + "/services")
answer.raise_for_status()
for service in answer.json():
    spec = service["Spec"]
    container = spec["TaskTemplate"]["ContainerSpec"]
    if spec["Name"] in names and container["Image"] != image:
        container["Image"] = image
        url = f"{base}/services/{service['ID']}/update?version={service['Version']['Index']}"
        session.post(url, data=json.dumps(spec), headers={"Content-Type": "application/json"}).raise_for_status()
print(time.perf_counter() - began)
"""
CLI_PROGRAM = 'while read -r name; do "$0" service update -d -q --no-resolve-image --image "$1" "$name"; done'
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        services: "{{ services }}"
        resolve: never
        wait: false
"""
PEER_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - community.docker.docker_swarm_service:
        name: "{{ item }}"
        image: "{{ image }}"
      loop: "{{ names }}"
"""
WATCHED_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: "{{ name }}"
        image: "{{ image }}"
        show_progress: "{{ shown }}"
        resolve: never
"""


class BenchFailed(Exception):
    """A run did not do what it was to do, so that its time says nothing."""


@dataclass(frozen=True)
class Done:
    """A process that ended well: its seconds, the most memory it held (bytes), and what it printed."""

    seconds: float
    memory: int
    text: str


@dataclass
class Samples:
    """All measurements of one case: who, doing what, to how many services."""

    who: str
    what: str
    count: int
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return median(self.seconds)


@dataclass(frozen=True)
class Figure:
    """A time in seconds; ``scaled_from`` is the number of services that it was computed from, 0 where measured."""

    seconds: float
    scaled_from: int = 0

    def __str__(self) -> str:
        digits = 3 if self.seconds < 1 else 2 if self.seconds < 10 else 1
        return f"{'≈ ' if self.scaled_from else ''}{self.seconds:.{digits}f}"


class Book:
    """The measurements of a run."""

    def __init__(self) -> None:
        self.cases: dict[tuple[str, str, int], Samples] = {}

    def add(self, who: str, what: str, count: int, done: Done) -> None:
        """Take in one measurement."""
        samples = self.cases.setdefault((who, what, count), Samples(who, what, count))
        samples.seconds.append(round(done.seconds, 4))
        samples.memory.append(done.memory)

    def median(self, who: str, what: str = NO_OP, count: int = 1) -> float:
        """Return the median of a case in seconds."""
        return self.cases[who, what, count].median

    def figure(self, who: str, what: str, count: int) -> Figure:
        """Return a case's median, or what follows from the largest two counts of this kind that were measured."""
        if (who, what, count) in self.cases:
            return Figure(self.median(who, what, count))
        measured = sorted(key[2] for key in self.cases if key[:2] == (who, what))
        low, high = measured[0], measured[-1]
        first, last = self.median(who, what, low), self.median(who, what, high)
        return Figure(last + (last - first) / (high - low) * (count - high), high)

    def memory(self, who: str, count: int) -> int:
        """Return the most memory that any run on so many services held, in bytes."""
        return max(max(samples.memory) for key, samples in self.cases.items() if (key[0], key[2]) == (who, count))


class Bench:
    """Runs each contender on the swarm's first services, and writes down its time."""

    def __init__(self, engine: Engine, collections: Path) -> None:
        self.engine = engine
        self.book = Book()
        self._settings = ansible_settings(engine, collections)
        self._python_path = {**os.environ, "PYTHONPATH": str(collections), "DOCKER_HOST": engine.host}
        self._folder = engine.space.folder
        self._names: list[str] = []
        self._tag = 0

    @property
    def image(self) -> str:
        """The image of the last update; nothing ever pulls it, for no service has a task."""
        return f"whoami:{self._tag}"

    def populate(self, count: int) -> None:
        """Create services as a stack has them: labels, variables, limits."""
        self._names = [f"service-{number:04d}" for number in range(count)]
        for name in self._names:
            services.post(self.engine, self._spec(name))

    def _spec(self, name: str) -> Any:
        spec = services.simple(name, self.image, replicas=0)
        spec["Labels"] = {"com.docker.stack.namespace": "bench", "com.example.team": "ops"}
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"VARIABLE_{each}=value {each}" for each in range(10)]
        spec["TaskTemplate"]["Resources"] = {"Limits": {"MemoryBytes": 64 * MEBIBYTE}}
        return spec

    def measure(self, what: str, cases: Mapping[tuple[str, int], int]) -> None:
        """Measure each contender on so many services so many times, in turn, so that noise is shared."""
        if what == NO_OP:
            self._raw(self._names)
        for number in range(max(cases.values())):
            for (who, count), rounds in cases.items():
                if number < rounds:
                    self._measure(who, what, count)
        for who, count in cases:
            self._tell(who, what, count)

    def measure_side_by_side(self, most: int) -> None:
        """Measure the update of many in turn with the peer, whose losses are made good each time."""
        for _loop in range(min(most, PEER_LOOPS)):
            self.measure(UPDATE, {(OURS, SIDE_BY_SIDE): min(most, OURS_BESIDE_PEER)})
            self.measure(UPDATE, {(PEER, SIDE_BY_SIDE): 1})
            for name in self._names[:SIDE_BY_SIDE]:
                services.update(self.engine, services.inspect(self.engine, name), self._spec(name))
        self.measure(UPDATE, {(OURS, SIDE_BY_SIDE): min(most, OURS_BESIDE_PEER)})

    def _measure(self, who: str, what: str, count: int) -> None:
        """Measure a contender once, and check what became of the services."""
        run = {OURS: self._playbook, ALONE: self._alone, RAW: self._raw, CLI: self._cli, PEER: self._peer}[who]
        with self._checked(who, what, count):
            done = run(self._names[:count])
        self.book.add(who, what, count, done)
        if who == RAW:
            self.book.add(RAW_CALLS, what, count, Done(float(done.text), 0, ""))

    def measure_fixed(self, rounds: int) -> None:
        """Measure what every run costs and the smallest no-op, in turn, so that noise is shared."""
        self._raw(self._names)
        name = self._names[0]
        ad_hoc: dict[str, tuple[str, str]] = {
            PING: ("ansible.builtin.ping", ""),
            AD_HOC: (f"swarmops.rollout.{MODULE}", f"name={name} image={self.image} wait=false"),
            PEER_AD_HOC: (PEER_MODULE, f"name={name} image={self.image}"),
        }
        for _round in range(rounds):
            for who, (module, arguments) in ad_hoc.items():
                with self._checked(who, NO_OP, 1):
                    done = self._ansible("ansible", "manager1", "-m", module, "-a", arguments)
                self.book.add(who, NO_OP, 1, done)
            self.book.add(PING_ALONE, NO_OP, 1, self._module("ansible.modules.ping", {}))
            self.book.add(PYTHON, NO_OP, 1, timed([sys.executable, "-c", "pass"], self._python_path))
        for who in (*ad_hoc, PING_ALONE, PYTHON):
            self._tell(who, NO_OP, 1)

    def measure_progress(self, most: int) -> None:
        """Measure what showing the progress costs, in turn with not showing it."""
        images.load(self.engine, "whoami:0.6", "whoami:0.7")
        spec = services.simple(WATCHED, "whoami:0.7", replicas=WATCHED_REPLICAS)
        spec["UpdateConfig"]["Delay"] = int(WATCHED_DELAY * services.SECOND)
        services.post(self.engine, spec)
        services.started(self.engine, WATCHED, WATCHED_REPLICAS)
        present, other = "whoami:0.7", "whoami:0.6"
        for _round in range(min(most, WATCHED_ROUNDS[ROLLOUT])):
            for who in (SHOWN, SILENT):
                self._watch(who, ROLLOUT, other)
                present, other = other, present
        for _round in range(min(most, WATCHED_ROUNDS[NO_OP])):
            for who in (SHOWN, SILENT):
                self._watch(who, NO_OP, present)
        for what in (ROLLOUT, NO_OP):
            for who in (SHOWN, SILENT):
                self._tell(who, what, 1)
        services.remove(self.engine, WATCHED)

    def _watch(self, who: str, what: str, image: str) -> None:
        playbook, variables = self._folder / "watched.yml", {"name": WATCHED, "image": image, "shown": who == SHOWN}
        playbook.write_text(WATCHED_PLAYBOOK, encoding="utf-8")
        done = self._ansible("ansible-playbook", str(playbook), "-e", json.dumps(variables))
        is_right = services.running(self.engine, WATCHED, image) == WATCHED_REPLICAS
        has_changed = "changed=1" in done.text
        if (
            not is_right
            or has_changed != (what == ROLLOUT)
            or (f"{WATCHED}: " in done.text) != (who == SHOWN and what == ROLLOUT)
        ):
            raise BenchFailed(f"{who}, {what}: not what it should be:\n{done.text[-2000:]}")
        self.book.add(who, what, 1, done)

    def _tell(self, who: str, what: str, count: int) -> None:
        samples = self.book.cases[who, what, count]
        say(f"{who:12} {what:7} {count:5}  {samples.median:8.3f} s, the median of {len(samples.seconds)}")

    @contextmanager
    def _checked(self, who: str, what: str, count: int) -> Iterator[None]:
        """See that an update inside reaches the first services and no other, and that a no-op touches none.

        Docker's command line knows no no-op: it always writes.
        """
        self._tag += what == UPDATE
        before = self._held()
        yield
        after = self._held()
        changed = [name for name in self._names if after[name][0] != before[name][0]]
        wrong = [name for name in self._names[:count] if after[name][1] != self.image]
        expected = [] if what == NO_OP and who != CLI else self._names[:count]
        if wrong or changed != expected:
            raise BenchFailed(f"{who}, {what} of {count}: {len(changed)} written, {len(wrong)} with a wrong image")

    def _held(self) -> dict[str, tuple[int, str]]:
        return {
            service["Spec"]["Name"]: (
                service["Version"]["Index"],
                service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"],
            )
            for service in self.engine.get("/services")
        }

    def _playbook(self, names: list[str]) -> Done:
        return self._play(PLAYBOOK, names)

    def _peer(self, names: list[str]) -> Done:
        return self._play(PEER_PLAYBOOK, names)

    def _play(self, text: str, names: list[str]) -> Done:
        playbook, variables = self._folder / "playbook.yml", self._folder / "variables.json"
        playbook.write_text(text, encoding="utf-8")
        variables.write_text(
            json.dumps({"names": names, "image": self.image, "services": self._listed(names)}), encoding="utf-8"
        )
        return self._ansible("ansible-playbook", str(playbook), "-e", f"@{variables}")

    def _ansible(self, program: str, *arguments: str) -> Done:
        return timed([str(beside_python(program)), *arguments], self._settings)

    def _alone(self, names: list[str]) -> Done:
        return self._module(
            f"ansible_collections.swarmops.rollout.plugins.modules.{MODULE}",
            {"services": self._listed(names), "resolve": "never", "wait": False},
        )

    def _listed(self, names: list[str]) -> list[dict[str, str]]:
        return [{"name": name, "image": self.image} for name in names]

    def _module(self, name: str, params: Mapping[str, Any]) -> Done:
        """Run a module as the managed node does: a process of its own, without Ansible's controller."""
        command = [sys.executable, "-c", ALONE_PROGRAM, name]
        return timed(command, self._python_path, json.dumps({"ANSIBLE_MODULE_ARGS": params}))

    def _raw(self, names: list[str]) -> Done:
        base = f"http+unix://{str(self.engine.socket).replace('/', '%2F')}/v{self.engine.version}"
        return timed([sys.executable, "-c", RAW_PROGRAM, base, self.image], self._python_path, json.dumps(names))

    def _cli(self, names: list[str]) -> Done:
        listed = "".join(f"{name}\n" for name in names)
        return timed(["sh", "-c", CLI_PROGRAM, str(DEBIAN_CLI), self.image], self.engine.environment, listed)


def timed(command: list[str], environment: Mapping[str, str], stdin: str = "") -> Done:
    """Run a command to its end; raises :class:`BenchFailed` with what it printed where it fails."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            running.stdin.write(stdin)
            running.stdin.close()
            text = running.stdout.read()
            _pid, status, usage = os.wait4(running.pid, 0)
        except BaseException:
            running.terminate()
            raise
        seconds = time.perf_counter() - began
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise BenchFailed(f"{' '.join(command)[:200]} failed ({running.returncode}):\n{text[-2000:]}")
    return Done(seconds, usage.ru_maxrss * 1024, text)


@dataclass(frozen=True)
class Target:
    """What was to be reached, what came of it, and the limit it is held against."""

    text: str
    value: float
    limit: float
    unit: str = " times"
    at_most: bool = True

    @property
    def reached(self) -> bool:
        """Whether it was."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def row(self) -> list[str]:
        """Return the target as a row of the table."""
        bound = f"at {'most' if self.at_most else 'least'} {self.limit:g}{self.unit}"
        return [self.text, bound, f"{self.value:.2f}{self.unit}", "reached" if self.reached else "**not reached**"]


def targets(book: Book) -> list[Target]:
    """Hold the figures against what was to be reached."""
    ours = book.median(OURS, UPDATE, 200)
    own = book.median(ALONE, UPDATE, 200) - book.median(PING_ALONE)
    raw = book.median(RAW, UPDATE, 200) - book.median(PYTHON)
    first = book.median(ALONE, UPDATE, 1)
    growth = [(book.median(ALONE, UPDATE, count) - first) / (count - 1) for count in (200, 1000)]
    ping = book.median(PING)
    return [
        Target("No-op of 200 services, over the no-op of one", ratio(book, NO_OP), 1.3),
        Target(
            "Update of 200: the peer's loop over this", book.figure(PEER, UPDATE, 200).seconds / ours, 50, at_most=False
        ),
        Target("Update of 200: docker's shell loop over this", book.median(CLI, UPDATE, 200) / ours, 1, at_most=False),
        Target("Update of 200: the module less Ansible's fixed cost, over raw HTTP less Python's", own / raw, 2),
        Target("A service's share in an update of 1000, over that of 200", growth[1] / growth[0], 1.15),
        Target("Most memory at 1000 services", book.memory(ALONE, 1000) / MEBIBYTE, 100, " MiB"),
        Target(
            "No-op of one, ad hoc, above ping: over the peer's",
            (book.median(AD_HOC) - ping) / (book.median(PEER_AD_HOC) - ping),
            1,
        ),
        Target("A rollout of 30 seconds whose progress is shown, over one without", over_silent(book, ROLLOUT), 1.1),
        Target("A no-op with progress switched on, over one without", over_silent(book, NO_OP), 1.05),
    ]


def over_silent(book: Book, what: str) -> float:
    """Return how much longer a run takes whose progress is shown."""
    return book.median(SHOWN, what) / book.median(SILENT, what)


def ratio(book: Book, what: str) -> float:
    """Return how much longer a playbook takes for 200 services than for one."""
    return book.median(OURS, what, 200) / book.median(OURS, what, 1)


def rows(book: Book) -> Iterator[list[str]]:
    """Yield the table of times; the loops' figures say how much longer they take than this collection."""
    for what in (NO_OP, UPDATE):
        for count in COUNTS:
            ours = book.median(OURS, what, count)
            cells = [str(book.figure(who, what, count)) for who in (OURS, ALONE, RAW)]
            for who in (CLI, PEER):
                figure = book.figure(who, what, count)
                cells.append(
                    f"{figure} ({figure.seconds / ours:.2g})"
                    if figure.seconds < ours
                    else f"{figure} ({figure.seconds / ours:.1f})"
                )
            yield [f"{what}, {count}", *cells]


def fixed_rows(book: Book) -> Iterator[list[str]]:
    """Yield the table of what one run costs before it does anything."""
    ping = book.median(PING)
    for label, who in (
        ("`ansible -m ansible.builtin.ping`", PING),
        (f"`ansible -m swarmops.rollout.{MODULE}`, nothing to do", AD_HOC),
        (f"`ansible -m {PEER_MODULE}`, nothing to do", PEER_AD_HOC),
    ):
        seconds = book.median(who)
        yield [label, f"{seconds:.3f}", f"{seconds - ping:.3f}"]


def watched_rows(book: Book) -> Iterator[list[str]]:
    """Yield the table of what it costs to show the progress."""
    for what in (ROLLOUT, NO_OP):
        shown, silent = book.median(SHOWN, what), book.median(SILENT, what)
        yield [what, f"{shown:.2f}", f"{silent:.2f}", f"{shown / silent:.2f}"]


def table(heads: Iterable[str], lines: Iterable[list[str]]) -> str:
    """Return a table in Markdown, the numbers to the right."""
    first, *rest = heads
    made = [[first, *rest], ["---", *("---:" for _head in rest)], *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in made)


def machine(engine: Engine) -> dict[str, str]:
    """Return what the figures depend on."""
    versions = {name: version(name) for name in ("ansible-core", "ansible", "docker", "requests", "urllib3")}
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} x {processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"Linux {platform.release()}",
        "load": " ".join(f"{each:.2f}" for each in os.getloadavg()),
        "Docker Engine": str(engine.get("/version")["Version"]),
        "Docker CLI": engine.docker("--version").stdout.strip().removeprefix("Docker version "),
        "Python": platform.python_version(),
        **versions,
        "requests-unixsocket": version("requests-unixsocket"),
        "community.docker": peer_version(),
    }


def processor() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def peer_version() -> str:
    """Return the version of community.docker that the package ansible brought."""
    done = timed([str(beside_python("ansible-galaxy")), "collection", "list", "--format", "json"], os.environ)
    listed = json.loads(done.text[done.text.index("{") :])
    return next(str(found["community.docker"]["version"]) for found in listed.values() if "community.docker" in found)


def report(book: Book, about: Mapping[str, str]) -> str:
    """Return the page that tells the figures."""
    heads = [
        "Seconds",
        "this collection",
        "its module alone",
        "raw HTTP",
        "`docker service update` loop",
        "peer's loop",
    ]
    judged = [target.row() for target in targets(book)]
    return PAGE.format(
        head=licence_note(),
        table=table(heads, rows(book)),
        fixed=table(["One run, ad hoc", "seconds", "above ping"], fixed_rows(book)),
        watched=table(["One service of 5 tasks", "progress shown", "not shown", "ratio"], watched_rows(book)),
        rest=WATCHED_DELAY,
        targets=table(["To be reached", "limit", "measured", ""], judged),
        about=table(["", ""], [[key, value] for key, value in about.items()]),
        memory=f"{book.memory(ALONE, 1000) / MEBIBYTE:.0f} MiB",
        memory_one=f"{book.memory(ALONE, 1) / MEBIBYTE:.0f} MiB",
        services=COUNTS[-1],
        measured=measured(book),
        calls=book.median(RAW_CALLS, UPDATE, 200),
    )


def licence_note() -> str:
    """Return the note at the head of each page, as the README has it."""
    note, end, _text = (ROOT / "README.md").read_text(encoding="utf-8").partition("-->")
    return note + end


def measured(book: Book) -> str:
    """Say how often the loops were measured, a line each."""
    loops = [samples for samples in book.cases.values() if samples.who in (CLI, PEER)]
    return "".join(
        f"  - {each.who}, {each.what} of {each.count}: measured {len(each.seconds)} time(s)\n" for each in loops
    )


PAGE = """\
{head}

# Benchmark

How long it takes to change the image of many services. `make bench` measures all of this in one run on one engine,
which it starts for that, and writes this page; each single measurement is in `benchmark.json`. The figures are
medians, in seconds. What is compared is measured in turn, so that a slow minute of the machine is shared.

{table}
- The swarm has {services} services throughout, each with labels, ten variables, a memory limit and no task, so that no
  time goes into containers. Its state is kept in memory: an engine writes each change through to the disk, whoever
  asks for it, and how long that takes says nothing of those compared. *No-op, 50*: 50 of the services are named and
  have the image already. *Update, 50*: 50 of them get another image; nobody waits for the rollout. After each run the
  engine is asked what became of all services, and a run that did anything else than it should ends the benchmark.
- *This collection*: `ansible-playbook` with one task, `swarm_service_image`, `services` listed, `resolve: never`,
  `wait: false`; the whole time of the command. *Its module alone*: the module's process by itself, as it runs on a
  managed node.
- *Raw HTTP*: a Python program that lists the services and posts each spec with the other image in it, no more, in a
  session of `requests-unixsocket`; the least that any client must send. Its requests alone took {calls:.2f} s for an
  update of 200.
- *`docker service update` loop*: a shell loop with `--detach --no-resolve-image`. It has no no-op and always writes.
- *Peer's loop*: `ansible-playbook` with `community.docker.docker_swarm_service` in a loop, given name and image. It
  removes what is not named from the service; that is not part of the measurement.
- In brackets: how many times as long as this collection. A figure with ≈ is not measured, but extrapolated in a line
  from the smallest and the largest number that were:
{measured}
{fixed}
The module's process held {memory} at most with {services} services, and {memory_one} with one.

{watched}
- *Rollout*: `ansible-playbook` with one task that changes the image of a service of 5 tasks, one after the other with a
  rest of {rest} seconds, and waits until it has converged. *No-op*: the same where the service has the image already.

## Targets

{targets}
## Where and when

{about}"""


def raw_numbers(book: Book, about: Mapping[str, str]) -> str:
    """Return every measurement as JSON: seconds, and bytes of memory at most."""
    cases = [vars(samples) for samples in book.cases.values()]
    lines = ",\n".join(f"    {json.dumps(case)}" for case in cases)
    head = json.dumps(dict(about), indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return f'{{\n  "about": {head},\n  "measurements": [\n{lines}\n  ]\n}}\n'


def measure_all(bench: Bench, most: int) -> None:
    """Measure everything, each case ``most`` times at most; the loops, which change more than images, come last."""
    bench.measure_progress(most)
    bench.measure_fixed(min(most, FIXED_ROUNDS))
    for what in (NO_OP, UPDATE):
        cases = {(who, count): min(most, ROUNDS[who]) for count in COUNTS for who in ROUNDS}
        if what == UPDATE:
            del cases[OURS, SIDE_BY_SIDE]
        bench.measure(what, cases)
        bench.measure(what, {(CLI, count): min(most, rounds) for count, rounds in CLI_ROUNDS.items()})
    bench.measure_side_by_side(most)
    for what, by_count in PEER_ROUNDS.items():
        bench.measure(what, {(PEER, count): min(most, rounds) for count, rounds in by_count.items()})


def bench(folder: Path, most: int) -> None:
    """Run the benchmark and write its page and its numbers."""
    say("Starting a swarm of one node (missing Debian packages are installed first) …")
    with Engine() as engine, collection_path(engine.space.folder) as collections:
        runner = Bench(engine, collections)
        about = machine(engine)
        runner.populate(COUNTS[-1])
        measure_all(runner, most)
    page = report(runner.book, about)
    (folder / "benchmark.md").write_text(page, encoding="utf-8")
    (folder / "benchmark.json").write_text(raw_numbers(runner.book, about), encoding="utf-8")
    say("\n" + page.partition("# Benchmark\n\n")[2])


def main() -> int:
    """Run the benchmark and return the exit status: 0 where all could be measured."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="Measure the collection.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the folder for benchmark.md and .json")
    parser.add_argument("--rounds", type=int, default=100, help="measure nothing more often than this")
    options = parser.parse_args()
    try:
        bench(options.output, options.rounds)
    except KeyboardInterrupt:
        say("\nInterrupted. The swarm was ended and removed.")
        return 130
    except (BenchFailed, BoxError, EngineError, PackagesError) as error:
        print(f"\nThe benchmark could not continue: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

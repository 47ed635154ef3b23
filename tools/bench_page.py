# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's figures, and the page that tells them (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from tests.swarm.collection import ROOT
from tools.bench_runs import Done
from tools.bench_waits_page import FORMER, NOTES, SHOWN, SILENT, WaitBook, wait_rows

MODULE = "swarm_service_image"
PEER_MODULE = "community.docker.docker_swarm_service"
COUNTS = (1, 50, 200, 1000)
MEBIBYTE = 1024 * 1024

PING, OURS, ALONE, PING_ALONE, PYTHON = "ping", "playbook", "module", "ping module", "python"
RAW, RAW_CALLS, CLI, PEER = "raw HTTP", "raw HTTP, calls", "docker loop", "peer loop"
AD_HOC, PEER_AD_HOC = "ad hoc", "peer ad hoc"
NO_OP, UPDATE, ROLLOUT = "no-op", "update", "rollout"

IMAGES, WAITS = "images", "waits"
"""The parts of the page, each with a date of its own."""
About = Mapping[str, Mapping[str, str]]

WATCHED_DELAY = 2.7
"""Seconds between two tasks of the rollout that is watched; with five it takes some 30."""


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


def report(book: Book, waits: WaitBook, about: About) -> str:
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
        when=measured_at(about[IMAGES]),
        table=table(heads, rows(book)),
        fixed=table(["One run, ad hoc", "seconds", "above ping"], fixed_rows(book)),
        watched=table(["One service of 5 tasks", "progress shown", "not shown", "ratio"], watched_rows(book)),
        rest=WATCHED_DELAY,
        targets=table(["To be reached", "limit", "measured", ""], judged),
        waits_when=measured_at(about[WAITS]),
        waits=table(["", f"version {FORMER}", "this version", "wanted", "reached"], wait_rows(waits)),
        notes=NOTES,
        about=table(["", "many services", "waits"], about_rows(about)),
        memory=f"{book.memory(ALONE, 1000) / MEBIBYTE:.0f} MiB",
        memory_one=f"{book.memory(ALONE, 1) / MEBIBYTE:.0f} MiB",
        services=COUNTS[-1],
        measured=measured(book),
        calls=book.median(RAW_CALLS, UPDATE, 200),
    )


def measured_at(about: Mapping[str, str]) -> str:
    """Say when a table was measured, and at which commit where that is known."""
    at = f" at commit {about['commit']}" if about.get("commit") else ""
    return f"Measured {about['date']}{at}."


def about_rows(about: About) -> Iterator[list[str]]:
    """Yield what the figures depend on, a column a part of the page."""
    keys = dict.fromkeys(key for part in about.values() for key in part)
    for key in keys:
        yield [key, *(part.get(key, "") for part in about.values())]


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

How long it takes to change the image of many services, and how waits behave. `make bench` measures all of this on
engines that it starts for that, and writes this page; `make bench ONLY=waits` measures the waits alone. Each single
measurement is in `benchmark.json`. The figures are medians. What is compared is measured in turn, so that a slow minute
of the machine is shared.

## Many services

{when}

{table}
- The swarm has {services} services throughout, each with labels, ten variables, a memory limit and no task, so that no
  time goes into containers. Its state is kept in memory: an engine writes each change through to the disk, whoever
  asks for it, and how long that takes says nothing about those compared. *No-op, 50*: 50 of the services are named and
  have the image already. *Update, 50*: 50 of them get another image; nobody waits for the rollout. After each run the
  engine is asked what became of all services, and a run that did anything but what it should ends the benchmark.
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
  delay of {rest} seconds, and waits until it has converged. *No-op*: the same where the service has the image already.

{targets}
## Waits

{waits_when}

{waits}
{notes}
## Where and when

{about}"""


def numbers(book: Book, waits: WaitBook, about: About) -> str:
    """Return every measurement as JSON: seconds, and bytes of memory at most; those of waits in the table's units."""
    parts: dict[str, str] = {part: json.dumps(dict(told), indent=2, ensure_ascii=False) for part, told in about.items()}
    indented = ",\n".join(f'    "{part}": ' + text.replace("\n", "\n    ") for part, text in parts.items())
    lists = {"measurements": [vars(samples) for samples in book.cases.values()], "waits": waits.listed()}
    listed = ",\n".join(
        f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(case)}" for case in cases) + "\n  ]"
        for name, cases in lists.items()
    )
    return f'{{\n  "about": {{\n{indented}\n  }},\n{listed}\n}}\n'


def read_numbers(text: str) -> tuple[Book, WaitBook, dict[str, dict[str, str]]]:
    """Return what :func:`numbers` wrote."""
    told = json.loads(text)
    book = Book()
    for case in told["measurements"]:
        book.cases[case["who"], case["what"], case["count"]] = Samples(**case)
    return book, WaitBook.read(told["waits"]), told["about"]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of waits, beside those of version 1.0, and their table (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

FORMER, PRESENT = "1.0.0", "present"

KEPT, IN_TURN, LARGE, BUSY, END, PROCESSOR = "kept", "in turn", "large", "busy", "end", "processor"
TASK, COMMAND = "task", "command"
JUDGEMENT, LOOK, MEMORY = "judgement", "look", "memory"
REQUESTS, WRITES = "requests", "writes"
SHOWN, SILENT = "progress shown", "no progress"

TIMEOUT = 20
"""Seconds of the wait that times out: four tasks crash again and again."""
SERVICES_IN_TURN = 12
TASKS = 10_000
LARGE_TIMEOUT = 30
WRITE_RATE = 200
"""Writes a second that have nothing to do with the service that is waited for."""

Key = tuple[str, str, str]
"""A case, what of it is measured, and the version."""


class WaitBook:
    """The measurements of waits, by case, what is measured, and version."""

    def __init__(self) -> None:
        self.values: dict[Key, list[float]] = {}

    @classmethod
    def read(cls, listed: list[dict[str, Any]]) -> WaitBook:
        """Return the book that :meth:`listed` tells of."""
        book = cls()
        for each in listed:
            book.values[each["case"], each["what"], each["version"]] = list(each["values"])
        return book

    def listed(self) -> list[dict[str, Any]]:
        """Return every measurement as JSON has it."""
        return [
            {"case": case, "what": what, "version": version, "values": values}
            for (case, what, version), values in self.values.items()
        ]

    def add(self, case: str, what: str, version: str, *values: float) -> None:
        """Take in measurements."""
        self.values.setdefault((case, what, version), []).extend(round(value, 4) for value in values)

    def median(self, case: str, what: str, version: str) -> float | None:
        """Return the median of a case; None where it was not measured."""
        values = self.values.get((case, what, version))
        return median(values) if values else None


@dataclass(frozen=True)
class Row:
    """A line of the table: what it is called, how it is found for a version, its unit, and the most it may be."""

    text: str
    find: Callable[[WaitBook, str], float | None]
    unit: str = "s"
    limit: float | None = None

    def cells(self, book: WaitBook) -> list[str]:
        """Return the line's cells; a figure that was not measured is a dash."""
        former, present = (self.find(book, version) for version in (FORMER, PRESENT))
        wanted = "" if self.limit is None else f"at most {self.limit:g}"
        verdict = "" if present is None or self.limit is None else "yes" if present <= self.limit else "**no**"
        return [f"{self.text}, {self.unit}" if self.unit else self.text, shown(former), shown(present), wanted, verdict]


def shown(value: float | None) -> str:
    """Return a figure as the table has it."""
    return "-" if value is None else f"{value:.{2 if abs(value) < 100 else 0}f}"


def of(case: str, what: str) -> Callable[[WaitBook, str], float | None]:
    """Return how to find the median of a case."""
    return lambda book, version: book.median(case, what, version)


def over(case: str) -> Callable[[WaitBook, str], float | None]:
    """Return how to find how many times as much it is with progress as without."""

    def find(book: WaitBook, version: str) -> float | None:
        one, other = (book.median(case, who, version) for who in (SHOWN, SILENT))
        return None if one is None or not other else one / other

    return find


def more(case: str) -> Callable[[WaitBook, str], float | None]:
    """Return how to find how much more it is with progress than without."""

    def find(book: WaitBook, version: str) -> float | None:
        one, other = (book.median(case, who, version) for who in (SHOWN, SILENT))
        return None if one is None or other is None else one - other

    return find


ROWS = (
    Row(f"`wait_timeout: {TIMEOUT}`, progress: the task", of(KEPT, f"{TASK}, {SHOWN}"), limit=TIMEOUT + 2),
    Row("… the whole command", of(KEPT, f"{COMMAND}, {SHOWN}")),
    Row(f"`wait_timeout: {TIMEOUT}`, no progress: the task", of(KEPT, f"{TASK}, {SILENT}"), limit=TIMEOUT + 2),
    Row("… the whole command", of(KEPT, f"{COMMAND}, {SILENT}")),
    Row(f"{SERVICES_IN_TURN} services, `max_parallel: 1`, progress", of(IN_TURN, SHOWN)),
    Row("… no progress", of(IN_TURN, SILENT)),
    Row("… the one over the other", over(IN_TURN), "times", 1.05),
    Row(f"{TASKS:,} pending tasks: a judgement", of(LARGE, JUDGEMENT), limit=0.2),
    Row("… a look, with its requests and judgement", of(LARGE, LOOK), limit=1),
    Row(f"… processor time of a wait of {LARGE_TIMEOUT} s", of(LARGE, PROCESSOR), limit=4),
    Row("… its memory at most", of(LARGE, MEMORY), "MiB"),
    Row("A busy swarm: requests of a wait", of(BUSY, REQUESTS), "a second", 6),
    Row("… writes elsewhere meanwhile", of(BUSY, WRITES), "a second"),
    Row("From the swarm's end of an update to the task's, progress", of(END, SHOWN), limit=0.2),
    Row("… no progress", of(END, SILENT), limit=0.2),
    Row("A rollout of 30 s: processor time, progress", of(PROCESSOR, SHOWN)),
    Row("… no progress", of(PROCESSOR, SILENT)),
    Row("… what progress takes", more(PROCESSOR), limit=0.7),
)


def wait_rows(book: WaitBook) -> Iterator[list[str]]:
    """Yield the lines of the table."""
    for row in ROWS:
        yield row.cells(book)


NOTES = f"""\
- *`wait_timeout: {TIMEOUT}`*: four tasks get an image that crashes at once, and the service's failure action is
  `continue`, so that the swarm never gives up. The task has to time out. Version 1.0 ran once, with progress.
- *{SERVICES_IN_TURN} services*: each of one task, one service after the other; the whole command.
- *{TASKS:,} pending tasks*: one service whose placement no node meets, and `swarm_service_wait` as a process of its
  own. A look asks the engine for the tasks, the service and the nodes, and judges them.
- *A busy swarm*: `swarm_service_wait` waits for a service that does not start, while others are created and removed,
  {WRITE_RATE} writes a second at most. Requests are counted by a proxy.
- *From the swarm's end to the task's*: from the engine's `UpdateStatus.CompletedAt` to Ansible's word that the task
  has ended, on one machine with one clock. The service has one task and a monitor of 0.6 s.
- *Processor time*: user and system, of every process that the command started, the job in the background among them;
  the engine's is not counted.
"""

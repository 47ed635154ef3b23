# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The combinations of managed Python, library, engine and controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Union

from tests.pythons import interpreters
from tests.swarm import trees

LIBRARY = "requests-unixsocket"
SUITES = {"bullseye": 9, "bookworm": 11, "trixie": 13}
"""Debian releases whose own engine, Python and library are tried together, with the minor version of their Python."""


@dataclass(frozen=True)
class Environment:
    """An environment of one of this machine's interpreters."""

    minor: int
    requirements: tuple[str, ...]

    def make(self) -> Path:
        """Return its folder."""
        return interpreters.environment(interpreters.found()[self.minor], *self.requirements)


@dataclass(frozen=True)
class Release:
    """A release of ansible-core: the minor versions of Python 3 that it runs on, best first, and manages."""

    name: str
    requirement: str
    runs_on: tuple[int, ...]
    manages: range

    def here(self) -> list[Environment]:
        """Return environments for it and the library, one for each interpreter of this machine that it runs on."""
        minors = [minor for minor in self.runs_on if minor in interpreters.found()]
        return [Environment(minor, (self.requirement, LIBRARY)) for minor in minors]


PINNED = (
    Release("2.17", "ansible-core==2.17.*", (11, 10, 12), range(7, 13)),
    Release("2.18", "ansible-core==2.18.*", (11, 12, 13), range(8, 14)),
    Release("2.19", "ansible-core==2.19.*", (11, 12, 13), range(8, 14)),
)
NEWEST = Release("newest", "ansible-core>=2.20", (13, 12), range(9, 15))


@dataclass(frozen=True)
class Debian:
    """A Debian release."""

    suite: str

    def make(self) -> Path:
        """Return its tree."""
        return trees.ensure(self.suite)


Part = Union[Environment, Debian]


@dataclass(frozen=True)
class Case:
    """What manages what: the controller's environment, and a managed Python from PyPI or from Debian."""

    name: str
    controller: Environment
    managed: Part

    @property
    def parts(self) -> tuple[Part, ...]:
        """What must be made for it."""
        return (self.controller, self.managed)


@dataclass
class Row:
    """A line of the table."""

    case: str = ""
    python: str = ""
    requests_unixsocket: str = ""
    requests: str = ""
    urllib3: str = ""
    ansible_core: str = ""
    controller: str = ""
    engine: str = ""
    seconds: str = ""
    outcome: str = "FAILED"


def controllers() -> list[Case]:
    """Return each ansible-core managing its own Python, the newest one on every Python that it runs on."""
    each = [(release.name, release.here()[:1]) for release in PINNED] + [(NEWEST.name, NEWEST.here())]
    return [Case(f"ansible-core {name} on 3.{on.minor}", on, on) for name, environments in each for on in environments]


def pythons() -> list[Case]:
    """Return each Python of this machine with the library from PyPI."""
    return [
        Case(f"Python 3.{minor}", manager_of(minor), Environment(minor, (LIBRARY,))) for minor in interpreters.found()
    ]


def debians() -> list[Case]:
    """Return each Debian release as a manager of a swarm: its own engine, Python and library."""
    return [Case(f"Debian {suite}", manager_of(minor), Debian(suite)) for suite, minor in SUITES.items()]


def manager_of(minor: int) -> Environment:
    """Return the newest ansible-core here that manages Python 3.``minor``; raises :class:`LookupError` without one."""
    for release in (NEWEST, *reversed(PINNED)):
        if minor in release.manages and release.here():
            return release.here()[0]
    raise LookupError(f"no ansible-core that manages Python 3.{minor} runs on the interpreters of this machine")


def table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the table."""
    heads = [field.name.replace("_", "-") for field in fields(Row)]
    lines = [heads, *map(list, map(astuple, rows))]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    absent = [f"3.{minor}" for minor in interpreters.MINORS if minor not in interpreters.found()]
    return [*text, f"Not on this machine: Python {', '.join(absent)}."] if absent else text

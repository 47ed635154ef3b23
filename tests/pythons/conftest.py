# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which combinations are tried, the environments for them, and the table of what was run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pythons import matrix

ROWS = pytest.StashKey["list[matrix.Row]"]()


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest) -> Iterator[dict[matrix.Part, Future[Path]]]:
    """Make environments and Debian trees for the chosen tests, some at a time; what fails, fails only its own test."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [case for item in items if isinstance(case := item.callspec.params["case"], matrix.Case)]
    parts: list[matrix.Part] = list(dict.fromkeys(part for case in cases for part in case.parts))
    pool = ThreadPoolExecutor(4)
    yield {part: pool.submit(part.make) for part in parts}
    pool.shutdown(cancel_futures=True)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> matrix.Row:
    """Return this test's line of the table."""
    rows = request.config.stash.setdefault(ROWS, [])
    rows.append(matrix.Row())
    return rows[-1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("the main path, on which Python")
    rows: list[matrix.Row] = config.stash.get(ROWS, [])
    for line in matrix.table(rows):
        terminalreporter.write_line(line)

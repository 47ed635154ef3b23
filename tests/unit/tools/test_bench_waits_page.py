# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tools.bench_waits_page import (
    FORMER,
    PRESENT,
    PROCESSOR,
    ROWS,
    SHOWN,
    SILENT,
    Row,
    WaitBook,
    more,
    of,
    over,
    shown,
    wait_rows,
)


@pytest.fixture
def book() -> WaitBook:
    """A case that was measured in both versions, and one of this version alone."""
    book = WaitBook()
    for who, version, values in (
        (SHOWN, FORMER, (9.0, 1.0, 4.0)),
        (SILENT, FORMER, (2.0,)),
        (SHOWN, PRESENT, (2.1, 2.3)),
    ):
        book.add(PROCESSOR, who, version, *values)
    return book


def test_a_figure_is_the_median(book: WaitBook) -> None:
    assert of(PROCESSOR, SHOWN)(book, FORMER) == 4.0
    assert of(PROCESSOR, SHOWN)(book, PRESENT) == pytest.approx(2.2)


def test_what_was_not_measured_is_no_figure(book: WaitBook) -> None:
    assert of(PROCESSOR, SILENT)(book, PRESENT) is None
    assert over(PROCESSOR)(book, PRESENT) is None
    assert more(PROCESSOR)(book, PRESENT) is None


def test_progress_is_compared_with_none(book: WaitBook) -> None:
    assert over(PROCESSOR)(book, FORMER) == 2.0
    assert more(PROCESSOR)(book, FORMER) == 2.0


@pytest.mark.parametrize(
    ("limit", "wanted", "verdict"),
    [(2.25, "at most 2.25", "yes"), (2.19, "at most 2.19", "**no**"), (None, "", "")],
)
def test_a_row_holds_this_version_against_its_limit(
    book: WaitBook, limit: float | None, wanted: str, verdict: str
) -> None:
    row = Row("progress", of(PROCESSOR, SHOWN), limit=limit)
    assert row.cells(book) == ["progress, s", "4.00", "2.20", wanted, verdict]


def test_a_row_without_a_figure_is_neither_reached_nor_missed(book: WaitBook) -> None:
    row = Row("no progress", of(PROCESSOR, SILENT), "times", 1)
    assert row.cells(book) == ["no progress, times", "2.00", "-", "at most 1", ""]


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.064, "0.06"), (99.994, "99.99"), (159.5, "160")])
def test_large_figures_have_no_digits_after_the_point(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_every_row_is_in_the_table() -> None:
    assert len(list(wait_rows(WaitBook()))) == len(ROWS)


def test_a_book_can_be_read_again(book: WaitBook) -> None:
    assert WaitBook.read(book.listed()).values == book.values

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's page is what its numbers say, and tells what was not measured or not reached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.swarm.collection import ROOT
from tools.bench_page import (
    IMAGES,
    WAITS,
    Book,
    Figure,
    Target,
    about_rows,
    measured_at,
    numbers,
    read_numbers,
    report,
    table,
)
from tools.bench_runs import Done

DOCS = ROOT / "docs"


def held() -> str:
    return (DOCS / "benchmark.json").read_text(encoding="utf-8")


def test_the_page_is_what_the_numbers_say() -> None:
    assert report(*read_numbers(held())) == (DOCS / "benchmark.md").read_text(encoding="utf-8")


def test_numbers_are_kept_as_they_were() -> None:
    assert numbers(*read_numbers(held())) == held()


def test_numbers_are_json_of_every_measurement() -> None:
    book, waits, about = read_numbers(held())
    told = json.loads(numbers(book, waits, about))
    assert told["about"] == about
    assert len(told["measurements"]) == len(book.cases) > 0
    assert len(told["waits"]) == len(waits.values) > 0


def test_a_figure_between_two_counts_is_drawn_out_in_a_straight_line() -> None:
    book = Book()
    for count, seconds in ((1, 1.0), (1, 3.0), (1, 2.0), (20, 21.0)):
        book.add("loop", "no-op", count, Done(seconds, 0, ""))
    assert book.figure("loop", "no-op", 1) == Figure(2.0)
    assert book.figure("loop", "no-op", 200) == Figure(201.0, 20)
    assert [str(book.figure("loop", "no-op", count)) for count in (1, 200)] == ["2.00", "≈ 201.0"]


@pytest.mark.parametrize(
    ("value", "at_most", "verdict"),
    [
        (1.0, True, "reached"),
        (1.01, True, "**not reached**"),
        (1.0, False, "reached"),
        (0.99, False, "**not reached**"),
    ],
)
def test_a_target_is_reached_at_its_limit_and_not_beyond(value: float, at_most: bool, verdict: str) -> None:
    row = Target("what", value, 1, " s", at_most).row()
    assert row == ["what", f"at {'most' if at_most else 'least'} 1 s", f"{value:.2f} s", verdict]


def test_a_table_has_its_numbers_to_the_right() -> None:
    assert table(["what", "s"], [["a", "1"]]) == "| what | s |\n| --- | ---: |\n| a | 1 |\n"


@pytest.mark.parametrize(
    ("about", "text"),
    [
        ({"date": "today", "commit": "abc"}, "Measured today at commit abc."),
        ({"date": "today", "commit": ""}, "Measured today."),
        ({"date": "today"}, "Measured today."),
    ],
)
def test_the_commit_is_named_where_it_is_known(about: dict[str, Any], text: str) -> None:
    assert measured_at(about) == text


def test_each_part_has_its_own_column_of_what_it_depends_on() -> None:
    about = {IMAGES: {"date": "then", "ansible": "12"}, WAITS: {"date": "now", "commit": "abc"}}
    assert list(about_rows(about)) == [["date", "then", "now"], ["ansible", "12", ""], ["commit", "", "abc"]]

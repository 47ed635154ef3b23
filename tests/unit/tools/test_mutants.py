# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter

import pytest

from tools import house, mutants
from tools.mutants import Mutant, Tried, added_lines, is_enough, report, sample, sources

COUNTS = {"comparison": 3, "constant": 40, "return": 20, "branch": 30}
MUTANTS = [
    Mutant("_service/plan", kind, f"rollout/{kind}", number, 10 + number, f"{kind} {number % 7}")
    for kind, count in COUNTS.items()
    for number in range(count)
]


def test_each_file_of_the_two_folders_is_tried() -> None:
    names = sources([])
    assert {"_service/plan", "_rollout/writer"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"_service", "_rollout"}
    assert all((house.ROOT / path).is_file() and path.stem != "__init__" for path in names.values())


@pytest.mark.parametrize("only", ["writer", "_rollout/writer"])
def test_one_file_can_be_named(only: str) -> None:
    assert list(sources([only])) == ["_rollout/writer"]


def test_a_file_is_tried_against_its_own_tests() -> None:
    names = [path.as_posix() for path in mutants.tests_of("_service/plan")]
    assert names == ["tests/unit/plugins/module_utils/_service/test_plan.py"]


@pytest.mark.parametrize(("name", "other"), [("_service/status", "judge_table"), ("_rollout/rollout", "rollbacks")])
def test_tests_of_no_other_file_count_for_what_they_import(name: str, other: str) -> None:
    stem = name.partition("/")[2]
    assert [path.stem for path in mutants.tests_of(name)] == [f"test_{stem}", f"test_{other}"]


def test_a_sample_has_as_many_of_each_kind_as_it_can() -> None:
    chosen = sample(MUTANTS, 45)
    assert Counter(mutant.kind for mutant in chosen) == {"comparison": 3, "constant": 14, "return": 14, "branch": 14}
    assert len(set(chosen)) == 45


def test_a_small_file_is_tried_whole() -> None:
    assert sorted(sample(MUTANTS[:5], 45)) == MUTANTS[:5]


def test_a_sample_stays_the_same_while_the_code_does() -> None:
    moved = [mutant._replace(line=mutant.line + 3) for mutant in MUTANTS]
    chosen = [mutant._replace(line=mutant.line + 3) for mutant in sample(MUTANTS, 45)]
    assert sample(moved, 45) == chosen


def test_another_seed_makes_another_sample() -> None:
    assert sample(MUTANTS, 45, "2") != sample(MUTANTS, 45, "1")


@pytest.mark.parametrize(
    ("caught", "tried", "enough"), [(45, 45, True), (41, 45, True), (40, 45, False), (9, 10, True)]
)
def test_nine_of_ten_are_enough(caught: int, tried: int, enough: bool) -> None:
    assert is_enough(caught, tried) is enough


def test_what_no_test_noticed_is_shown() -> None:
    text = report("_service/plan", [Tried(MUTANTS[0], False, "made 0"), Tried(MUTANTS[1], True, "made 1")])
    assert text.splitlines() == [
        "_service/plan              1 of   2 caught  fewer than 90%",
        "  line 10, comparison: comparison 0",
        "    -> made 0",
    ]


def test_what_a_change_makes_is_shown_on_one_line() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n-    return {\n-        a\n-    }\n+    return None\n+    b\n c"
    assert added_lines(diff) == "return None b"

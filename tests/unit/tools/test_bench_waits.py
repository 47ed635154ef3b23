# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tools.bench_runs import BenchFailed
from tools.bench_waits import Played, check_outcomes, image_of, is_shown

ANSWERED = "changed: [manager1] => (item=[{'name': 'turn-00', 'image': 'whoami:0.6'}])\n"


@pytest.mark.parametrize(
    ("text", "is_progress"),
    [
        ("turn-00: 1/1 running whoami:0.6, converged\n", True),
        ("3 of 12 converged, 1 rolling out\n", True),
        ("[####----] 3/12 converged, 9 waiting\n", True),
        ("", False),
        ("turn-000: 1/1 running\n", False),
    ],
)
def test_progress_is_told_from_what_ansible_prints(text: str, is_progress: bool) -> None:
    assert is_shown(ANSWERED + text, "turn-00") is is_progress


@pytest.mark.parametrize("outcomes", [[["converged"], []], [["converged"], ["paused"]], [["converged"] * 3]])
def test_another_outcome_than_the_wanted_ends_the_benchmark(outcomes: list[list[str]]) -> None:
    played = Played(1.0, 1.0, [{"outcomes": each} for each in outcomes], "said")
    with pytest.raises(BenchFailed, match="converged was expected, 2 times"):
        check_outcomes(played, "converged", 2)


def test_wanted_outcomes_are_fine() -> None:
    check_outcomes(Played(1.0, 1.0, [{"outcomes": ["converged"]}] * 2, ""), "converged", 2)


def test_each_run_has_another_image_than_the_one_before() -> None:
    assert [image_of(number) for number in range(3)] == ["whoami:0.6", "whoami:0.7", "whoami:0.6"]

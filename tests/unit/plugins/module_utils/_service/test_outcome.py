# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service import outcome as outcomes
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    NOT_STARTED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UNCHANGED,
    UPDATED,
    Outcome,
)

ALL = [each for each in vars(outcomes).values() if isinstance(each, Outcome)]


def test_the_outcomes_are_those_that_are_documented() -> None:
    documented = "unchanged updated converged rolled_back paused timed_out superseded not_started"
    assert sorted(ALL) == sorted(documented.split())


@pytest.mark.parametrize("outcome", ALL)
def test_what_is_no_success_says_what_went_wrong(outcome: Outcome) -> None:
    assert bool(outcome.problem) == (outcome not in (CONVERGED, NOT_STARTED))
    assert "_" not in outcome.words
    assert outcome.may_be_rolled_back == (outcome not in (ROLLED_BACK, SUPERSEDED))


@pytest.mark.parametrize(
    ("outcome", "words", "standing"),
    [
        (UNCHANGED, "unchanged", ""),
        (UPDATED, "updated", ""),
        (CONVERGED, "converged", ""),
        (ROLLED_BACK, "put back", "put back by the swarm, 5/5 run it"),
        (PAUSED, "stopped", "the swarm has stopped, 5/5 run it"),
        (TIMED_OUT, "timed out", "5/5 run it"),
        (SUPERSEDED, "given up", ""),
        (NOT_STARTED, "not started", ""),
    ],
)
def test_an_outcome_in_words_and_how_a_service_stands_then(outcome: Outcome, words: str, standing: str) -> None:
    assert (outcome.words, outcome.standing.format(now="5/5 run it")) == (words, standing)


@pytest.mark.parametrize(
    ("outcome", "advised"),
    [
        (UPDATED, ["The swarm continues by itself", "run swarm_service_wait"]),
        (PAUSED, ["Fix the cause", "force=true", "swarm_service_rollback"]),
        (TIMED_OUT, ["The swarm continues by itself", "run the task again to keep waiting"]),
        (SUPERSEDED, ["Run the task again"]),
        *((other, []) for other in (UNCHANGED, CONVERGED, ROLLED_BACK, NOT_STARTED)),
    ],
)
def test_what_is_left_unfinished_says_what_to_do_next(outcome: Outcome, advised: List[str]) -> None:
    assert [text for text in advised if text not in outcome.advice] == []
    assert bool(outcome.advice) == bool(advised)

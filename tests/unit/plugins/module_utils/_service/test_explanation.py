# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.explanation import Facts, sum_up, word_for
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

NEW, OLD = "app:2", "app:1"
DIGESTS = [f"app:2@sha256:{digit * 64}" for digit in "ab"]
TASK = {"slot": 2, "node": "vm", "state": "failed", "error": "task: non-zero exit (3)", "exit_code": 3}
EXIT = "slot 2, exit code 3: task: non-zero exit (3)"
PENDING = {**TASK, "state": "pending", "error": "no suitable node (1 node)", "exit_code": None}
STOPPED = "update paused due to failure or early termination of task gn3qq5in2mwp34gmo0byvy9a3"


def facts(outcome: Outcome, present: str = NEW, reason: str = "", **fields: Any) -> Facts:
    return Facts(
        outcome, **{"wanted": NEW, "limit": 300.0, "tally": "3/5 run", **fields}, present=present, reason=reason
    )


@pytest.mark.parametrize(
    ("seen", "problem", "standing"),
    [
        (facts(PAUSED, tasks=[TASK]), f"app:2 failed ({EXIT})", "the swarm has stopped, 3/5 run it"),
        (facts(PAUSED, OLD), "app:2 failed", "the swarm has stopped, 3/5 run app:1"),
        (facts(ROLLED_BACK, OLD, tasks=[TASK]), f"app:2 failed ({EXIT})", "put back by the swarm, 3/5 run app:1"),
        (facts(ROLLED_BACK, tasks=[TASK]), f"its rollout failed ({EXIT})", "put back by the swarm, 3/5 run app:2"),
        (facts(TIMED_OUT, tasks=[TASK]), f"app:2 has not converged within 300 s ({EXIT})", "3/5 run it"),
        (facts(TIMED_OUT, reason="No answer.", tally=""), "app:2 has not converged within 300 s (No answer)", ""),
        (facts(SUPERSEDED, reason="they came"), "they came while this task waited for app:2", ""),
        (
            facts(UPDATED, reason="It is refused."),
            "updated to app:2, but whether it converges cannot be seen (It is refused)",
            "",
        ),
        (facts(UNCHANGED), "not changed, and whether it has converged cannot be seen", ""),
    ],
)
def test_what_went_wrong_and_how_it_stands(seen: Facts, problem: str, standing: str) -> None:
    assert (seen.problem, seen.standing) == (problem, standing)


@pytest.mark.parametrize(
    ("tasks", "reason", "evidence"),
    [
        ([], "", ""),
        ([], STOPPED, STOPPED),
        ([TASK], STOPPED, EXIT),
        ([TASK], "it is given up", f"{EXIT}; it is given up"),
        ([PENDING], "no suitable node (1 node)", "slot 2, pending: no suitable node (1 node)"),
        ([TASK, TASK], "", f"{EXIT}, and 1 more task"),
        ([TASK, TASK, TASK], "", f"{EXIT}, and 2 more tasks"),
    ],
)
def test_no_evidence_is_given_twice(tasks: List[Any], reason: str, evidence: str) -> None:
    assert facts(PAUSED, reason=reason, tasks=tasks).evidence == evidence


def test_the_node_of_a_task_is_named_where_there_are_several() -> None:
    assert "slot 2 on vm, exit code 3" in facts(PAUSED, tasks=[TASK], names_nodes=True).problem


@pytest.mark.parametrize(
    ("wanted", "present", "problem", "now"),
    [
        (DIGESTS[0], OLD, "app:2", "3/5 run app:1"),
        (DIGESTS[0], DIGESTS[0], "app:2", "3/5 run it"),
        (DIGESTS[0], DIGESTS[1], "app:2@sha256:aaaaaaaaaaaa", "3/5 run app:2@sha256:bbbbbbbbbbbb"),
        (DIGESTS[0], "app:2", "app:2@sha256:aaaaaaaaaaaa", "3/5 run app:2"),
    ],
)
def test_digests_are_shown_where_the_tags_are_the_same(wanted: str, present: str, problem: str, now: str) -> None:
    seen = facts(PAUSED, present, wanted=wanted)
    assert (seen.problem, seen.now) == (f"{problem} failed", now)


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (facts(PAUSED, tasks=[TASK], reason=STOPPED), "slot 2 failed, exit code 3"),
        (facts(TIMED_OUT, tasks=[PENDING]), "slot 2 pending: no suitable node (1 node)"),
        (facts(TIMED_OUT, reason="its tasks have to run for 40 s"), "not converged within 300 s"),
        (facts(PAUSED, reason="it is given up."), "it is given up"),
    ],
)
def test_why_a_service_goes_back(seen: Facts, cause: str) -> None:
    assert seen.cause == cause


def test_several_services_are_summed_up() -> None:
    ends = [
        (ROLLED_BACK, True),
        (ROLLED_BACK, False),
        (NOT_STARTED, False),
        (PAUSED, True),
        (NOT_STARTED, True),
        (CONVERGED, False),
    ]
    words = [word_for(outcome, has_failed) for outcome, has_failed in [*ends, (UNCHANGED, False), (UPDATED, False)]]
    assert (
        sum_up(words)
        == "8 services: 2 converged, 1 updated, 1 put back, 1 failed and put back, 2 failed, 1 not started."
    )

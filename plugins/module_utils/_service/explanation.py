# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What went wrong with a service, in a few words: the outcome, the evidence, how it stands (pure). Private."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, NamedTuple, Sequence

from ansible_collections.swarmops.rollout.plugins.module_utils._image import told_apart
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UNCHANGED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import describe_cause, describe_task

SWARM_NAMES_TASK = "due to failure or early termination of task"  # an engine's message that says no more than that
FAILED = "failed"
FAILED_AND_BACK = "failed and put back"
ORDER = ("converged", "updated", "put back", FAILED_AND_BACK, FAILED, "not started")


class Facts(NamedTuple):
    """How a rollout ended that should have converged.

    `wanted` and `present` are images as they are stored. `reason` is what was last seen, beside the tasks that fail.
    `limit` is the number of seconds that the task was to wait, `tally` how many tasks run (`3/5 run`), if that was
    seen. `names_nodes` says that the swarm has several nodes.
    """

    outcome: Outcome
    wanted: str
    present: str
    reason: str
    limit: float
    tally: str = ""
    tasks: Sequence[Dict[str, Any]] = ()
    names_nodes: bool = False

    @property
    def problem(self) -> str:
        """What went wrong, and the evidence: `whoami:0.8 failed (slot 1, exit code 3: task: non-zero exit (3))`."""
        wanted = told_apart(self.wanted, self.present)[0]
        if self.outcome == ROLLED_BACK and self.wanted == self.present:
            wanted = "its rollout"  # whose image is no longer known
        evidence = f" ({self.evidence})" if self.evidence else ""
        reason = self.reason.rstrip(".")
        return self.outcome.problem.format(wanted=wanted, limit=self.limit, evidence=evidence, reason=reason)

    @property
    def standing(self) -> str:
        """How the service stands: `put back by the swarm, 5/5 run whoami:0.7`; empty if there is no more to say."""
        return self.outcome.standing.format(now=self.now).rstrip(", ")

    @property
    def now(self) -> str:
        """How many tasks run which image: `3/5 run it`, `5/5 run whoami:0.7`; empty if that was not seen."""
        wanted, present = told_apart(self.wanted, self.present)
        is_same = wanted == present and self.outcome != ROLLED_BACK
        return f"{self.tally} {'it' if is_same else present}" if self.tally else ""

    @property
    def cause(self) -> str:
        """Why a service goes back, in a few words: `slot 2 failed, exit code 5`."""
        if self.tasks:
            return describe_cause(self.tasks[0])
        return f"not converged within {self.limit:g} s" if self.outcome == TIMED_OUT else self.reason.rstrip(".")

    @property
    def evidence(self) -> str:
        """The first failing task, how many more there are, and what else was seen."""
        said = describe_task(self.tasks[0], self.names_nodes) if self.tasks else ""
        more = len(self.tasks) - 1
        if more > 0:
            said += f", and {more} more task{'s' if more > 1 else ''}"
        reason = self.reason.rstrip(".")
        is_said = not reason or (bool(said) and (SWARM_NAMES_TASK in reason or reason in said))
        return said if is_said else "; ".join(filter(None, (said, reason)))


def word_for(outcome: Outcome, has_failed: bool) -> str:
    """What became of a service, in a sum of several."""
    if outcome == ROLLED_BACK and has_failed:
        return FAILED_AND_BACK
    if outcome in (PAUSED, SUPERSEDED, TIMED_OUT) or has_failed:
        return FAILED
    return CONVERGED if outcome == UNCHANGED else outcome.words


def sum_up(words: List[str]) -> str:
    """What became of several services: `8 services: 2 converged, 3 put back, 1 failed, 2 not started.`"""
    counts = sorted(Counter(words).items(), key=lambda item: ORDER.index(item[0]) if item[0] in ORDER else len(ORDER))
    return f"{len(words)} services: {', '.join(f'{number} {word}' for word, number in counts)}."

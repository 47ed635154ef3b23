# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcomes that RETURN documents, with their messages and rules. Private to this collection."""

from __future__ import annotations


class Outcome(str):
    """How a rollout ended for one service: the text in the result, with what it means.

    `words` are the outcome in prose. `problem` says what went wrong, with the fields `wanted` (an image), `limit` (in
    seconds), `evidence` (in brackets, or empty) and `reason` (what was last seen); it is empty if nothing did.
    `standing` says how the service stands now, with the field `now`; `advice`, what to do next if it is left like this.
    `may_be_rolled_back`: whether `on_failure` may restore the spec that the service had before this task.
    """

    words: str
    problem: str
    standing: str
    advice: str
    may_be_rolled_back: bool

    def __new__(
        cls,
        text: str,
        words: str = "",
        problem: str = "",
        standing: str = "",
        advice: str = "",
        may_be_rolled_back: bool = True,
    ) -> Outcome:
        """Make one of the outcomes below."""
        made = super().__new__(cls, text)
        made.words, made.problem, made.standing, made.advice = words or text, problem, standing, advice
        made.may_be_rolled_back = may_be_rolled_back
        return made


UNCHANGED = Outcome("unchanged", problem="not changed, and whether it has converged cannot be seen{evidence}")
UPDATED = Outcome(
    "updated",
    problem="updated to {wanted}, but whether it converges cannot be seen{evidence}",
    advice="The swarm continues by itself; run swarm_service_wait to keep waiting, once that is allowed.",
)
CONVERGED = Outcome("converged")
ROLLED_BACK = Outcome(
    "rolled_back",
    "put back",
    "{wanted} failed{evidence}",
    "put back by the swarm, {now}",
    may_be_rolled_back=False,
)
PAUSED = Outcome(
    "paused",
    "stopped",
    "{wanted} failed{evidence}",
    "the swarm has stopped, {now}",
    "Fix the cause and run swarm_service_image with force=true, or roll back with swarm_service_rollback.",
)
TIMED_OUT = Outcome(
    "timed_out",
    "timed out",
    "{wanted} has not converged within {limit:g} s{evidence}",
    "{now}",
    "The swarm continues by itself; run the task again to keep waiting.",
)
SUPERSEDED = Outcome(
    "superseded",
    "given up",
    problem="{reason} while this task waited for {wanted}",
    advice="Run the task again if its image should win.",
    may_be_rolled_back=False,
)
NOT_STARTED = Outcome("not_started", "not started")
OUTCOMES = (UNCHANGED, UPDATED, CONVERGED, ROLLED_BACK, PAUSED, TIMED_OUT, SUPERSEDED, NOT_STARTED)

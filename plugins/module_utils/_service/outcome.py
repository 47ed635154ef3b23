# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcomes that RETURN documents, with their messages and rules. Private to this collection."""

from __future__ import annotations


class Outcome(str):
    """How a rollout ended for one service: the text in the result, with what it means.

    `problem` says what went wrong, with the fields `name`, the image that was `wanted`, the `present` one, and the
    `limit` in seconds; it is empty if nothing did. `advice` says what to do next if the service is left like this.
    `may_be_rolled_back`: whether `on_failure` may restore the spec that the service had before this task.
    """

    problem: str
    advice: str
    may_be_rolled_back: bool

    def __new__(cls, text: str, problem: str = "", advice: str = "", may_be_rolled_back: bool = True) -> Outcome:
        """Make one of the outcomes below."""
        made = super().__new__(cls, text)
        made.problem, made.advice, made.may_be_rolled_back = problem, advice, may_be_rolled_back
        return made


UNCHANGED = Outcome("unchanged", "{name} was not changed, and whether it has converged cannot be seen")
UPDATED = Outcome(
    "updated",
    "{name} was updated to {wanted}, but whether it converges cannot be seen",
    "The swarm continues by itself; run swarm_service_wait to keep waiting, once that is allowed.",
)
CONVERGED = Outcome("converged")
ROLLED_BACK = Outcome(
    "rolled_back",
    "The rollout of {wanted} on {name} failed, and the swarm put it back to {present}",
    may_be_rolled_back=False,
)
PAUSED = Outcome(
    "paused",
    "The rollout of {wanted} on {name} has stopped, and the swarm does not continue by itself",
    "Fix the cause and run swarm_service_image with force=true, or roll back with swarm_service_rollback.",
)
TIMED_OUT = Outcome(
    "timed_out",
    "{name} has not converged on {wanted} within {limit:g} seconds",
    "The swarm continues by itself; run the task again to keep waiting.",
)
SUPERSEDED = Outcome(
    "superseded",
    "{name} no longer rolls out {wanted}, since somebody else changed it",
    "Run the task again if its image should win.",
    may_be_rolled_back=False,
)
NOT_STARTED = Outcome("not_started")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that has failed is rolled out again: what failed then is not told as what fails now."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.integration import state
from tests.integration.rolling import insist, roll, stands
from tests.swarm import Endpoint, services

REPLICAS = 2


def spec(name: str) -> services.Spec:
    """Return the spec of a service whose tasks all fail at once, and which is then rolled back."""
    made = services.simple(name, "whoami:0.7", replicas=REPLICAS, monitor=3)
    made["UpdateConfig"].update(FailureAction="rollback", Parallelism=REPLICAS)
    made["TaskTemplate"]["RestartPolicy"]["Delay"] = 10 * services.SECOND
    return made


def confine(spec: Any) -> None:
    """Have the next rollout begin with one task, and no node that takes it."""
    spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.labels.nowhere==yes"]}
    spec["UpdateConfig"]["Parallelism"] = 1


def test_failures_of_an_earlier_rollout_are_not_told(engine: Endpoint, service_name: str) -> None:
    stands(engine, spec(service_name), REPLICAS)
    first = roll(engine, service_name, "crash:1").result
    assert first.service["outcome"] == "rolled_back", first.text
    assert {task["state"] for task in first.service["tasks"]} == {"failed"}

    insist(partial(state.change, engine, service_name, confine))
    again = roll(engine, service_name, "crash:1", wait_timeout=4).result
    assert again.service["outcome"] == "timed_out", again.text
    assert [task for task in again.service["tasks"] if task["state"] == "failed"] == []
    assert "non-zero exit" not in again.message

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.progress import (
    Expectation,
    judge,
    monitor_seconds,
)
from tests.unit.plugins.module_utils._service.recorded import NAMES, node, snapshot

OLD, NEW, CRASH = "whoami:0.7", "whoami:0.6", "crash:1"
LATER = "Mon, 23 Nov 2099 00:00:00 GMT"

# What each recorded moment is, for one who waits for this image: the outcome, and how many tasks run of how many.
MOMENTS: Dict[Tuple[str, str], Tuple[Optional[str], int, int]] = {
    ("created", OLD): (None, 2, 2),
    ("update begun", NEW): (None, 0, 2),
    ("update between two tasks", NEW): (None, 1, 2),
    ("update completed", NEW): ("converged", 2, 2),
    ("update completed", OLD): ("superseded", 2, 2),
    ("update paused", CRASH): ("paused", 0, 2),
    ("update completed over crashing tasks", CRASH): (None, 1, 2),
    ("rollback started", CRASH): (None, 1, 3),
    ("rollback completed", CRASH): ("rolled_back", 3, 3),
    ("rollback completed", OLD): (None, 3, 3),  # a rollback has a monitor of its own
    ("rollback paused", CRASH): ("paused", 0, 1),
    ("rollback paused", NEW): ("paused", 0, 1),
    ("image cannot be pulled", "127.0.0.1:1/nowhere:1"): (None, 0, 1),
    ("no replicas", NEW): ("converged", 0, 0),
    ("no replicas", OLD): ("superseded", 0, 0),
    ("global", OLD): (None, 1, 1),
    ("global without an eligible node", OLD): ("converged", 0, 0),
    ("job at work", "oneshot:1"): (None, 0, 2),
    ("job complete", "oneshot:1"): ("converged", 2, 2),
    ("job begun again", "oneshot:2"): (None, 0, 2),
    ("job complete again", "oneshot:2"): ("converged", 2, 2),
    ("global job complete", "oneshot:1"): ("converged", 1, 1),
    ("job failed", "failjob:1"): ("paused", 0, 1),
    ("one-shot complete", "oneshot:1"): ("converged", 2, 2),
    ("failed and not restarted", CRASH): ("paused", 0, 2),
}


@pytest.mark.parametrize(("name", "image"), MOMENTS)
def test_recorded_moment(name: str, image: str) -> None:
    judged = judge(snapshot(name), Expectation(image))
    assert (judged.outcome, judged.running, judged.desired) == MOMENTS[name, image]
    assert judged.done == (judged.outcome == "converged")
    assert judged.failed == (judged.outcome not in (None, "converged"))
    assert f"{judged.running}/{judged.desired}" in judged.message


def test_a_rollback_is_held_to_its_own_monitor() -> None:
    seen = snapshot("rollback completed")
    seen.service["Spec"]["RollbackConfig"] = {"Monitor": 1_000_000_000}
    assert judge(seen, Expectation(OLD)).done
    seen.service["Spec"]["UpdateConfig"]["Monitor"] = 60_000_000_000
    assert judge(seen, Expectation(OLD)).done


def test_every_recorded_moment_is_judged() -> None:
    assert {name for name, _image in MOMENTS} == set(NAMES)


@pytest.mark.parametrize("name", ["created", "global"])
def test_running_tasks_must_hold_where_the_swarm_completes_nothing(name: str) -> None:
    seen = snapshot(name)
    enough, short = ({task["ID"]: seconds for task in seen.tasks} for seconds in (1.0, 0.5 - 0.01))
    if name == "created":
        assert monitor_seconds(seen.service["Spec"]) == 1.0
    assert judge(snapshot(name, held=enough), Expectation(OLD)).done
    assert not judge(snapshot(name, held=short), Expectation(OLD)).done
    assert judge(snapshot(name, date=LATER), Expectation(OLD)).done


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("rollback completed", "rollback started")])
def test_without_an_expected_image_any_spec_will_do(name: str) -> None:
    assert judge(snapshot(name), Expectation()).outcome != "superseded"


def test_without_an_expected_image_a_rollback_is_a_failure() -> None:
    assert judge(snapshot("rollback completed"), Expectation()).outcome == "rolled_back"


@pytest.mark.parametrize(("count", "outcome"), [(None, "converged"), (0, "converged"), (1, "superseded")])
def test_forced_redeployment_is_told_by_its_counter(count: Optional[int], outcome: str) -> None:
    assert judge(snapshot("update completed"), Expectation(NEW, force_update=count)).outcome == outcome


def test_another_spelling_of_the_image_is_the_same() -> None:
    expected = Expectation("docker.io/library/whoami:0.6", Target(Reference.parse(NEW)))
    assert judge(snapshot("update completed"), expected).done


def test_message_of_the_swarm_is_told() -> None:
    seen = snapshot("update paused")
    assert seen.service["UpdateStatus"]["Message"] in judge(seen, Expectation(CRASH)).message


def moved(name: str, identifier: str) -> Any:
    """Move the first task to another node."""
    seen = snapshot(name)
    seen.tasks[0]["NodeID"] = identifier
    return seen.tasks


def test_tasks_of_a_node_that_is_down_do_not_count() -> None:
    seen = snapshot("update completed", tasks=moved("update completed", "other"), nodes=[node(), node("other", "down")])
    judged = judge(seen, Expectation(NEW))
    assert (judged.outcome, judged.running, judged.desired) == (None, 1, 2)


@pytest.mark.parametrize(
    ("other", "desired"),
    [
        (node("other"), 2),
        (node("other", "down"), 1),
        (node("other", "disconnected"), 1),
        (node("other", Availability="drain"), 1),
    ],
)
@pytest.mark.parametrize("name", ["global", "global job complete"])
def test_global_service_is_owed_a_task_on_each_eligible_node(name: str, other: Any, desired: int) -> None:
    judged = judge(snapshot(name, nodes=[node(), other], date=LATER), Expectation())
    assert (judged.running, judged.desired) == (1, desired)
    assert judged.done == (desired == 1)


@pytest.mark.parametrize("state", ["updating", "rollback_started"])
def test_all_tasks_running_is_not_the_end_while_the_swarm_is_at_it(state: str) -> None:
    seen = snapshot("update completed", date=LATER)
    seen.service["UpdateStatus"]["State"] = state
    assert judge(seen, Expectation(NEW)).outcome is None


def test_completed_job_of_an_earlier_iteration_does_not_count() -> None:
    seen = snapshot("job complete")
    seen.service["JobStatus"]["JobIteration"]["Index"] = 5
    assert judge(seen, Expectation("oneshot:1")).running == 0


@pytest.mark.parametrize(("condition", "outcome"), [("any", None), ("on-failure", "converged"), ("none", "converged")])
def test_completed_task_counts_where_it_may_end(condition: str, outcome: Optional[str]) -> None:
    seen = snapshot("one-shot complete")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"]["Condition"] = condition
    assert judge(seen, Expectation("oneshot:1")).outcome == outcome


@pytest.mark.parametrize(
    ("config", "seconds"), [({}, 5.0), (None, 5.0), ({"Monitor": 0}, 0.0), ({"Monitor": 10**9}, 1)]
)
def test_monitor_in_seconds(config: Any, seconds: float) -> None:
    assert monitor_seconds({"UpdateConfig": config}) == seconds


@pytest.mark.parametrize(("seconds", "outcome"), [(0.2, None), (0.6, "converged")])
def test_task_that_began_just_before_the_completion_has_not_held(seconds: float, outcome: Optional[str]) -> None:
    """The swarm does not monitor the tasks that replace crashed ones: with `continue` it completes over them."""
    seen = snapshot("update completed over crashing tasks", date="Mon, 23 Nov 2026 06:40:10 GMT")
    assert monitor_seconds(seen.service["Spec"]) == 0.5
    seen.service["UpdateStatus"]["CompletedAt"] = "2026-11-23T06:40:10.000000000Z"
    for task in seen.tasks:
        if task["DesiredState"] == "running":
            task["Status"] = {"State": "running"}
            task["UpdatedAt"] = f"2026-11-23T06:40:{10 - seconds:012.9f}Z"
    assert judge(seen, Expectation(CRASH)).outcome == outcome


@pytest.mark.parametrize(("seconds", "outcome"), [(0.2, None), (1.2, "converged")])
def test_clock_of_a_node_does_not_count(seconds: float, outcome: Optional[str]) -> None:
    """A node's clock says that its tasks have run for an hour; the swarm's leader has just heard of them."""
    seen = snapshot("created", date="Mon, 23 Nov 2026 06:40:10 GMT")
    assert monitor_seconds(seen.service["Spec"]) == 1
    for task in seen.tasks:
        task["Status"]["Timestamp"] = "2026-11-23T05:40:10.000000000Z"
        task["UpdatedAt"] = f"2026-11-23T06:40:{10 - seconds:012.9f}Z"
    assert judge(seen, Expectation(OLD)).outcome == outcome

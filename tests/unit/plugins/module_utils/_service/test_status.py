# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import UpdateStatus
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, judge
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot, monitor_seconds
from tests.unit.plugins.module_utils._service.recorded import NAMES, node, snapshot
from tests.unit.plugins.module_utils.fakes import make_service

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
    ("global without an eligible node", OLD): (None, 0, 0),  # until that has been so for a while
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


@pytest.mark.parametrize("state", ["rollback_started", "rollback_completed", "rollback_paused"])
def test_a_rollback_that_an_operator_has_asked_for_is_another_writers_change(state: str) -> None:
    seen = snapshot("rollback completed")
    seen.service["UpdateStatus"]["State"] = state
    wanted = Expectation(CRASH)
    assert judge(seen, wanted).outcome != "superseded"
    seen.service["PreviousSpec"] = {"Name": "x"}  # the swarm, where it rolls back by itself, keeps none
    assert judge(seen, wanted).outcome == "superseded"


@pytest.mark.parametrize(("more", "outcome"), [(0, "converged"), (1, "converged"), (-1, "superseded")])
def test_what_others_have_redeployed_since_is_as_good(more: int, outcome: str) -> None:
    seen = snapshot("update completed")
    present = seen.service["Spec"]["TaskTemplate"].get("ForceUpdate", 0)
    wanted = Expectation(NEW, Target(Reference.parse(NEW)), force_update=present - more)
    assert judge(seen, wanted).outcome == outcome


@pytest.mark.parametrize(
    ("image", "counter", "target", "force_update", "met"),
    [
        pytest.param(OLD, None, None, None, True, id="the image"),
        pytest.param(NEW, None, None, None, False, id="another image"),
        pytest.param(OLD, 4, None, None, True, id="the counter does not matter"),
        pytest.param(OLD, 4, None, 4, True, id="the counter"),
        pytest.param(OLD, 3, None, 4, False, id="not redeployed"),
        pytest.param(OLD, 5, None, 4, False, id="redeployed since"),
        pytest.param(OLD, None, None, 0, True, id="never redeployed"),
        pytest.param(OLD, 5, OLD, 4, True, id="redeployed since by others"),
        pytest.param(OLD, 3, OLD, 4, False, id="not redeployed by others"),
        pytest.param(OLD, 5, OLD, None, True, id="with a target, the counter does not matter"),
        pytest.param(f"docker.io/library/{OLD}", None, OLD, None, True, id="another spelling"),
        pytest.param(NEW, 5, OLD, 4, False, id="another image, redeployed"),
    ],
)
def test_which_spec_is_expected(
    image: str, counter: Optional[int], target: Optional[str], force_update: Optional[int], met: bool
) -> None:
    spec = make_service(image, ForceUpdate=counter)["Spec"]
    if counter is None:
        del spec["TaskTemplate"]["ForceUpdate"]
    wanted = Target(Reference.parse(target)) if target else None
    assert Expectation(OLD, wanted, force_update).is_met_by(spec) is met
    assert Expectation().is_met_by(spec)


@pytest.mark.parametrize(("task", "count"), [({}, 3), ({"ForceUpdate": 7}, 7)])
def test_a_service_that_goes_back_is_expected_at_that_spec(task: Dict[str, Any], count: int) -> None:
    spec = make_service(OLD, **task)["Spec"]
    assert Expectation.of_spec(spec) == Expectation(OLD, force_update=count)
    del spec["TaskTemplate"]["ForceUpdate"]
    assert Expectation.of_spec(spec) == Expectation(OLD, force_update=0)


def line(*tasks: Tuple[str, str], former: Tuple[str, ...] = (), mode: str = "Replicated", error: str = "") -> str:
    """What is told of a service of two tasks, each with its state and the one that is desired."""
    service = make_service(NEW, Placement=None)
    service["Spec"]["Mode"] = {mode: {"Replicas": 2, "TotalCompletions": 2}}
    own: Any = [
        {"ID": f"t{number}", "Slot": number, "Status": {"State": state, "Err": error}, "DesiredState": desired}
        for number, (state, desired) in enumerate(tasks)
    ]
    old: Any = [{"ID": image, "Spec": {"ContainerSpec": {"Image": image}}} for image in former]
    return judge(Snapshot(service, own, [node()], former=old), Expectation()).message


RUNS, STARTS, PENDING = ("running", "running"), ("starting", "running"), ("pending", "running")
NO_NODE = {"error": "no suitable node"}


@pytest.mark.parametrize(
    ("tasks", "fields", "text"),
    [
        pytest.param([], {}, "0/2 running whoami:0.6", id="nothing yet"),
        pytest.param([RUNS, RUNS], {}, "2/2 running whoami:0.6 (watching 5 s)", id="all of them"),
        pytest.param([RUNS, STARTS], {}, "1/2 running whoami:0.6 (1 starting)", id="one of them"),
        pytest.param(
            [STARTS, ("starting", "accepted"), ("preparing", "ready"), ("failed", "shutdown")],
            {},
            "0/2 running whoami:0.6 (1 preparing, 2 starting)",
            id="those that should run, by state",
        ),
        pytest.param(
            [STARTS],
            {"former": ("whoami:0.7", "whoami:0.5", "whoami:0.7")},
            "0/2 running whoami:0.6 (1 on whoami:0.5, 2 on whoami:0.7, 1 starting)",
            id="those of earlier specs",
        ),
        pytest.param(
            [("complete", "complete")], {"mode": "ReplicatedJob"}, "1/2 complete whoami:0.6", id="those of a job"
        ),
        pytest.param(
            [PENDING], NO_NODE, "0/2 running whoami:0.6 (1 pending): no suitable node", id="why one is pending"
        ),
        pytest.param([PENDING, RUNS], {}, "1/2 running whoami:0.6 (1 pending)", id="pending for no reason"),
        pytest.param([STARTS], NO_NODE, "0/2 running whoami:0.6 (1 starting)", id="an error of one that starts"),
        pytest.param([("pending", "shutdown")], NO_NODE, "0/2 running whoami:0.6", id="one of the past"),
    ],
)
def test_the_line_for_people(tasks: List[Tuple[str, str]], fields: Dict[str, Any], text: str) -> None:
    assert line(*tasks, **fields) == text


def test_a_reason_shows_no_value_of_the_environment() -> None:
    assert line(PENDING, error="bad correct horse battery staple").endswith(": bad ***")


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "node h0 (down)"),
        (3, "node h0 (down), h1 (down), h2 (down)"),
        (5, "node h0 (down), h1 (down), h2 (down) and 2 more"),
    ],
)
def test_few_of_the_nodes_that_are_waited_for_are_named(count: int, named: str) -> None:
    seen = snapshot("global")
    seen.service["UpdateStatus"] = {"State": "updating"}
    for number in range(count):
        other = node(f"n{number}", "down")
        other["Description"]["Hostname"] = f"h{number}"
        seen.nodes.append(other)
        seen.tasks.append({**seen.tasks[0], "ID": f"x{number}", "NodeID": f"n{number}"})
    assert judge(seen, Expectation(OLD)).message.endswith(f": the swarm waits for {named}")


def test_a_node_without_a_hostname_is_named_by_its_id() -> None:
    other = node("other", "unknown")
    other["Description"] = {}
    seen = snapshot("update completed", tasks=moved("update completed", "other"), nodes=[node(), other])
    assert judge(seen, Expectation(NEW)).message.endswith(": the swarm waits for node other (unknown)")


def test_tasks_that_have_ended_wait_for_no_node() -> None:
    seen = snapshot("update completed", tasks=moved("update completed", "other"), nodes=[node(), node("other", "down")])
    seen.tasks[0].update({"DesiredState": "shutdown", "Status": {"State": "shutdown"}})
    assert "waits for node" not in judge(seen, Expectation(NEW)).message


def test_without_an_expected_image_a_rollback_is_a_failure() -> None:
    assert judge(snapshot("rollback completed"), Expectation()).outcome == "rolled_back"


@pytest.mark.parametrize(("count", "outcome"), [(None, "converged"), (0, "converged"), (1, "superseded")])
def test_forced_redeployment_is_told_by_its_counter(count: Optional[int], outcome: str) -> None:
    assert judge(snapshot("update completed"), Expectation(NEW, force_update=count)).outcome == outcome


def test_another_spelling_of_the_image_is_the_same() -> None:
    expected = Expectation("docker.io/library/whoami:0.6", Target(Reference.parse(NEW)))
    assert judge(snapshot("update completed"), expected).done


@pytest.mark.parametrize(
    ("name", "expected", "outcome", "says"),
    [
        ("update completed", Expectation(OLD), "superseded", f"somebody else set {NEW}"),
        ("update completed", Expectation(NEW, force_update=9), "superseded", "somebody else redeployed it"),
        ("rollback completed", Expectation(CRASH), "rolled_back", ""),
        ("rollback started", Expectation(), None, "update rolled back due to failure or early termination of task"),
        ("update between two tasks", Expectation(NEW), None, ""),
    ],
)
def test_what_is_said_beside_the_numbers(name: str, expected: Expectation, outcome: Optional[str], says: str) -> None:
    judged = judge(snapshot(name), expected)
    assert (judged.outcome, judged.says.partition(" xb7e")[0]) == (outcome, says)


@pytest.mark.parametrize(
    ("expected", "outcome", "says"),
    [
        (Expectation(OLD), None, ""),
        (Expectation(), None, "manually requested rollback"),
        (Expectation(CRASH), "superseded", f"somebody else rolled it back to {OLD}"),
    ],
)
def test_a_rollback_on_request_is_not_told_to_who_asked(expected: Expectation, outcome: Any, says: str) -> None:
    seen = snapshot("rollback started")
    seen.service["PreviousSpec"] = {"Name": "x"}
    seen.service["UpdateStatus"]["Message"] = "manually requested rollback"
    judged = judge(seen, expected)
    assert (judged.outcome, judged.says) == (outcome, says)


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
        (node("other", "disconnected"), 2),
        (node("other", "unknown"), 2),
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


@pytest.mark.parametrize(("seconds", "outcome"), [(0.2, None), (1.2, None)])
def test_clock_of_a_node_does_not_count(seconds: float, outcome: Optional[str]) -> None:
    """A node's clock says that its tasks have run for hours; the swarm's leader has just heard of them."""
    seen = snapshot("created", date="Mon, 23 Nov 2026 06:40:10 GMT")
    assert monitor_seconds(seen.service["Spec"]) == 1
    for task in seen.tasks:
        task["Status"]["Timestamp"] = "2026-11-23T02:40:10.000000000Z"
        task["UpdatedAt"] = f"2026-11-23T06:40:{10 - seconds:012.9f}Z"
    assert judge(seen, Expectation(OLD)).outcome == outcome


@pytest.mark.parametrize(("hours", "outcome"), [(0.9, None), (1.1, "converged")])
def test_header_date_counts_where_no_clocks_differ_by_as_much(hours: float, outcome: Optional[str]) -> None:
    seen = snapshot("created", date="Mon, 23 Nov 2026 12:00:00 GMT")
    for task in seen.tasks:
        task["UpdatedAt"] = f"2026-11-23T{11 - int(hours):02}:{60 - round(60 * (hours % 1)):02}:00Z"
    judged = judge(seen, Expectation(OLD))
    assert (judged.outcome, judged.settles_in) == (outcome, None if outcome else 1.0)


@pytest.mark.parametrize(("node_at", "outcome"), [("06:40:01", "converged"), ("06:40:09.8", None)])
def test_completion_counts_from_when_the_leader_heard_of_the_node(node_at: str, outcome: Optional[str]) -> None:
    """A new leader has a clock of its own, and hears of every node anew."""
    seen = snapshot("update completed", date="")
    seen.service["UpdateStatus"]["CompletedAt"] = "2026-11-23T06:40:10Z"
    seen.service["Spec"]["UpdateConfig"]["Monitor"] = 5_000_000_000
    for task in seen.tasks:
        task["UpdatedAt"] = "2026-11-23T06:40:02Z"
    seen.nodes[0]["UpdatedAt"] = f"2026-11-23T{node_at}Z"
    assert judge(seen, Expectation(NEW)).outcome == outcome


@pytest.mark.parametrize("state", ["unknown", "disconnected"])
@pytest.mark.parametrize("name", ["update completed", "created", "global"])
def test_nothing_is_settled_on_a_node_that_the_leader_has_not_heard_of(name: str, state: str) -> None:
    seen = snapshot(name, nodes=[node(state=state)], date=LATER)
    seen = seen._replace(held={task["ID"]: 1000.0 for task in seen.tasks})
    judged = judge(seen, Expectation())
    assert (judged.outcome, judged.settles_in) == (None, None)
    assert judged.running == judged.desired
    assert judged.message.endswith(f": the swarm waits for node {node()['Description']['Hostname']} ({state})")


NOWHERE = "global without an eligible node"


@pytest.mark.parametrize(
    ("steady", "outcome", "settles_in"), [(0.0, None, 5.0), (4.0, None, 1.0), (5.0, "converged", None)]
)
def test_no_tasks_on_no_nodes_must_stay_so(steady: float, outcome: Optional[str], settles_in: Optional[float]) -> None:
    judged = judge(snapshot(NOWHERE, steady=steady), Expectation(OLD))
    assert (judged.outcome, judged.settles_in) == (outcome, settles_in)
    assert judged.message.endswith("no node meets its placement constraints")


def test_no_tasks_on_no_nodes_for_ages() -> None:
    seen = snapshot(NOWHERE, date=LATER)
    assert not judge(seen, Expectation(OLD)).done
    for each in (seen.service, *seen.nodes):
        each["UpdatedAt"] = "2026-11-23T06:40:02Z"
    assert judge(seen, Expectation(OLD)).done


def test_a_task_that_no_node_fits_is_waited_for() -> None:
    seen = snapshot("global", date=LATER, steady=1000.0)
    seen.service["Spec"]["TaskTemplate"]["Placement"] = {"Platforms": [{"Architecture": "arm64", "OS": "linux"}]}
    error = "unsupported platform on 1 node"
    seen.tasks[0]["Status"] = {"State": "pending", "Err": error}
    judged = judge(seen, Expectation(OLD))
    assert (judged.outcome, judged.running, judged.desired) == (None, 0, 1)
    assert judged.message.endswith(f"(1 pending): {error}")
    assert judge(seen._replace(tasks=[]), Expectation(OLD)).outcome is None


def test_nodes_of_another_platform_do_not_count_beside_one_that_fits() -> None:
    other = node("other")
    other["Description"]["Platform"] = {"Architecture": "aarch64", "OS": "linux"}
    seen = snapshot("global", nodes=[node(), other], date=LATER)
    seen.service["Spec"]["TaskTemplate"]["Placement"] = {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]}
    seen.tasks.append({"ID": "x", "NodeID": "other", "DesiredState": "running", "Status": {"State": "pending"}})
    assert judge(seen, Expectation(OLD)).done


STUCK: UpdateStatus = {
    "State": "rollback_started",
    "StartedAt": "2026-11-23T06:40:00Z",
    "Message": "manually requested rollback",
}


@pytest.mark.parametrize(
    ("name", "image", "outcome"),
    [
        ("job complete", "oneshot:1", "converged"),
        ("job complete", "other:1", "superseded"),
        ("job at work", "oneshot:1", None),
        ("job failed", "failjob:1", "paused"),
        (NOWHERE, OLD, "converged"),
        (NOWHERE, "other:1", "rolled_back"),
    ],
)
def test_a_rollback_that_replaces_no_task_is_never_called_completed(
    name: str, image: str, outcome: Optional[str]
) -> None:
    seen = snapshot(name, steady=5.0)
    seen.service["UpdateStatus"] = STUCK
    judged = judge(seen, Expectation(image))
    assert judged.outcome == outcome
    assert outcome != "converged" or "manually requested rollback" in judged.message


@pytest.mark.parametrize(("previous", "outcome"), [({"Name": "x"}, "converged"), (None, "rolled_back")])
def test_such_a_rollback_without_an_expected_image(previous: Any, outcome: str) -> None:
    seen = snapshot(NOWHERE, steady=5.0)
    seen.service["UpdateStatus"], seen.service["PreviousSpec"] = STUCK, previous
    assert judge(seen, Expectation()).outcome == outcome
    assert judge(seen._replace(steady=4.0), Expectation()).outcome is None


def ended(state: str, condition: str, held: float) -> Any:
    """A service whose two tasks have ended in a state, and have had no successor for so many seconds."""
    seen = snapshot("one-shot complete", date="")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": condition, "MaxAttempts": 1}
    for task in seen.tasks:
        task["DesiredState"] = "shutdown"
        task["Status"]["State"] = state
    return seen._replace(held={task["ID"]: held for task in seen.tasks})


@pytest.mark.parametrize(
    ("state", "condition", "held", "outcome", "settles_in"),
    [
        ("complete", "any", 5.0, "paused", None),
        ("complete", "any", 4.0, None, 1.0),
        ("complete", "on-failure", 0.0, "converged", None),
        ("failed", "any", 5.0, "paused", None),
        ("failed", "on-failure", 4.5, None, 0.5),
        ("failed", "none", 0.0, "paused", None),
    ],
)
def test_tasks_that_get_no_successor(
    state: str, condition: str, held: float, outcome: Optional[str], settles_in: Optional[float]
) -> None:
    judged = judge(ended(state, condition, held), Expectation())
    assert (judged.outcome, judged.settles_in) == (outcome, settles_in)


@pytest.mark.parametrize(("held", "outcome"), [(4.0, None), (5.0, "paused")])
def test_job_out_of_attempts(held: float, outcome: Optional[str]) -> None:
    seen = snapshot("job failed")
    seen.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": "on-failure", "MaxAttempts": 2}
    for task in seen.tasks:
        task["DesiredState"] = "shutdown"
    seen = seen._replace(held={task["ID"]: held for task in seen.tasks})
    assert judge(seen, Expectation("failjob:1")).outcome == outcome
    again: Any = {**seen.tasks[0], "ID": "again", "DesiredState": "ready", "Status": {"State": "pending"}}
    assert judge(seen._replace(tasks=[*seen.tasks, again]), Expectation("failjob:1")).outcome is None


def test_a_job_stays_complete_on_a_node_that_is_down() -> None:
    seen = snapshot("job complete", nodes=[node(state="down")])
    assert judge(seen, Expectation("oneshot:1")).done


def test_the_node_that_a_global_rollout_waits_for_is_named() -> None:
    """The new task on a node that has died is never started nor replaced, and the swarm waits for it."""
    other = node("other", "down")
    other["Description"]["Hostname"] = "worker7"
    seen = snapshot("global", nodes=[node(), other], date=LATER)
    seen.service["UpdateStatus"] = {"State": "updating", "Message": "update in progress"}
    seen.tasks.append({"ID": "x", "NodeID": "other", "DesiredState": "shutdown", "Status": {"State": "assigned"}})
    assert judge(seen, Expectation(OLD)).message.endswith(": the swarm waits for node worker7 (down)")


def large(count: int) -> Any:
    """A service of so many tasks, each slot with a failed one and one that runs."""
    seen = snapshot("update completed", date="")
    model = seen.tasks[0]
    seen.service["Spec"]["Mode"]["Replicated"]["Replicas"] = count
    tasks: Any = []
    for number in range(count):
        tasks.append({**model, "ID": f"a{number}", "Slot": number, "CreatedAt": f"2026-11-23T06:30:0{number % 10}Z"})
        tasks[-1].update(DesiredState="shutdown", Status={"State": "failed", "Err": "task: non-zero exit (1)"})
        tasks.append({**model, "ID": f"b{number}", "Slot": number, "CreatedAt": f"2026-11-23T06:31:0{number % 10}Z"})
    return seen._replace(tasks=tasks, held={task["ID"]: 1000.0 for task in tasks})


def processor_seconds(work: Callable[[], Any]) -> float:
    """The least processor time of three runs."""
    taken = []
    for _number in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def test_the_time_that_a_judgement_takes_grows_with_the_tasks_and_no_faster() -> None:
    small, big = large(1000), large(10000)
    assert judge(big, Expectation()).done
    assert judge(big, Expectation()).running == 10000
    times = [processor_seconds(partial(judge, seen, Expectation())) for seen in (small, big)]
    assert times[1] < 25 * times[0] + 0.01
    assert times[1] < 1.0

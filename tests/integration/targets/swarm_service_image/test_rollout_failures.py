# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that fails is told as what it is, with its reason, and early where the swarm knows; never as a success."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration import state
from tests.integration.rolling import LONG, Ended, at_once, image_of, insist, look, meanwhile, roll, stands
from tests.integration.run import Result, module
from tests.swarm import Endpoint, eventually, services

UNPULLED = "127.0.0.1:1/nowhere:1"
IMAGES = {
    "crash:1": ("failed", "non-zero exit (1)", 1),
    "unhealthy:1": ("failed", "unhealthy", 137),
    UNPULLED: ("rejected", "No such image", None),
}
"""What a task of each image comes to: its state, the engine's words, its exit code."""
NOT_STARTED = 128
"""The exit code of a container that the engine could not start, as happens on a busy machine."""
ACTIONS = {"pause": "paused", "rollback": "rolled_back", "continue": "timed_out"}
"""The outcome of each failure action."""
TIMEOUT = {"pause": 100, "rollback": 100, "continue": 20}
REPLICAS = 2
RESTART_DELAY = 10 * services.SECOND
"""So long that no rollback comes while the engine starts a failed task's successor, which then fails otherwise."""
LOOPS = 4
"""Services that crash again and again, so that one of them runs when the swarm completes its update."""
LOOP_MONITOR = 12
"""Seconds for which a task has to run, far above what an engine on a busy machine needs to notice its crash."""
LOOP_TIMEOUT = 50
"""Seconds in which a busy machine, too, has started a task of the new image, seen it crash, and ended the update."""


def spec(name: str, action: str = "pause", replicas: int = REPLICAS, **fields: Any) -> services.Spec:
    made = services.simple(name, "whoami:0.7", replicas=replicas, monitor=3, **fields)
    made["UpdateConfig"].update(FailureAction=action, Parallelism=2)
    made["TaskTemplate"]["RestartPolicy"]["Delay"] = RESTART_DELAY
    made["RollbackConfig"] = {"Parallelism": 2, "Monitor": services.SECOND // 2}
    return made


@pytest.fixture(scope="module")
def failed(engine: Endpoint) -> Iterator[dict[Any, Any]]:
    """Roll all kinds of failures at once."""
    prefix = f"failed{os.getpid()}"
    calls: dict[Any, Any] = {
        (image, action): partial(fail, engine, f"{prefix}-{number}-{action}", image, action)
        for number, image in enumerate(IMAGES)
        for action in ACTIONS
    }
    calls["global"] = partial(fail_global, engine, f"{prefix}-global")
    calls["job"] = partial(fail_job, engine, f"{prefix}-job")
    for number in range(LOOPS):
        calls["loop", number] = partial(loop, engine, f"{prefix}-loop-{number}")
    calls["mended"] = partial(mend, engine, f"{prefix}-mended")
    calls["put back"] = partial(put_back, engine, f"{prefix}-put-back")
    calls["labelled"] = partial(label_meanwhile, engine, f"{prefix}-labelled")
    for on_failure in ("rollback", "rollback_all"):
        calls[on_failure] = partial(both, engine, f"{prefix}-{on_failure.replace('_', '-')}", on_failure)
    yield at_once(calls)
    services.remove(engine, prefix)


def fail(engine: Endpoint, name: str, image: str, action: str) -> Ended:
    stands(engine, spec(name, action), REPLICAS)
    ended = roll(engine, name, image, wait_timeout=TIMEOUT[action])
    if action == "rollback":
        services.started(engine, name, REPLICAS, "whoami:0.7", timeout=LONG)
    return ended


def fail_global(engine: Endpoint, name: str) -> Ended:
    stands(engine, spec(name, Mode={"Global": {}}), 1)
    return roll(engine, name, "crash:1")


def fail_job(engine: Endpoint, name: str) -> Ended:
    made = services.simple(name, "oneshot:1", Mode={"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}})
    made["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    del made["UpdateConfig"]
    services.post(engine, made)
    return roll(engine, name, "failjob:1")


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("action", ACTIONS)
def test_bad_image(failed: dict[Any, Any], image: str, action: str) -> None:
    ended = failed[image, action]
    after = "whoami:0.7" if action == "rollback" else image
    assert ended.result.failed, ended.result.text
    assert ended.result.changed
    assert ended.result.service["outcome"] == ACTIONS[action]
    assert ended.result.service["image"] == {"before": "whoami:0.7", "after": after}
    assert ended.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == after
    assert ended.result.service["version"]["after"] == ended.service["Version"]["Index"]
    assert image in ended.result.message
    assert after in ended.result.message


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("action", ACTIONS)
def test_failing_tasks_are_listed(engine: Endpoint, failed: dict[Any, Any], image: str, action: str) -> None:
    ended = failed[image, action]
    tasks = ended.result.service["tasks"]
    assert tasks
    hostname = engine.get("/info")["Name"]
    of_engine = [as_listed(task, hostname) for task in ended.tasks if image_of(task) == image]
    for task in tasks:
        assert task in of_engine
    assert len({task["slot"] for task in tasks}) == len(tasks)
    started = [task for task in tasks if task["exit_code"] != NOT_STARTED]
    assert started
    wanted, words, code = IMAGES[image]
    for task in started:
        assert (task["state"], task["exit_code"]) == (wanted, code)
        assert words in task["error"]
    assert words in ended.result.message


def as_listed(task: Any, hostname: str) -> dict[str, Any]:
    """Give a task of the engine as a failing one is listed in a result."""
    status = task["Status"]
    code = status["ContainerStatus"]["ExitCode"] if status["State"] == "failed" else None
    listed = {"id": task["ID"], "created": task["CreatedAt"], "slot": task["Slot"], "node": hostname}
    return {**listed, "state": status["State"], "error": status.get("Err", ""), "exit_code": code}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("action", ["pause", "rollback"])
def test_swarm_knows_well_before_the_time_out(failed: dict[Any, Any], image: str, action: str) -> None:
    assert failed[image, action].result.seconds < TIMEOUT[action] / 2


@pytest.mark.parametrize("image", IMAGES)
def test_time_out_is_kept(failed: dict[Any, Any], image: str) -> None:
    assert TIMEOUT["continue"] < failed[image, "continue"].result.seconds < LONG


@pytest.mark.parametrize("image", IMAGES)
def test_rolled_back_service_runs_what_it_ran(failed: dict[Any, Any], image: str) -> None:
    ended = failed[image, "rollback"]
    assert ended.state == "rollback_completed"
    assert ended.result.service["progress"]["desired"] == REPLICAS
    assert "; put back by the swarm, " in ended.result.message
    assert ended.result.message.splitlines()[0].endswith(" run whoami:0.7.")


def loop(engine: Endpoint, name: str) -> Ended:
    """Roll a service whose task runs for a while before each crash, and crashes before the monitor's period is over."""
    made = services.simple(name, "whoami:0.7", monitor=LOOP_MONITOR)
    made["UpdateConfig"]["FailureAction"] = "continue"
    made["TaskTemplate"]["ContainerSpec"]["Command"] = ["/bin/sh", "-c", "sleep 0.7; exit 1"]
    services.post(engine, made)
    return roll(engine, name, wait_timeout=LOOP_TIMEOUT)


@pytest.mark.parametrize("number", range(LOOPS))
def test_moment_between_two_crashes_is_no_success(failed: dict[Any, Any], number: int) -> None:
    """The swarm completes the update while a task happens to run; that this one stays, nobody has seen."""
    ended = failed["loop", number]
    assert ended.result.service["outcome"] == "timed_out", (ended.service["UpdateStatus"], ended.tasks)
    assert {task["exit_code"] for task in ended.result.service["tasks"]} == {1}


def test_way_on_is_told(failed: dict[Any, Any]) -> None:
    for words in ("force=true", "swarm_service_rollback"):
        assert words in failed["crash:1", "pause"].result.message


def test_failing_task_of_a_global_service_is_told_by_its_node(engine: Endpoint, failed: dict[Any, Any]) -> None:
    result = failed["global"].result
    assert (result.failed, result.service["outcome"]) == (True, "paused")
    [task] = result.service["tasks"]
    assert task["node"] == engine.get("/info")["Name"]
    assert not task["slot"]
    assert (task["state"], task["exit_code"]) == ("failed", 1)


def test_failing_job_ends_early(failed: dict[Any, Any]) -> None:
    result = failed["job"].result
    assert (result.failed, result.service["outcome"]) == (True, "paused")
    assert result.seconds < LONG / 2
    [task] = result.service["tasks"]
    assert (task["state"], task["exit_code"]) == ("failed", 3)


def mend(engine: Endpoint, name: str) -> tuple[Ended, Ended, Ended]:
    """Roll to an image that is not there, do so again, and a third time by force once it is there."""
    stands(engine, spec(name, replicas=1), 1)
    image = f"late:{name}"
    first, again = roll(engine, name, image), roll(engine, name, image)
    engine.checked("POST", "/images/whoami:0.6/tag", params={"repo": "late", "tag": name})
    return first, again, roll(engine, name, image, force=True)


def test_paused_rollout_of_the_wanted_image(failed: dict[Any, Any]) -> None:
    first, again, forced = failed["mended"]
    assert first.result.service["outcome"] == "paused"
    assert (again.result.failed, again.result.changed) == (True, False)
    assert again.result.service["outcome"] == "paused"
    assert "force=true" in again.result.message
    assert again.service["Version"] == first.service["Version"]
    assert again.result.seconds < LONG / 2
    assert not forced.result.failed, forced.result.text
    assert (forced.result.changed, forced.result.service["outcome"]) == (True, "converged")
    assert (forced.state, forced.running(forced.result.service["image"]["after"])) == ("completed", 1)


def put_back(engine: Endpoint, name: str) -> tuple[state.State, Ended, state.State]:
    stands(engine, spec(name), REPLICAS)
    before = state.of(engine, name)
    ended = roll(engine, name, "crash:1", on_failure="rollback")
    return before, ended, state.of(engine, name)


def test_on_failure_rollback(failed: dict[Any, Any]) -> None:
    before, ended, after = failed["put back"]
    assert ended.result.failed
    assert ended.result.service["outcome"] == "rolled_back"
    assert ended.result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.7"}
    assert after.spec == before.spec
    assert (ended.running("whoami:0.7"), ended.state) == (REPLICAS, "rollback_completed")
    for words in ("crash:1", "put back", "whoami:0.7", "non-zero exit (1)"):
        assert words in ended.result.message
    assert {task["exit_code"] for task in ended.result.service["tasks"]} == {1}


def both(engine: Endpoint, prefix: str, on_failure: str) -> tuple[Ended, Ended]:
    """Roll a service that comes up, and after it one that does not."""
    good, bad = f"{prefix}-good", f"{prefix}-bad"
    stands(engine, spec(good), REPLICAS)
    stands(engine, spec(bad), REPLICAS)
    listed = [{"name": good, "image": "whoami:0.6"}, {"name": bad, "image": "crash:1"}]
    params: dict[str, Any] = {"wait": True, "wait_timeout": LONG, "max_parallel": 1, "on_failure": on_failure}
    result: Result = module("swarm_service_image", services=listed, docker_host=engine.host, **params)
    return look(engine, good, result), look(engine, bad, result)


@pytest.mark.parametrize(
    ("on_failure", "image", "outcome"),
    [("rollback", "whoami:0.6", "converged"), ("rollback_all", "whoami:0.7", "rolled_back")],
)
def test_on_failure_with_several_services(failed: dict[Any, Any], on_failure: str, image: str, outcome: str) -> None:
    good, bad = failed[on_failure]
    result = good.result
    assert result.failed
    assert [entry["outcome"] for entry in result.data["services"]] == [outcome, "rolled_back"]
    assert [entry["image"]["after"] for entry in result.data["services"]] == [image, "whoami:0.7"]
    assert (good.running(image), bad.running("whoami:0.7")) == (REPLICAS, REPLICAS)
    first, *lines, more = result.message.splitlines()
    assert more == f"To see more: docker service logs --tail 20 {bad.service['Spec']['Name']}"
    assert first == "2 services: " + (
        "1 put back, 1 failed and put back." if on_failure == "rollback_all" else "1 converged, 1 failed and put back."
    )
    back = f"put back, {REPLICAS}/{REPLICAS} run whoami:0.7."
    assert lines[0].startswith(f"{bad.service['Spec']['Name']}: crash:1 failed (slot ")
    assert lines[0].endswith(f"; {back}")
    assert lines[1:] == ([f"{good.service['Spec']['Name']}: {back}"] if on_failure == "rollback_all" else [])


def label_meanwhile(engine: Endpoint, name: str) -> Ended:
    """Be somebody else, who sets a label during the wait."""

    def label() -> None:
        eventually(lambda: state.of(engine, name).image == "crash:1", "the update is written")
        insist(partial(state.change, engine, name, lambda spec: spec.update(Labels={"theirs": "yes"})))

    stands(engine, spec(name, "continue"), REPLICAS)
    call = partial(roll, engine, name, "crash:1", on_failure="rollback", wait_timeout=8)
    return meanwhile(call, label)[0]


def test_on_failure_rollback_leaves_the_work_of_others(failed: dict[Any, Any]) -> None:
    """To go back would lose it."""
    ended = failed["labelled"]
    assert ended.result.failed
    assert ended.service["Spec"]["Labels"] == {"theirs": "yes"}
    assert ended.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "crash:1"
    assert "; not put back: somebody else has changed it since" in ended.result.message

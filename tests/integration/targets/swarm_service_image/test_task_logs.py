# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failing tasks wrote is the end of the message, and whatever is wrong with a log, the failure itself is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration.rolling import AT_ONCE, Ended, at_once, await_, roll, stands
from tests.integration.run import Result, module, playbook
from tests.swarm import Endpoint, Proxy, Swarm, eventually, images, services
from tests.swarm.proxy import Action, CutBefore, Delay, Drip, Endless, Reply

FATAL = "FATAL: cannot connect to database db:5432"
LOG = r"/tasks/[^/]+/logs"
MOST_SECONDS = 5
MONITOR = 10
"""Seconds, more than a busy machine takes to notice that a task has failed."""
RESTART_DELAY = 60 * services.SECOND
"""So long that a task is not forgotten, with its log, while the others fail."""
OURS = "hunter22 is the password"
VARIABLES = [f"PASSWORD={OURS}", "DB_PORT=5432", "DEBUG=true", "MODE=3"]
BIG = "/bin/busybox dd if=/dev/zero bs=1024 count=10240 2>/dev/null | /bin/busybox tr '\\0' x; echo; echo last"
SCRIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "both": ("echo hello; /bin/busybox usleep 300000; echo oh no >&2", {}),
    "terminal": ("echo one; echo two >&2", {"TTY": True}),
    "big": (BIG, {}),
    "big-terminal": (BIG, {"TTY": True}),
    "binary": ("/bin/busybox head -c 300000 /bin/busybox", {}),
    "none": ("echo hello", {}),
    "silent": ("true", {}),
    "secret": ('echo "with $PASSWORD: cannot connect to db:$DB_PORT (debug=$DEBUG)"', {"Env": VARIABLES}),
    "no-end": ("echo begun; /bin/busybox printf 'no end'", {}),
}
"""What a task of the new image does before it exits with 3, and what else its container has."""
FAULTS = {
    "endless": Endless(b"\1\0\0\0\0\0\0\6hello\n"),
    "stuck": Endless(b"\1\0\0\0\0\0\0\6hello\n", 60),
    "hanging": Delay(60),
    "drip": Drip(1),
    "inside": Reply(200, b"\3\0\0\0\0\0\0\40Error grabbing logs: disk is bad\n"),
    "cut": CutBefore(),
    "refused": Reply(500, {"message": "no logs today"}),
    "forbidden": Reply(403, b"<html>Forbidden</html>"),
    "no frames": Reply(200, b"<html>a page for a log</html>"),
}
NOTES = {
    "endless": "Incomplete, from node ",
    "stuck": "Incomplete, from node ",
    "hanging": "no complete answer",
    "drip": "no complete answer",
    "inside": ": disk is bad.",
    "cut": "broke before the answer was complete",
    "refused": "no logs today",
    "forbidden": "TASKS=1",
    "no frames": "",
}
CAME = {"endless": ["hello"] * 5, "stuck": ["hello"], "no frames": ["<html>a page for a log</html>"]}


def bad(name: str, script: str, replicas: int = 1, **container: Any) -> services.Spec:
    """Return the spec of a service that runs whoami 0.7, and fails with any other image after a script."""
    made = services.simple(name, "whoami:0.7", replicas=replicas, monitor=MONITOR)
    made["UpdateConfig"]["Parallelism"] = 0
    run = f"case $(cat /www/index.html) in *0.7*) exec sleep 1000000;; esac; {script}; exit 3"
    made["TaskTemplate"]["ContainerSpec"].update(container, Command=["/bin/sh", "-c", run])
    made["TaskTemplate"]["RestartPolicy"] = {"Condition": "none"}
    return made


def fail(engine: Endpoint, spec: services.Spec, image: str = "whoami:0.6", **params: Any) -> Ended:
    stands(engine, spec, spec["Mode"]["Replicated"]["Replicas"])
    return roll(engine, spec["Name"], image, **{"task_logs": 5, **params})


def faulty(engine: Endpoint, name: str, fault: Action) -> tuple[Ended, Result]:
    """Fail where something is wrong with the logs, and wait for what has failed already."""
    with Proxy(engine.host) as proxy:
        proxy.on("GET", LOG, fault, times=None)
        ended = fail(engine, bad(name, "echo hello"), host=proxy.host)
        return ended, module("swarm_service_wait", name=name, docker_host=proxy.host, task_logs=5)


@pytest.fixture(scope="module")
def failed(engine: Endpoint) -> Iterator[dict[Any, Any]]:
    """Fail in all ways at once."""
    prefix = f"logs{os.getpid()}"
    calls: dict[Any, Any] = {}
    for key, (script, container) in SCRIPTS.items():
        spec = bad(f"{prefix}-{key}", script, **container)
        if key == "none":
            spec["TaskTemplate"]["LogDriver"] = {"Name": "none"}
        calls[key] = partial(fail, engine, spec)
    for number, (key, fault) in enumerate(FAULTS.items()):
        calls[key] = partial(faulty, engine, f"{prefix}-fault-{number}", fault)
    for how in ("pause", "rollback", "on_failure"):
        calls[how] = partial(crash, engine, f"{prefix}-{how.replace('_', '-')}", how)
    calls["plain"] = partial(crash, engine, f"{prefix}-plain", "pause", task_logs=0)
    calls["unpulled"] = partial(fail, engine, services.simple(f"{prefix}-unpulled", "whoami:0.7"), "127.0.0.1:1/no:1")
    calls["many"] = partial(fail_on, engine, f"{prefix}-many")
    calls["twice"] = partial(twice, engine, f"{prefix}-twice")
    yield at_once(calls, most=8)
    services.remove(engine, prefix)


def crash(engine: Endpoint, name: str, how: str, task_logs: int = 20) -> Ended:
    """Roll to the image that cannot reach its database; somebody or nobody puts the service back."""
    spec = services.simple(name, "whoami:0.7", monitor=MONITOR)
    spec["UpdateConfig"]["FailureAction"] = "rollback" if how == "rollback" else "pause"
    spec["TaskTemplate"]["RestartPolicy"]["Delay"] = RESTART_DELAY
    on_failure = "rollback" if how == "on_failure" else "fail"
    return fail(engine, spec, "fatal:1", on_failure=on_failure, task_logs=task_logs)


def fail_on(engine: Endpoint, name: str) -> Ended:
    """Fail with all of four tasks, since the swarm continues after the first."""
    spec = bad(name, "echo same", replicas=4)
    spec["UpdateConfig"].update(FailureAction="continue", Monitor=services.SECOND)
    return fail(engine, spec)


def twice(engine: Endpoint, name: str) -> tuple[Ended, Result]:
    """Fail with one image, then with another; and wait for what has failed already."""
    fail(engine, bad(name, "cat /www/index.html"), "whoami:0.6")
    return roll(engine, name, "whoami:0.8", task_logs=5), await_(engine, name, task_logs=1)


def first(ended: Ended) -> Any:
    assert ended.result.failed, ended.result.text
    return ended.result.service["tasks"][0]


@pytest.mark.parametrize(
    ("how", "outcome"), [("pause", "paused"), ("rollback", "rolled_back"), ("on_failure", "rolled_back")]
)
def test_why_it_failed_is_in_the_message(failed: dict[Any, Any], how: str, outcome: str) -> None:
    ended = failed[how]
    task = first(ended)
    assert ended.result.service["outcome"] == outcome
    assert (task["log"], task["log_note"], task["exit_code"]) == ([FATAL], None, 3)
    assert ended.result.message.endswith(f"\nLog of {ended.result.service['name']}, slot 1:\n  {FATAL}")
    assert "docker service logs" not in ended.result.message
    of_engine = {each["ID"]: each["CreatedAt"] for each in ended.tasks}
    assert of_engine[task["id"]] == task["created"]


def test_without_logs_the_message_ends_with_the_command_that_shows_them(
    engine: Endpoint, failed: dict[Any, Any]
) -> None:
    ended = failed["plain"]
    assert not {"log", "log_note"} & set(first(ended))
    command = f"docker service logs --tail 20 {ended.result.service['name']}"
    assert ended.result.message.endswith(f"\nTo see more: {command}")
    assert FATAL not in ended.result.message
    done = engine.docker(*command.split()[1:])
    assert FATAL in done.stdout + done.stderr


def test_a_task_that_never_ran_has_no_log(engine: Endpoint, failed: dict[Any, Any]) -> None:
    ended = failed["unpulled"]
    assert (first(ended)["log"], first(ended)["log_note"]) == ([], "It wrote nothing: it never had a container.")
    name = ended.result.service["name"]
    command = f"docker service ps --no-trunc {name}"
    for result in (ended.result, await_(engine, name)):
        assert result.message.endswith(f"\nTo see more: {command}")
    assert "No such image" in engine.docker(*command.split()[1:]).stdout


@pytest.mark.parametrize(
    ("key", "lines"),
    [
        ("both", ["hello", "oh no"]),
        ("terminal", ["one", "two"]),
        ("no-end", ["begun", "no end"]),
        ("secret", ["with ***: cannot connect to db:5432 (debug=true)"]),
    ],
)
def test_what_a_task_wrote(failed: dict[Any, Any], key: str, lines: list[str]) -> None:
    assert (first(failed[key])["log"], first(failed[key])["log_note"]) == (lines, None)
    assert failed[key].result.message.endswith("".join(f"\n  {line}" for line in lines))


def test_the_value_of_a_variable_is_nowhere(failed: dict[Any, Any]) -> None:
    assert "hunter22" not in failed["secret"].result.text


@pytest.mark.parametrize("key", ["big", "big-terminal"])
def test_ten_megabytes_in_one_line(failed: dict[Any, Any], key: str) -> None:
    long, last = first(failed[key])["log"]
    assert (last, set(long.strip("…"))) == ("last", {"x"})
    assert len(failed[key].result.text) < 10_000


def test_binary_output_is_shown_as_far_as_it_is_text(failed: dict[Any, Any]) -> None:
    log = first(failed["binary"])["log"]
    assert 0 < len(log) <= 5
    assert all(line.isprintable() for line in log)


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ("none", "The service keeps no logs: its logging driver is none."),
        ("silent", "It wrote nothing, or its node keeps no log of it."),
    ],
)
def test_why_there_is_no_log(failed: dict[Any, Any], key: str, note: str) -> None:
    ended = failed[key]
    assert (first(ended)["log"], first(ended)["log_note"]) == ([], note)
    assert ended.result.message.endswith(f"\nNo log of {ended.result.service['name']}, slot 1. {note}")
    assert "non-zero exit (3)" in ended.result.message


@pytest.mark.parametrize("key", FAULTS)
def test_a_fault_of_the_log_is_no_fault_of_the_task(failed: dict[Any, Any], key: str) -> None:
    ended, waited = failed[key]
    for result in (ended.result, waited):
        [task] = result.service["tasks"]
        assert NOTES[key] in (task["log_note"] or "")
        assert result.service["outcome"] == "paused"
        assert "non-zero exit (3)" in result.message
        assert task["log"] == CAME.get(key, [])
    assert waited.seconds < MOST_SECONDS + AT_ONCE


def test_three_tasks_are_read_and_equal_logs_told_once(failed: dict[Any, Any]) -> None:
    result = failed["many"].result
    tasks = result.service["tasks"]
    assert len(tasks) == 4
    assert [task["log"] for task in tasks] == [["same"]] * 3 + [[]]
    assert tasks[3]["log_note"] == "Not read: 3 tasks of a service are read."
    assert result.message.count("  same") == 1


def test_an_old_failure_is_not_blamed(failed: dict[Any, Any]) -> None:
    again, waited = failed["twice"]
    for result in (again.result, waited):
        assert [task["log"] for task in result.service["tasks"]] == [["whoami 0.8"]]
        assert "whoami 0.6" not in result.message.partition("Log of")[2]


def test_a_rollback_that_fails_has_logs_too(engine: Endpoint, service_name: str) -> None:
    spec = bad(service_name, "echo from 0.6")
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "whoami:0.6"
    services.post(engine, spec)
    assert not roll(engine, service_name, "whoami:0.7").result.failed
    result = module("swarm_service_rollback", name=service_name, docker_host=engine.host, wait_timeout=60, task_logs=9)
    assert result.failed
    assert result.message.endswith("\n  from 0.6")


PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: {name}
        image: fatal:1
        docker_host: {host}
        task_logs: 20
"""


def test_a_watched_task_ends_with_the_log(engine: Endpoint, service_name: str) -> None:
    stands(engine, services.simple(service_name, "whoami:0.7", monitor=MONITOR), 1)
    done = playbook(PLAYBOOK.format(name=service_name, host=engine.host))
    assert done.status != 0
    assert f"Log of {service_name}, slot 1:" in done.text
    assert FATAL in done.text


@pytest.mark.parametrize("lines", [-1, 1001])
def test_a_number_of_lines_that_cannot_be(engine: Endpoint, service: str, lines: int) -> None:
    result = module("swarm_service_image", name=service, image="whoami:0.6", docker_host=engine.host, task_logs=lines)
    assert result.message == f"task_logs is {lines} lines; it must be from 0 (no logs) to 1000. Nothing was changed."


@pytest.fixture(scope="module")
def cut_off() -> Iterator[dict[str, Result]]:
    """Fail on a worker, and look for the logs: at first, with the network cut, and once the node is down."""
    with Swarm(1, 1) as swarm:
        at_once({engine.host: partial(images.load, engine, *images.WHOAMI) for engine in swarm.nodes})
        manager, worker = swarm.managers[0], swarm.workers[0]
        node = worker.node_id
        spec = bad("far", "echo far away")
        spec["TaskTemplate"]["Placement"] = {"Constraints": [f"node.id == {node}"]}
        results = {"at first": fail(manager, spec).result}
        worker.box.run("ip", "link", "set", "eth0", "down")
        results["cut off"] = await_(manager, "far", task_logs=5)
        eventually(lambda: manager.get(f"/nodes/{node}")["Status"]["State"] == "down", "the node is down", timeout=60)
        results["down"] = await_(manager, "far", task_logs=5)
        yield results


@pytest.mark.parametrize(
    ("when", "log", "note"),
    [
        ("at first", ["far away"], None),
        ("cut off", [], "Not read, from node "),
        ("down", [], "Not read: node "),
    ],
)
def test_a_task_on_another_node(cut_off: dict[str, Result], when: str, log: list[str], note: str | None) -> None:
    """A manager waits without end for a node that the network has cut off."""
    result = cut_off[when]
    [task] = result.service["tasks"]
    assert task["log"] == log
    assert (task["log_note"] or "").startswith(note or "")
    assert result.service["outcome"] == "paused"
    assert "non-zero exit (3)" in result.message
    assert when == "at first" or result.seconds < MOST_SECONDS + AT_ONCE
    json.dumps(result.data)

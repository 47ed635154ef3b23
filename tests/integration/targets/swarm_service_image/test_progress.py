# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a rollout: printed as it happens, once, and never where it would harm; the result stays as it is."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.rolling import LONG, at_once, stands, under_way
from tests.integration.run import module
from tests.integration.watching import LOCAL, Watched, started, stepwise, task, watch
from tests.swarm import Endpoint, eventually, services
from tests.swarm.box import environment
from tests.swarm.ssh import SSHServer

REPLICAS = 5
NEW: dict[str, Any] = {"image": "whoami:0.6", "resolve": "never", "wait_timeout": LONG}
TWO_HOSTS = LOCAL + LOCAL.replace("manager1", "manager2")
ONLY_JSON = {"ANSIBLE_STDOUT_CALLBACK": "only_json"}
MANY = 8
MONITOR = 5
"""Seconds in which a task that crashes is seen to crash, on a busy machine too."""
LIMIT, LATEST, START = 12, 5, 20
"""Seconds for which a run waits, by which its end may be later, and in which Ansible starts on a busy machine."""
CRASHED = "failed, exit code 1: task: non-zero exit (1), "
AT_ONCE = 3
"""Runs at the same time: each of Ansible's takes a good part of a processor."""


@pytest.fixture(scope="module")
def prefix() -> str:
    return f"progress{os.getpid()}"


@pytest.fixture(scope="module")
def runs(engine: Endpoint, prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Make all runs that take their time at the same time."""
    calls: dict[str, Any] = {
        "local": partial(roll, engine, f"{prefix}-local"),
        "warned": partial(warned, engine, f"{prefix}-warned"),
        "failing": partial(roll, engine, f"{prefix}-failing", 1, image="crash:1"),
        "limit": partial(limited, engine, f"{prefix}-limit"),
        "alone": partial(alone, engine, f"{prefix}-alone", REPLICAS),
        "failing alone": partial(alone, engine, f"{prefix}-failing-alone", 1, image="crash:1"),
        "loop": partial(loop, engine, f"{prefix}-loop"),
        "two hosts": partial(two_hosts, engine, f"{prefix}-two"),
        "many": partial(many, engine, f"{prefix}-many"),
        "put back": partial(put_back, engine, f"{prefix}-back"),
        "swarm puts back": partial(swarm_puts_back, engine, f"{prefix}-swarm"),
        "many go back": partial(many_go_back, engine, f"{prefix}-many-back"),
        "async": partial(in_background, engine, f"{prefix}-async"),
        "no log": partial(not_to_be_logged, engine, f"{prefix}-no-log"),
        "wait": partial(only_wait, engine, f"{prefix}-wait"),
        "ssh": partial(over_ssh, engine, f"{prefix}-ssh", tmp_path_factory.mktemp("ssh")),
        "interrupted": partial(interrupted, engine, f"{prefix}-interrupted"),
    }
    yield at_once(calls, most=AT_ONCE)
    services.remove(engine, prefix)


def roll(engine: Endpoint, name: str, replicas: int = REPLICAS, **options: Any) -> Watched:
    monitor = MONITOR if options.get("image") == "crash:1" else 0.5
    stands(engine, stepwise(name, replicas=replicas, delay=4, monitor=monitor), replicas)
    return watch(task(engine, name=name, **{**NEW, **options}), env=ONLY_JSON)


def limited(engine: Endpoint, name: str) -> Watched:
    """Wait for tasks that crash and are replaced for good."""
    spec = stepwise(name, replicas=4, delay=0)
    spec["UpdateConfig"]["FailureAction"] = "continue"
    stands(engine, spec, 4)
    return watch(task(engine, name=name, image="crash:1", resolve="never", wait_timeout=LIMIT))


def warned(engine: Endpoint, name: str) -> Watched:
    """Roll out an image whose registry cannot be asked, and have Ansible print the result."""
    stands(engine, stepwise(name, replicas=1), 1)
    return watch(task(engine, name=name, **{**NEW, "resolve": "changed"}))


def alone(engine: Endpoint, name: str, replicas: int, **options: Any) -> Any:
    """Give what the module returns by itself."""
    stands(engine, stepwise(name, replicas=replicas, delay=0, monitor=MONITOR if options else 0.5), replicas)
    return module("swarm_service_image", name=name, wait=True, docker_host=engine.host, **{**NEW, **options}).data


def results(run: Watched) -> list[Any]:
    """Return the results of a run, whose output is one JSON document and nothing else."""
    told: list[Any] = json.loads(run.output)
    return told


def result(run: Watched) -> Any:
    [told] = results(run)
    return told


def without_invocation(told: Any) -> Any:
    """Return a result without what ansible-core put into it until its version 2.20: the task's options."""
    return {key: value for key, value in told.items() if key != "invocation"}


def without_names(told: Any) -> Any:
    """Return a result without what differs between two services."""
    text = json.dumps(told, sort_keys=True)
    for key in ("id", "version"):
        text = re.sub(rf'"{key}": ("[^"]*"|{{[^}}]*}})', f'"{key}": "…"', text)
    text = re.sub(r"task \w{25}", "task …", text)
    return json.loads(re.sub(r"progress\d+-[a-z-]+", "SERVICE", text))


def counts(run: Watched, name: str) -> list[int]:
    """Return how many tasks ran in each line on a service."""
    return [int(found) for found in re.findall(rf"{name}: (\d+)/{REPLICAS} running whoami:0\.6", run.errors)]


def ended(run: Watched, line: str) -> bool:
    """Tell whether a line says that a service has converged, and when."""
    return any(re.fullmatch(rf"{line}, converged in \d+ s", told) for told in run.progress)


def test_states_between_are_shown(runs: dict[str, Watched], prefix: str) -> None:
    run = runs["local"]
    assert run.status == 0, run.errors
    shown = counts(run, f"{prefix}-local")
    assert shown == sorted(shown)
    assert {1, 2, 3, 4, 5} <= set(shown)
    assert any("on whoami:0.7" in line for line in run.progress)
    assert re.fullmatch(rf"{prefix}-local: from whoami:0\.7 to whoami:0\.6, \d s", run.progress[0])
    assert any("(watching 0.5 s)" in line for line in run.progress)
    assert re.fullmatch(rf"{prefix}-local: 5/5 running whoami:0\.6, converged in \d+ s", run.progress[-1])
    assert "\x1b" not in run.errors


def test_each_line_says_since_when(runs: dict[str, Watched]) -> None:
    for key in ("local", "failing", "many", "put back", "ssh", "wait"):
        times = [re.search(r"(?:, | in | after )(\d+) s$", line) for line in runs[key].progress]
        assert all(times), runs[key].progress
        seconds = [int(found[1]) for found in times if found]
        assert seconds == sorted(seconds)
        assert seconds[-1] <= runs[key].seconds


def test_the_time_that_was_given_is_kept(runs: dict[str, Watched]) -> None:
    run = runs["limit"]
    assert run.status == 2
    assert re.search(r", timed out after \d+ s$", run.progress[-1]), run.progress
    assert LIMIT <= run.seconds <= LIMIT + LATEST + START


def test_a_warning_comes_before_the_wait(runs: dict[str, Watched], prefix: str) -> None:
    said = " ".join(runs["warned"].errors.split())
    warning = f"[WARNING]: {prefix}-warned: The registry docker.io returned no digest"
    assert said.index(warning) < said.index(f"{prefix}-warned: 1/1 running")


def test_nothing_is_shown_twice(runs: dict[str, Watched]) -> None:
    for key in ("local", "many", "ssh", "two hosts"):
        lines = runs[key].progress
        assert len(lines) == len(set(lines)), key
    lines = runs["failing"].progress  # a task that fails again comes by the same states again
    assert all(line != next_line for line, next_line in zip(lines, lines[1:]))


def test_result_is_that_of_the_module_alone(runs: dict[str, Any]) -> None:
    one, other = without_invocation(result(runs["local"])), without_invocation(runs["alone"])
    assert without_names(one) == without_names(other)


def test_result_of_a_failure_is_that_of_the_module_alone(runs: dict[str, Any]) -> None:
    """Key for key; a moment decides in which state the tasks are."""
    one, other = without_invocation(result(runs["failing"])), without_invocation(runs["failing alone"])
    assert {*one, "failed", "exception"} == {*other, "failed", "exception"}  # Ansible hands these to a callback its way
    for told in (one, other):
        assert told["service"] == told["services"][0]
        assert told["msg"].startswith(f"{told['service']['name']}: crash:1 failed (slot 1, ")
    assert one["service"].keys() == other["service"].keys()
    for key in ("changed", "outcome", "image", "warnings"):
        assert one["service"][key] == other["service"][key]
    assert [task.keys() for task in one["service"]["tasks"]] == [task.keys() for task in other["service"]["tasks"]]


def test_failing_task_is_shown_with_its_error(runs: dict[str, Watched]) -> None:
    run = runs["failing"]
    assert run.status != 0
    name = result(run)["service"]["name"]
    assert any(
        re.match(rf"{name}: slot 1 failed, exit code 1: task: non-zero exit \(1\), ", line) for line in run.progress
    )
    assert re.fullmatch(rf"{name}: 0/1 running crash:1.*, stopped after \d+ s", run.progress[-1])
    assert "update paused" not in run.errors


def loop(engine: Endpoint, name: str) -> Watched:
    for number in (1, 2):
        stands(engine, stepwise(f"{name}-{number}", replicas=1), 1)
    extra = f"loop: [1, 2]\nregister: told\nuntil: told is changed\nretries: 1\nbecome: true\nbecome_method: {SU}"
    return watch(task(engine, name=f'"{name}-{{{{ item }}}}"', extra=extra + "\ndelegate_to: manager1", **NEW))


SU = "ansible.builtin.su"


def test_loop_until_become_and_delegate_to(runs: dict[str, Watched], prefix: str) -> None:
    run = runs["loop"]
    assert run.status == 0, run.errors + run.output
    assert run.output.count("changed: [manager1") == 2
    for number in (1, 2):
        assert ended(run, rf"{prefix}-loop-{number}: 1/1 running whoami:0\.6")


def two_hosts(engine: Endpoint, name: str) -> Watched:
    stands(engine, stepwise(name, replicas=2), 2)
    text = task(engine, name=name, **NEW).replace("gather_facts", "strategy: free\n  gather_facts", 1)
    return watch(text, "--forks", "2", inventory=TWO_HOSTS)


def test_hosts_are_named_where_there_are_several(runs: dict[str, Watched], prefix: str) -> None:
    run = runs["two hosts"]
    assert run.status == 0, run.errors + run.output
    assert run.output.count("changed: [") == 1
    for host in ("manager1", "manager2"):
        assert ended(run, rf"\[{host}\] {prefix}-two: 2/2 running whoami:0\.6")


def many(engine: Endpoint, name: str) -> Watched:
    for number in range(MANY):
        services.create(engine, f"{name}-{number:02}", "whoami:0.7")
    services.started(engine, f"{name}-{MANY - 1:02}", 1, timeout=LONG)
    listed = json.dumps([{"name": f"{name}-{number:02}", "image": "whoami:0.6"} for number in range(MANY)])
    options: dict[str, Any] = {"services": listed, "resolve": "never", "wait_timeout": LONG, "max_parallel": 4}
    return watch(task(engine, **options), env=ONLY_JSON)


def test_many_services_are_one_line(runs: dict[str, Watched]) -> None:
    run = runs["many"]
    assert run.status == 0, run.errors
    shown = rf"\d+ of {MANY} converged(, \d+ rolling)?(, \d+ queued)?(, | in )\d+ s"
    first, *summaries = run.progress
    assert re.fullmatch(rf"{MANY} services: from whoami:0\.7 to whoami:0\.6, \d+ s", first)
    assert all(re.fullmatch(shown, line) for line in summaries)
    assert re.match(rf"\d of {MANY} converged, 4 rolling, \d queued, \d+ s", summaries[0])
    assert re.fullmatch(rf"{MANY} of {MANY} converged in \d+ s", summaries[-1])
    moments = [int(found) for found in re.findall(r"(\d+) s$", "\n".join(summaries[:-1]), re.MULTILINE)]
    assert all(later - earlier >= 4 for earlier, later in zip(moments, moments[1:]))  # five seconds, rounded


def test_each_of_many_is_updated_once(runs: dict[str, Watched], engine: Endpoint) -> None:
    told = result(runs["many"])["services"]
    assert [entry["outcome"] for entry in told] == ["converged"] * MANY
    for entry in told:
        assert (entry["changed"], entry["image"]) == (True, {"before": "whoami:0.7", "after": "whoami:0.6"})
        held = services.inspect(engine, entry["id"])
        assert held["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "whoami:0.7"


def put_back(engine: Endpoint, name: str) -> Watched:
    listed = []
    for kind, image in (("good", "whoami:0.6"), ("bad", "crash:1"), ("later", "whoami:0.6")):
        stands(engine, services.simple(f"{name}-{kind}", "whoami:0.7", monitor=MONITOR if kind == "bad" else 0.5), 1)
        listed.append({"name": f"{name}-{kind}", "image": image})
    options: dict[str, Any] = {"services": json.dumps(listed), "on_failure": "rollback_all", "max_parallel": 1}
    return watch(task(engine, **options, resolve="never", wait_timeout=LONG), env=ONLY_JSON)


def test_what_changed_is_put_back_while_it_is_watched(runs: dict[str, Watched], engine: Endpoint) -> None:
    told = result(runs["put back"])
    outcomes = {entry["name"].rpartition("-")[2]: entry["outcome"] for entry in told["services"]}
    assert outcomes == {"good": "rolled_back", "bad": "rolled_back", "later": "not_started"}
    assert told["msg"].count("put back, 1/1 run whoami:0.7.") == 2
    for entry in told["services"]:
        image = services.inspect(engine, entry["id"])["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        assert image == "whoami:0.7"


def test_a_service_that_goes_back_says_why(runs: dict[str, Watched], prefix: str) -> None:
    lines = [line.replace(f"{prefix}-back-", "") for line in runs["put back"].progress]
    told = {kind: [line for line in lines if line.startswith(f"{kind}: ")] for kind in ("good", "bad", "later")}
    assert "good: going back: bad failed" in "\n".join(told["good"])
    failed, back = (
        next(at for at, line in enumerate(told["bad"]) if words in line) for words in (CRASHED, "going back")
    )
    assert failed < back
    assert re.fullmatch(r"bad: going back: slot 1 failed, exit code 1, \d+ s", told["bad"][back])
    for kind, end in (("good", "put back in"), ("bad", "put back after"), ("later", "not started after")):
        assert re.search(rf"{end} \d+ s$", told[kind][-1])
    assert "manually requested rollback" not in runs["put back"].errors


def swarm_puts_back(engine: Endpoint, name: str) -> Watched:
    """Roll out an image that crashes, the service's failure action being to go back."""
    spec = stepwise(name, replicas=2, monitor=MONITOR)
    spec["UpdateConfig"].update(FailureAction="rollback", Parallelism=0)
    spec["RollbackConfig"] = {"Parallelism": 1, "Delay": 5 * services.SECOND, "Monitor": services.SECOND // 2}
    spec["TaskTemplate"]["RestartPolicy"]["Delay"] = 10 * services.SECOND  # no successor that is stopped on its way up
    stands(engine, spec, 2)
    return watch(task(engine, name=name, image="crash:1", resolve="never", wait_timeout=LONG), env=ONLY_JSON)


def test_a_service_that_the_swarm_puts_back_says_why(runs: dict[str, Watched], prefix: str) -> None:
    run, name = runs["swarm puts back"], f"{prefix}-swarm"
    assert result(run)["service"]["outcome"] == "rolled_back"
    shown = "\n".join(run.progress)
    slots = re.findall(rf"^{name}: going back: (slot \d) failed, exit code 1, \d+ s$", shown, re.MULTILINE)
    assert len(slots) == 1, shown
    assert shown.index(f"{name}: {slots[0]} {CRASHED}") < shown.index(f"{name}: going back")
    assert re.fullmatch(rf"{name}: 2/2 running whoami:0\.7, put back after \d+ s", run.progress[-1]), shown
    assert "update rolled back" not in run.errors


def many_go_back(engine: Endpoint, name: str) -> Watched:
    """Roll out eight services, the last of which crashes, so that all go back."""
    for number in range(MANY):
        monitor = MONITOR if number == MANY - 1 else 0.5
        services.create(engine, f"{name}-{number}", "whoami:0.7", replicas=1, monitor=monitor)
    services.started(engine, f"{name}-{MANY - 1}", 1, timeout=LONG)
    images = ["whoami:0.6"] * (MANY - 1) + ["crash:1"]
    listed = json.dumps([{"name": f"{name}-{number}", "image": image} for number, image in enumerate(images)])
    options: dict[str, Any] = {"services": listed, "on_failure": "rollback_all", "resolve": "never"}
    return watch(task(engine, **options, wait_timeout=LONG), env=ONLY_JSON)


def test_many_that_go_back_are_not_counted_as_failed(runs: dict[str, Watched], prefix: str) -> None:
    run, name = runs["many go back"], f"{prefix}-many-back"
    shown = "\n".join(run.progress)
    assert f"{MANY - 1} services: from whoami:0.7 to whoami:0.6, " in shown
    assert f"{MANY - 1} services: going back: {name}-{MANY - 1} failed, " in shown
    last = rf"0 of {MANY} converged, {MANY - 1} back, 1 failed and back, after \d+ s"
    assert re.fullmatch(last, run.progress[-1])
    assert result(run)["msg"].startswith(f"{MANY} services: {MANY - 1} put back, 1 failed and put back.\n")


def in_background(engine: Endpoint, name: str) -> Watched:
    stands(engine, stepwise(name, replicas=2), 2)
    return watch(task(engine, name=name, extra="async: 100\npoll: 1", **NEW), env=ONLY_JSON)


def test_async_is_the_module_alone(runs: dict[str, Watched]) -> None:
    run = runs["async"]
    assert run.status == 0, run.errors
    assert not run.progress
    [entry] = results(run)[-1]["services"]
    assert (entry["changed"], entry["outcome"]) == (True, "converged")


def not_to_be_logged(engine: Endpoint, name: str) -> Watched:
    stands(engine, stepwise(name, replicas=1), 1)
    return watch(task(engine, name=name, extra="no_log: true", **NEW))


def test_no_log_shows_no_progress(runs: dict[str, Watched], engine: Endpoint, prefix: str) -> None:
    run = runs["no log"]
    assert (run.status, run.progress) == (0, [])
    assert prefix not in run.output + run.errors
    assert services.running(engine, f"{prefix}-no-log", "whoami:0.6") == 1


def only_wait(engine: Endpoint, name: str) -> Watched:
    spec = stepwise(name, delay=4)
    stands(engine, spec, REPLICAS)
    held = services.inspect(engine, name)
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "whoami:0.6"
    engine.checked("POST", f"/services/{held['ID']}/update", params={"version": held["Version"]["Index"]}, json=spec)
    return watch(task(engine, "swarm_service_wait", name=name, wait_timeout=LONG), "-v")


def test_wait_shows_progress_and_with_v_the_tasks(runs: dict[str, Watched], prefix: str) -> None:
    run = runs["wait"]
    assert run.status == 0, run.errors
    assert {3, 4, 5} <= set(counts(run, f"{prefix}-wait"))
    assert re.search(rf"{prefix}-wait: slot \d, whoami:0\.6: running", run.errors)
    assert "ok: [manager1]" in run.output


def over_ssh(engine: Endpoint, name: str, folder: Path) -> Watched:
    """Roll over a real connection, which is killed in mid-wait, with the server away for some seconds."""
    stands(engine, stepwise(name, delay=3), REPLICAS)
    with SSHServer(folder) as server:
        text = task(engine, name=name, **NEW)
        with started(text, inventory=server.inventory("manager1"), env=ONLY_JSON) as play:
            under_way(engine, name, count=2)
            eventually(lambda: server.cut() > 0, "a connection is cut", timeout=LONG)
            server.stop()
            time.sleep(3)
            server.start()
            return play.end()


def test_lost_connection_ends_nothing(runs: dict[str, Watched], prefix: str) -> None:
    run = runs["ssh"]
    assert run.status == 0, run.errors + run.output
    told = result(run)
    assert (told["changed"], told["service"]["outcome"]) == (True, "converged")
    assert "The connection broke" in run.errors
    shown = counts(run, f"{prefix}-ssh")
    assert shown == sorted(shown)
    assert ended(run, rf"{prefix}-ssh: 5/5 running whoami:0\.6")


def interrupted(engine: Endpoint, name: str) -> tuple[Watched, str]:
    """Interrupt a run, and go on with the command that it names."""
    stands(engine, stepwise(name, delay=4), REPLICAS)
    inventory = f"{LOCAL.strip()} ansible_python_interpreter={sys.executable}\n"
    with started(task(engine, name=name, **NEW), inventory=inventory) as play:
        under_way(engine, name)
        time.sleep(2)
        play.interrupt()
        run = play.end()
        command = run.errors.partition("To keep waiting, run:\n")[2].partition("\n")[0]
    words = shlex.split(command)
    words[words.index("-i") + 1] = "localhost,"
    words[words.index("manager1")] = "localhost"
    words[0] = str(Path(sys.executable).with_name("ansible"))
    connection = ["-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run([*words, *connection], env=environment(), capture_output=True, text=True, check=False)
    return run, done.stdout


def test_interruption_leaves_the_rollout_going(runs: dict[str, Any], engine: Endpoint, prefix: str) -> None:
    run, waited = runs["interrupted"]
    assert run.status == 99, run.errors
    assert "Interrupted: the swarm continues the rollout." in run.errors
    assert "swarmops.rollout.swarm_service_wait" in run.errors
    assert '"outcome": "converged"' in waited
    assert services.running(engine, f"{prefix}-interrupted", "whoami:0.6") == REPLICAS


@pytest.mark.parametrize("env", [{}, {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"}, ONLY_JSON])
def test_nothing_to_do_is_one_run_and_no_progress(engine: Endpoint, service: str, env: dict[str, str]) -> None:
    run = watch(task(engine, name=service, image="whoami:0.7", resolve="never"), "-vvv", env=env)
    assert run.status == 0, run.errors
    assert not run.progress
    assert (run.output + run.errors).count("AnsiballZ_swarm_service_image.py && sleep 0'") <= 2  # chmod, and the run
    assert "goes_on" not in run.output


def test_check_mode_shows_no_progress(engine: Endpoint, service: str) -> None:
    run = watch(task(engine, name=service, image="whoami:0.6", resolve="never"), "--check", env=ONLY_JSON)
    assert (run.progress, result(run)["changed"]) == ([], True)


def test_options_that_cannot_be_used_are_refused_as_ever(engine: Endpoint, service: str) -> None:
    run = watch(task(engine, name=service, image="whoami:0.6", show_progress="perhaps"))
    assert run.status != 0
    assert "show_progress" in run.output + run.errors
    assert not run.progress

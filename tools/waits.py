# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.waits``: what waits cost and how well they keep their time, beside release 1.0.0, on one engine.

It writes ``docs/waits.md``. Release 1.0.0 is taken from the history of this repository.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

from tests.swarm import Engine, EngineError, Proxy, eventually, images, services
from tests.swarm.box import BoxError, environment
from tests.swarm.collection import NAME, ROOT, collection_path
from tests.swarm.packages import PackagesError
from tools.bench_page import licence_note, table
from tools.bench_runs import BenchFailed, processor
from tools.demo import beside_python, say

FORMER = "Release 1.0.0"
LIMIT, CRASHING = 20, 4
BATCH = 12
TASKS, LONG_WAIT = 10_000, 30
WRITES, BUSY = 200, 10
ROLLOUTS, MONITOR = 9, 0.6
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image: {options}
"""
JUDGE = """
import copy, json, sys, time
package = "ansible_collections.swarmops.rollout.plugins.module_utils._service."
try:
    from ansible_collections.swarmops.rollout.plugins.module_utils._service import status as judging
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
except ImportError:
    from ansible_collections.swarmops.rollout.plugins.module_utils._service import progress as judging
    Snapshot = judging.Snapshot
service, tasks, nodes = json.load(sys.stdin)
began = time.perf_counter()
judging.judge(Snapshot(service, tasks, nodes), judging.Expectation())
print(time.perf_counter() - began)
"""
MODULE = "ansible_collections.swarmops.rollout.plugins.modules."


@dataclass(frozen=True)
class Version:
    """A version of the collection: what it is called, and a folder that has it for Ansible and Python."""

    name: str
    path: Path


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds in all and of the processor, bytes of memory at most, and what it printed."""

    seconds: float
    processor: float
    memory: int
    text: str


def run(command: list[str], version: Version, stdin: str = "") -> Cost:
    """Run a command with a version of the collection."""
    settings = {
        **{name: value for name, value in environment().items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(version.path),
        "ANSIBLE_HOME": str(version.path / "home"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        "PYTHONPATH": str(version.path),
    }
    began = time.monotonic()
    with subprocess.Popen(
        command, env=settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(stdin)
        process.stdin.close()
        text = process.stdout.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text)


def playbook(version: Version, engine: Engine, **options: Any) -> Cost:
    """Run a playbook of one task."""
    path = version.path / "waits.yml"
    asked = {"docker_host": engine.host, "resolve": "never", **options}
    path.write_text(PLAYBOOK.format(options=json.dumps(asked)), encoding="utf-8")
    python = ("-e", f"ansible_python_interpreter={sys.executable}")
    return run([str(beside_python("ansible-playbook")), *python, str(path)], version)


def wait_module(version: Version, host: str, name: str, seconds: int) -> Cost:
    """Run the module that waits, by itself."""
    given = {"ANSIBLE_MODULE_ARGS": {"name": name, "docker_host": host, "wait_timeout": seconds}}
    return run([sys.executable, "-m", f"{MODULE}swarm_service_wait"], version, json.dumps(given))


def kept_limit(version: Version, engine: Engine, shown: bool) -> float:
    """Return how long a command takes that waits for tasks which crash for good."""
    name = f"limit-{time.monotonic_ns()}"
    spec = services.simple(name, "whoami:0.7", replicas=CRASHING)
    spec["UpdateConfig"]["FailureAction"] = "continue"
    services.post(engine, spec)
    services.started(engine, name, CRASHING)
    took = playbook(version, engine, name=name, image="crash:1", wait_timeout=LIMIT, show_progress=shown)
    services.remove(engine, name)
    if "has not converged" not in took.text:
        raise BenchFailed(f"a wait for tasks that crash ended otherwise:\n{took.text[-2000:]}")
    return took.seconds


def batch(version: Version, engine: Engine, shown: bool) -> float:
    """Return how long a command takes that rolls services out one after the other."""
    prefix = f"batch-{time.monotonic_ns()}"
    names = [f"{prefix}-{number}" for number in range(BATCH)]
    for name in names:
        services.create(engine, name, "whoami:0.7")
    for name in names:
        services.started(engine, name)
    listed = [{"name": name, "image": "whoami:0.6"} for name in names]
    took = playbook(version, engine, services=listed, max_parallel=1, show_progress=shown)
    services.remove(engine, prefix)
    if "changed=1" not in took.text:
        raise BenchFailed(f"a batch ended otherwise:\n{took.text[-2000:]}")
    return took.seconds


def lateness(version: Version, engine: Engine, shown: bool) -> float:
    """Return how long after the engine's completion a task ends: the median of some rollouts of one replica."""
    name, late = f"late-{time.monotonic_ns()}", []
    services.create(engine, name, "whoami:0.7", monitor=MONITOR)
    services.started(engine, name)
    watched = version.path / "home" / "ended"
    for number in range(ROLLOUTS):
        image = ("whoami:0.6", "whoami:0.7")[number % 2]
        ended = _end_of_task(version, engine, watched, name=name, image=image, show_progress=shown)
        completed = services.inspect(engine, name)["UpdateStatus"]["CompletedAt"]
        moment = datetime.strptime(completed[:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=timezone.utc)
        late.append(ended - moment.timestamp())
    services.remove(engine, name)
    return median(late)


def _end_of_task(version: Version, engine: Engine, mark: Path, **options: Any) -> float:
    """Run a task and a next one, which does no more than to write a file on the controller; return when it did."""
    path = version.path / "late.yml"
    mark.unlink(missing_ok=True)
    asked = {"docker_host": engine.host, "resolve": "never", **options}
    written = "    - set_fact: {at: \"{{ lookup('pipe', 'date +%s.%N > " + str(mark) + "') }}\"}\n"
    path.write_text(PLAYBOOK.format(options=json.dumps(asked)) + written, encoding="utf-8")
    python = ("-e", f"ansible_python_interpreter={sys.executable}")
    took = run([str(beside_python("ansible-playbook")), *python, str(path)], version)
    if not mark.exists():
        raise BenchFailed(f"a rollout failed:\n{took.text[-2000:]}")
    return float(mark.read_text(encoding="utf-8"))


def pending(engine: Engine) -> str:
    """Create a service whose tasks all wait for a node that is not there; return its name."""
    spec = services.simple("pending", "whoami:0.7", replicas=TASKS)
    spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.hostname == nowhere.example.com"]}
    services.post(engine, spec)
    eventually(lambda: len(_tasks(engine, "pending")) == TASKS, "all tasks are there", 300, every=2)
    return "pending"


def _tasks(engine: Engine, name: str) -> Any:
    return engine.get("/tasks", filters=json.dumps({"service": [name]}))


def judged(version: Version, engine: Engine, name: str) -> float:
    """Return how long it takes to judge the tasks of a service once."""
    given = [services.inspect(engine, name), _tasks(engine, name), engine.get("/nodes")]
    return float(run([sys.executable, "-c", JUDGE], version, json.dumps(given)).text)


@contextmanager
def writes(engine: Engine) -> Iterator[None]:
    """Have others create and remove services meanwhile, so many writes a second."""
    ended = threading.Event()

    def write(number: int) -> None:
        began, count = time.monotonic(), 0
        while not ended.wait(max(0.0, began + 4 * count / WRITES - time.monotonic())):
            identifier = services.create(engine, f"other-{number}", "whoami:0.7", replicas=0)
            engine.checked("DELETE", f"/services/{identifier}")
            count += 2

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        ended.set()
        for writer in writers:
            writer.join()


def requests(version: Version, engine: Engine) -> float:
    """Return how many requests a second a wait sends while others write."""
    services.create(engine, "quiet", "127.0.0.1:1/nowhere:1")
    with Proxy(engine.host) as proxy, writes(engine):
        wait_module(version, proxy.host, "quiet", BUSY)
        sent = len(proxy.requests) / BUSY
    services.remove(engine, "quiet")
    return sent


def rows(engine: Engine, versions: tuple[Version, Version]) -> Iterator[list[str]]:
    """Measure, and yield the rows of the table: what, this version, the former one, the limit."""
    measured: list[tuple[str, Callable[[Version], float], str]] = []
    for shown in (True, False):
        how = "with" if shown else "without"
        limit = f"{LIMIT + 5} and the start of Ansible"
        said = f"command that waits {LIMIT} s for {CRASHING} tasks that crash, {how} progress, seconds"
        measured.append((said, partial(kept_limit, engine=engine, shown=shown), limit))
        said = f"{BATCH} services, one after the other, {how} progress, seconds"
        measured.append((said, partial(batch, engine=engine, shown=shown), "5 % apart"))
        said = f"end of the task after the engine's, monitor {MONITOR:g} s, {how} progress, seconds"
        measured.append((said, partial(lateness, engine=engine, shown=shown), "0.2"))
    measured.append((f"requests a second beside {WRITES} writes a second", partial(requests, engine=engine), "6"))
    for said, measure, limit in measured:
        yield _told([said, *(f"{measure(version):.2f}" for version in versions), limit])
    name = pending(engine)
    judging = [f"{judged(version, engine, name):.3f}" for version in versions]
    yield _told([f"{TASKS} pending tasks judged once, seconds", *judging, "0.2"])
    costs = [wait_module(version, engine.host, name, LONG_WAIT) for version in versions]
    yield _told(
        [
            f"{LONG_WAIT} s of waiting for them, seconds of the processor",
            *(f"{cost.processor:.1f}" for cost in costs),
            "4",
        ]
    )
    yield _told(["the same, MiB of memory", *(f"{cost.memory / 2**20:.0f}" for cost in costs), ""])


def _told(row: list[str]) -> list[str]:
    say(" | ".join(row))
    return row


@contextmanager
def versions_of(folder: Path) -> Iterator[tuple[Version, Version]]:
    """Have this checkout and the former release as collections. Raises BenchFailed without the history."""
    found = subprocess.run(
        ["git", "log", "-1", "--format=%H", f"--grep=^{FORMER}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not found.stdout.strip():
        raise BenchFailed(f"the history of this checkout has no commit that says {FORMER!r}: make a full clone")
    packed = subprocess.run(["git", "archive", found.stdout.strip()], cwd=ROOT, capture_output=True, check=True)
    former = folder / "former"
    home = former.joinpath("ansible_collections", *NAME)
    home.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(home)
    with collection_path(folder) as present:
        for path in (present, former):
            path.joinpath("home").mkdir()
        yield Version("this version", present), Version("1.0.0", former)


def page(lines: list[list[str]]) -> str:
    """Return the page."""
    heads = ["", "this version", "1.0.0", "wanted at most"]
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return (
        f"{licence_note()}\n\n# Waits\n\nWhat waits cost and how well they keep their time, beside release 1.0.0. "
        "`make bench` measures all of\nthis in one run on one engine, which it starts for that, and writes this page."
        "\n\n"
        f"{table(heads, lines)}\nMeasured {now} on {os.cpu_count()} x {processor()}, load {load}.\n"
    )


def main() -> int:
    """Measure, and return the exit status: 0 where all could be measured."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tools.waits", description="Measure waits.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the folder for waits.md")
    options = parser.parse_args()
    try:
        with Engine() as engine, versions_of(engine.space.folder) as versions:
            images.load(engine)
            text = page(list(rows(engine, versions)))
    except KeyboardInterrupt:
        say("\nInterrupted. The swarm was ended and removed.")
        return 130
    except (BenchFailed, BoxError, EngineError, PackagesError) as error:
        print(f"\nThe benchmark could not go on: {error}", file=sys.stderr)
        return 1
    options.output.joinpath("waits.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

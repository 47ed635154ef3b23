# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs under random faults: each ends in success with the right state, or in an error that is true.

``FAULT_RUNS`` says how many runs there are, ``FAULT_SEED`` which; ``FAULT_FIRST`` is the number of the first one, so
that ``FAULT_FIRST=17 FAULT_RUNS=1`` is the run that a complaint named 17.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run
from tests.swarm import Endpoint, services
from tests.swarm.faults import KINDS, Storm, Weather

from .trials import OURS, SECRET, Fate, Rival, Trial

SEED = int(os.environ.get("FAULT_SEED", "6"))
RUNS = int(os.environ.get("FAULT_RUNS", "150"))
FIRST = int(os.environ.get("FAULT_FIRST", "0"))
AT_ONCE = 8
TIMEOUT = 2
"""Seconds of one call, as the module is told."""
LONGEST_WAIT = 4
"""Seconds that a run waits for its rollout, where it does."""

SINGLE, BATCH, JOB = "single", "batch", "background"
SORTS = (SINGLE, SINGLE, SINGLE, BATCH, JOB)
RIVALS = (None, None, None, None, "scale", "scale", "label", "label", "image")
"""What somebody else does meanwhile: nothing in half of the runs."""
JOBS = "SWARMOPS_ROLLOUT_JOBS"


def attempt(engine: Endpoint, prefix: str, folder: Path, number: int) -> Trial:
    """Make one run and judge it."""
    weather = Weather(SEED, number, TIMEOUT)
    draw = weather.draw("run")
    kind = draw.choice(SORTS)
    names = [f"{prefix}{number}-{each}" for each in range(1 if kind == SINGLE else draw.randint(1, 3))]
    before = [create(engine, name, OURS if draw.random() < 0.1 else "whoami:0.7") for name in names]
    when = (draw.choice(("update", "update", "services")), draw.randint(0, len(names)))
    rival = Rival(engine, draw.choice(names), draw.choice(RIVALS), when)
    listed = [{"name": name, "image": OURS} for name in names]
    asked = {**options(draw, kind), **(listed[0] if kind == SINGLE else {"services": listed})}
    with Storm(engine.host, weather, rival) as storm:
        run_as = in_background if kind == JOB else in_foreground
        result, progress = run_as(folder / str(number), docker_host=storm.host, **asked)
    fates = [
        Fate(one, services.inspect(engine, name), storm.updates[one["ID"]], storm.rollbacks[one["ID"]])
        for name, one in zip(names, before)
    ]
    trial = Trial(number, SEED, kind, result, rival, fates, storm.faults, progress)
    trial.judge()
    if trial.complaints:
        print(trial, flush=True)
    for name in names:
        engine.checked("DELETE", f"/services/{name}")
    return trial


def create(engine: Endpoint, name: str, image: str) -> Any:
    """Create a service that has a secret in its environment, and return it as the engine holds it."""
    spec = services.simple(name, image, replicas=0, monitor=0.1)
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"PASSWORD={SECRET}"]
    services.post(engine, spec)
    return services.inspect(engine, name)


def options(draw: random.Random, kind: str) -> dict[str, Any]:
    """Return how a run goes about it: one of four alone waits for the rollout, batches and jobs do."""
    chosen = {
        "wait": draw.random() < 0.25 or kind != SINGLE,
        "max_parallel": draw.choice((0, 1, 2)),
        "on_failure": draw.choice(("fail", "rollback", "rollback_all")) if kind != SINGLE else "fail",
    }
    return {"timeout": TIMEOUT, "wait_timeout": LONGEST_WAIT, "resolve": "never", **chosen}


def in_foreground(_folder: Path, **asked: Any) -> tuple[run.Result, str | None]:
    """Run the module as one process; return its result."""
    return run.module("swarm_service_image", **asked), None


def in_background(folder: Path, **asked: Any) -> tuple[run.Result, str | None]:
    """Run the module as a task that is watched; return its result and what the job has told."""
    began = time.monotonic()
    folder.mkdir(mode=0o700)
    answer = run.module("swarm_service_image", env={JOBS: str(folder)}, **asked)
    if "folder" not in answer.data:
        return answer, None
    assert answer.data["goes_on"]
    assert not answer.changed
    job = Path(answer.data["folder"])
    job.joinpath("ticket").rename(job / "progress")
    with open(job / "wake", "rb", buffering=0) as woken:
        job.joinpath("go").write_text("\n", encoding="utf-8")
        while woken.read(1):
            pass
    text = job.joinpath("result").read_text(encoding="utf-8")
    result = run.Result(json.loads(text), text, time.monotonic() - began)
    return result, job.joinpath("progress").read_text(encoding="utf-8")


def table(trials: list[Trial]) -> str:
    """Return the counts by kind of fault: how many runs met it, and how these ended."""
    lines = [
        f"| fault ({len(trials)} runs of seed {SEED}) | met in runs | changed | ok | error |",
        "|---|--:|--:|--:|--:|",
    ]
    met = {kind: [trial for trial in trials if kind in {fault for _place, fault in trial.faults}] for kind in KINDS}
    lines += [row(kind, those) for kind, those in met.items()]
    lines.append(row("no fault at all", [trial for trial in trials if not trial.faults]))
    lines += [row(f"({sort})", [trial for trial in trials if trial.kind == sort]) for sort in (SINGLE, BATCH, JOB)]
    lines.append(row("all", trials))
    rivals = Counter(trial.rival.what for trial in trials if trial.rival.done)
    lines += [f"somebody else wrote meanwhile: {dict(rivals)}"]
    lines += [f"faults in all: {sum(len(trial.faults) for trial in trials)}"]
    lines += [f"rolled back: {sum(fate.rollbacks for trial in trials for fate in trial.fates)} services"]
    lines += [f"longest run: {max(trial.result.seconds for trial in trials):.1f} s"]
    return "\n".join(lines)


def row(said: str, met: list[Trial]) -> str:
    """Return a row of the table: how many runs there were, and how they ended."""
    ended = Counter(trial.outcome for trial in met)
    counts = [len(met), *(ended[outcome] for outcome in ("changed", "ok", "error"))]
    return f"| {said} | {' | '.join(map(str, counts))} |"


@pytest.fixture
def prefix(engine: Endpoint, service_name: str) -> str:
    """What the names of all services begin with."""
    assert engine.answers
    return f"{service_name}-"


def test_every_run_under_faults_ends_in_the_truth(engine: Endpoint, prefix: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = range(FIRST, FIRST + RUNS)
        trials = list(pool.map(lambda number: attempt(engine, prefix, tmp_path, number), numbers))
    print("\n" + table(trials))
    assert len(trials) == RUNS
    wrong = [str(trial) for trial in trials if trial.complaints]
    assert not wrong, f"{len(wrong)} of {RUNS} runs are wrong:\n" + "\n".join(wrong)

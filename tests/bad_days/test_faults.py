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
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration import run
from tests.swarm import Endpoint, services
from tests.swarm.faults import KINDS, LATE, Storm, Weather

SEED = int(os.environ.get("FAULT_SEED", "6"))
RUNS = int(os.environ.get("FAULT_RUNS", "150"))
FIRST = int(os.environ.get("FAULT_FIRST", "0"))
AT_ONCE = 8
TIMEOUT = 2
"""Seconds of one call, as the module is told."""
LONGEST_WAIT = 4
"""Seconds that a run waits for its rollout, where it does."""
LONGEST_RUN = 30
"""Seconds that count as a hang: every phase of a run with its budget used up, on a busy machine."""
LONGEST_MESSAGE = 3000

OURS, THEIRS = "whoami:0.6", "whoami:0.8"
SECRET = "hunter2-in-the-environment"
RIVALS = (None, None, None, None, "scale", "scale", "label", "label", "image")
"""What somebody else does meanwhile: nothing in half of the runs."""
FORBIDDEN = ("Traceback", "has a fault", SECRET, "\x1b")
NOTHING = ("Nothing was changed", "nothing of this task was written", "had not been updated")
CONFLICTS = ("onflict on the service", "somebody else changed it")
AFTERTHOUGHTS = ("has not converged on", "could not be read back")


@dataclass
class Rival:
    """Another writer, who writes once, before the request of a place and a number."""

    engine: Endpoint
    name: str
    what: str | None
    when: tuple[str, int]
    done: bool = False

    def __call__(self, place: str, count: int) -> None:
        """Write if it is time."""
        if self.what is None or self.done or (place, count) != self.when:
            return
        self.done = True
        while not self._written():
            continue

    def _written(self) -> bool:
        service = services.inspect(self.engine, self.name)
        self.edit(service["Spec"])
        params = {"version": str(service["Version"]["Index"])}
        path = f"/services/{service['ID']}/update"
        answer = self.engine.api("POST", path, params=params, json=service["Spec"])
        assert answer.ok or "out of sequence" in answer.text, answer.text
        return bool(answer.ok)

    def edit(self, spec: Any) -> None:
        """Make the change in a spec."""
        if self.what == "scale":
            spec["Mode"]["Replicated"]["Replicas"] = 0 if spec["Mode"]["Replicated"]["Replicas"] else 1
        elif self.what == "label":
            spec["Labels"] = {"written": "meanwhile"}
        elif self.what == "image":
            spec["TaskTemplate"]["ContainerSpec"]["Image"] = THEIRS


@dataclass
class Trial:
    """One run, what it met, and what is to be said against it."""

    number: int
    result: run.Result
    rival: Rival
    before: Any
    after: Any
    faults: list[tuple[str, str]]
    updates: int
    complaints: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """How it ended, in a word or two."""
        if self.result.failed:
            return "error"
        return "changed" if self.result.changed else "ok"

    @property
    def image(self) -> str:
        """The image that the engine has in the end."""
        return str(self.after["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    def judge(self) -> None:
        """Write down what is wrong with it."""
        self._judge_state()
        self._judge_output()
        (self._judge_error if self.result.failed else self._judge_success)()

    def expect(self, holds: bool, complaint: str) -> None:
        """Complain where something does not hold."""
        if not holds:
            self.complaints.append(complaint)

    def _judge_state(self) -> None:
        """Nothing but what the two writers wanted is in the spec, and this run wrote once at most."""
        self.expect(self.updates <= 1, f"{self.updates} updates")
        expected = json.loads(json.dumps(self.before["Spec"]))
        if self.rival.done:
            self.rival.edit(expected)
        if self.updates and not (self.rival.done and self.rival.what == "image" and self.image == THEIRS):
            expected["TaskTemplate"]["ContainerSpec"]["Image"] = OURS
        self.expect(self.after["Spec"] == expected, f"the engine has {self.after['Spec']}, not {expected}")

    def _judge_output(self) -> None:
        for text in FORBIDDEN:
            self.expect(text not in self.result.text, f"{text!r} is shown")
        self.expect(self.result.seconds < LONGEST_RUN, f"it took {self.result.seconds:.1f} s")
        self.expect(len(self.result.message) < LONGEST_MESSAGE, "a flood of a message")

    def _judge_success(self) -> None:
        """The image is the wanted one, and `changed` says whether it was this run that set it."""
        superseded = self.rival.done and self.rival.what == "image" and self.updates == 1
        self.expect(self.image == OURS or superseded, f"success with {self.image}")
        self.expect(self.result.changed == bool(self.updates), f"changed={self.result.changed}, {self.updates} updates")
        self.expect(self.result.service["changed"] == self.result.changed, "the entry says something else")

    def _judge_error(self) -> None:
        """It says what happened, and nothing about the service that is not so."""
        message = self.result.message
        if self.updates:
            for words in NOTHING:
                late = words == NOTHING[2] and self._may_land_late
                self.expect(words not in message or late, f"an update was made, but: {message}")
            self.expect(self.result.changed or self._may_land_late, f"an update was made, but changed=false: {message}")
        elif self.result.changed:
            self.expect("not known" in message, f"no update was made, but changed=true: {message}")
        says = [LATE, *(words for kind in self._kinds for words in KINDS[kind].says)]
        says += [*CONFLICTS] if self.rival.done else []
        says += [*AFTERTHOUGHTS] if self.updates or self.image == OURS else []
        self.expect(any(words in message for words in says), f"not what happened: {message}")

    @property
    def _kinds(self) -> list[str]:
        return [kind for _place, kind in self.faults]

    @property
    def _may_land_late(self) -> bool:
        """Whether an update was held up on its way, so that it may come to the engine after the run's last look."""
        return ("update", "delay beyond the time-out") in self.faults

    def __str__(self) -> str:
        rival = f"{self.rival.what} before {self.rival.when}" if self.rival.done else "none"
        lines = "".join(f"\n    {complaint}" for complaint in self.complaints)
        return (
            f"run {self.number} of seed {SEED}: {self.outcome}, changed={self.result.changed}, {self.updates} updates, "
            f"rival {rival}, faults {self.faults}: {self.result.message}{lines}"
        )


def attempt(engine: Endpoint, prefix: str, number: int) -> Trial:
    """Make one run and judge it."""
    weather = Weather(SEED, number, TIMEOUT)
    draw = weather.draw("run")
    name = f"{prefix}{number}"
    spec = services.simple(name, OURS if draw.random() < 0.1 else "whoami:0.7", replicas=0, monitor=0.1)
    spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"PASSWORD={SECRET}"]
    services.post(engine, spec)
    before = services.inspect(engine, name)
    rival = Rival(
        engine, name, draw.choice(RIVALS), (draw.choice(("update", "update", "services")), draw.randint(0, 1))
    )
    with Storm(engine.host, weather, rival) as storm:
        result = run.module("swarm_service_image", name=name, image=OURS, docker_host=storm.host, **options(draw))
    trial = Trial(number, result, rival, before, services.inspect(engine, name), storm.faults, storm.updates)
    trial.judge()
    if trial.complaints:
        print(trial, flush=True)
    engine.checked("DELETE", f"/services/{name}")
    return trial


def options(draw: random.Random) -> dict[str, Any]:
    """Return how a run goes about it: one of four waits for the rollout."""
    wait = draw.random() < 0.25
    return {"timeout": TIMEOUT, "wait": wait, "wait_timeout": LONGEST_WAIT, "resolve": "never"}


def table(trials: list[Trial]) -> str:
    """Return the counts by kind of fault: how many runs met it, and how these ended."""
    lines = [
        f"| fault ({len(trials)} runs of seed {SEED}) | met in runs | changed | ok | error |",
        "|---|--:|--:|--:|--:|",
    ]
    for kind in [*KINDS, ""]:
        met = [
            trial for trial in trials if (kind in {met for _place, met in trial.faults} if kind else not trial.faults)
        ]
        ended = Counter(trial.outcome for trial in met)
        counts = [len(met), *(ended[outcome] for outcome in ("changed", "ok", "error"))]
        lines.append(f"| {kind or 'no fault at all'} | {' | '.join(map(str, counts))} |")
    ended = Counter(trial.outcome for trial in trials)
    counts = [len(trials), *(ended[outcome] for outcome in ("changed", "ok", "error"))]
    lines.append(f"| all | {' | '.join(map(str, counts))} |")
    rivals = Counter(trial.rival.what for trial in trials if trial.rival.done)
    lines += [f"somebody else wrote meanwhile: {dict(rivals)}"]
    lines += [f"faults in all: {sum(len(trial.faults) for trial in trials)}"]
    lines += [f"longest run: {max(trial.result.seconds for trial in trials):.1f} s"]
    return "\n".join(lines)


@pytest.fixture
def prefix(engine: Endpoint, service_name: str) -> str:
    """What the names of all services begin with."""
    assert engine.answers
    return f"{service_name}-"


def test_every_run_under_faults_ends_in_the_truth(engine: Endpoint, prefix: str) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        trials = list(pool.map(lambda number: attempt(engine, prefix, number), range(FIRST, FIRST + RUNS)))
    print("\n" + table(trials))
    assert len(trials) == RUNS
    wrong = [str(trial) for trial in trials if trial.complaints]
    assert not wrong, f"{len(wrong)} of {RUNS} runs are wrong:\n" + "\n".join(wrong)

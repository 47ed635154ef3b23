# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run under faults and what can be said against it: every word of its result is held against the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.integration import run
from tests.swarm import Endpoint, services
from tests.swarm.faults import KINDS, LATE

OURS, THEIRS = "whoami:0.6", "whoami:0.8"
SECRET = "hunter2-in-the-environment"
LONGEST_RUN = 30
"""Seconds that count as a hang: every phase of a run with its budget used up, on a busy machine."""
LONGEST_MESSAGE = 3000

FORBIDDEN = ("Traceback", "has a fault", SECRET, "\x1b")
NOTHING = ("Nothing was changed", "nothing of this task was written", "had not been updated")
CONFLICTS = (
    "onflict on the service",
    "somebody else changed it",
    "somebody else has changed it",
    "update out of sequence",
    "while this task waited for",
)
"""What a run may say where somebody else wrote; the last one where the time is over before another try."""
AFTERTHOUGHTS = ("has not converged within", "could not be read back")
FOREIGN = ("superseded", "timed_out")
"""Outcomes of a service that somebody else may hold in another state than this task left it in."""


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
class Fate:
    """What became of one service: before and after by the engine, and the writes that the engine accepted."""

    before: Any
    after: Any
    updates: int
    rollbacks: int
    entry: Any = None
    """What the result says of it; None where there is none."""

    @property
    def name(self) -> str:
        """The service's name."""
        return str(self.before["Spec"]["Name"])

    @property
    def image(self) -> str:
        """The image that the engine has in the end."""
        return str(self.after["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])


@dataclass
class Trial:
    """One run, what it met, and what is to be said against it."""

    number: int
    seed: int
    kind: str
    result: run.Result
    rival: Rival
    fates: list[Fate]
    faults: list[tuple[str, str]]
    progress: str | None = None
    """What a job has told of its progress; None where there was no job."""
    complaints: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """How it ended, in a word or two."""
        if self.result.failed:
            return "error"
        return "changed" if self.result.changed else "ok"

    @property
    def updates(self) -> int:
        """The updates that the engine accepted."""
        return sum(fate.updates for fate in self.fates)

    def judge(self) -> None:
        """Write down what is wrong with it."""
        for fate, entry in zip(self.fates, self.result.data.get("services", [])):
            fate.entry = entry
        for fate in self.fates:
            self._judge_state(fate)
            if fate.entry is not None:
                self._judge_entry(fate)
        self._judge_output()
        (self._judge_error if self.result.failed else self._judge_success)()
        if self.progress is not None:
            self._judge_progress(self.progress)

    def expect(self, holds: bool, complaint: str) -> None:
        """Complain where something does not hold."""
        if not holds:
            self.complaints.append(complaint)

    def _is_rivalled(self, fate: Fate) -> bool:
        return self.rival.done and self.rival.name == fate.name

    def _judge_state(self, fate: Fate) -> None:
        """Nothing but what the two writers wanted is in the spec, and this run wrote and rolled back once at most."""
        self.expect(fate.updates <= 1, f"{fate.name}: {fate.updates} updates")
        self.expect(fate.rollbacks <= fate.updates, f"{fate.name}: {fate.rollbacks} rollbacks")
        expected = json.loads(json.dumps(fate.before["Spec"]))
        if self._is_rivalled(fate):
            self.rival.edit(expected)
        is_superseded = self._is_rivalled(fate) and self.rival.what == "image" and fate.image == THEIRS
        if fate.updates and not fate.rollbacks and not is_superseded:
            expected["TaskTemplate"]["ContainerSpec"]["Image"] = OURS
        self.expect(fate.after["Spec"] == expected, f"{fate.name}: the engine has {fate.after['Spec']}, not {expected}")

    def _judge_entry(self, fate: Fate) -> None:
        """What the result says of a service is what the engine knows, or is said not to be known."""
        entry, said = fate.entry, f"{fate.name} is told as {fate.entry}"
        known = "not known" not in self.result.message and not self._may_land_late
        self.expect(entry["name"] == fate.name, said)
        self.expect(entry["changed"] == bool(fate.updates) or not known, f"{said}, {fate.updates} updates")
        self.expect(entry["outcome"] != "rolled_back" or fate.rollbacks == 1, f"{said}, {fate.rollbacks} rollbacks")
        self.expect(entry["outcome"] != "not_started" or not fate.updates or self._may_land_late, said)
        after = entry["image"]["after"]
        is_theirs = self._is_rivalled(fate) and self.rival.what == "image"
        is_told = after in (None, fate.image) or is_theirs or self._may_land_late
        self.expect(is_told, f"{said}, the engine has {fate.image}")

    def _judge_output(self) -> None:
        for text in FORBIDDEN:
            self.expect(text not in self.result.text, f"{text!r} is shown")
        longest = LONGEST_RUN * len(self.fates)
        self.expect(self.result.seconds < longest, f"it took {self.result.seconds:.1f} s")
        self.expect(len(self.result.message) < LONGEST_MESSAGE, "a flood of a message")

    def _judge_success(self) -> None:
        """The images are the wanted ones, and `changed` says whether it was this run that set them."""
        for fate in self.fates:
            superseded = self._is_rivalled(fate) and self.rival.what == "image" and fate.updates == 1
            self.expect(fate.image == OURS or superseded, f"success with {fate.image}")
        said = f"changed={self.result.changed}, {self.updates} updates"
        self.expect(self.result.changed == bool(self.updates), said)

    def _judge_error(self) -> None:
        """It says what happened, and nothing about the services that is not so."""
        message = self.result.message
        if self.updates:
            if len(self.fates) == 1:
                for words in NOTHING:
                    late = words == NOTHING[2] and self._may_land_late
                    self.expect(words not in message or late, f"an update was made, but: {message}")
            self.expect(NOTHING[0] not in message, f"an update was made, but: {message}")
            self.expect(self.result.changed or self._may_land_late, f"an update was made, but changed=false: {message}")
        elif self.result.changed:
            self.expect("not known" in message, f"no update was made, but changed=true: {message}")
        says = [LATE, *(words for kind in self._kinds for words in KINDS[kind].says)]
        says += [*CONFLICTS] if self.rival.done else []
        says += [*AFTERTHOUGHTS] if self.updates or any(fate.image == OURS for fate in self.fates) else []
        self.expect(any(words in message for words in says), f"not what happened: {message}")

    def _judge_progress(self, progress: str) -> None:
        """The progress is told line by line to its end, and its last word on each service is the result's."""
        lines = [json.loads(line) for line in progress.splitlines()]
        self.expect(lines[-1:] == [{"end": True}], f"a job's last line is {lines[-1:]}")
        told = {service["name"]: service for line in lines for service in line.get("services", [])}
        for fate in self.fates:
            if fate.entry is None or fate.name not in told:
                continue
            outcome = fate.entry["outcome"]
            last = {"converged", "unchanged"} if outcome in ("converged", "unchanged") else {outcome}
            self.expect(told[fate.name]["outcome"] in last, f"progress ends with {told[fate.name]}, not {fate.entry}")

    @property
    def _kinds(self) -> list[str]:
        return [kind for _place, kind in self.faults]

    @property
    def _may_land_late(self) -> bool:
        """Whether an update was held up on its way, so that it may come to the engine after the run's last look."""
        return ("update", "delay beyond the time-out") in self.faults

    def __str__(self) -> str:
        rival = f"{self.rival.what} of {self.rival.name} before {self.rival.when}" if self.rival.done else "none"
        lines = "".join(f"\n    {complaint}" for complaint in self.complaints)
        return (
            f"run {self.number} of seed {self.seed}, {self.kind}: {self.outcome}, changed={self.result.changed}, "
            f"{self.updates} updates, rival {rival}, faults {self.faults}: {self.result.message}{lines}"
        )

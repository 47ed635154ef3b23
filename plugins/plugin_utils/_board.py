# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format the progress of a rollout as lines to print (pure). Private to this collection."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Set, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    NOT_STARTED,
    OUTCOMES,
    ROLLED_BACK,
    UPDATED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ENDED, QUEUED

MOST_SINGLE_SERVICES = 5  # more than these share one line
MOST_FAILURES = 10  # lines on failing tasks at a time
SUMMARY_INTERVAL = 5.0  # seconds between two lines on many services
SILENCE = 60.0  # seconds after which a line is printed again, as a sign of life
SWARMS_DECISION = "the swarm has seen a task fail"  # where that task is not known
BACK = "back"
ORDER = (CONVERGED, UPDATED, "rolling", "going back", BACK, "failed and back", "failed", "not started", "queued")
WORDS = {str(outcome): outcome.words for outcome in OUTCOMES}

Service = Dict[str, Any]


class Progress:
    """The progress of a rollout, read from the lines of the job's file."""

    def __init__(self) -> None:
        self._services: Dict[str, Service] = {}
        self.trouble = ""
        self.warnings: List[str] = []  # the latest ones
        self.left = 0.0  # seconds until the job's last wait ends, at most
        self.at = 0.0  # seconds since the task began
        self.lag = 0.0  # seconds from the start of the task to that of the job

    def take(self, told: Dict[str, Any]) -> bool:
        """Read one line of the file. Returns whether it was about services."""
        if "services" not in told:
            return False
        self._services.update((service["name"], service) for service in told["services"])
        self.trouble, self.left, self.at = told["trouble"], told["left"], told["at"] + self.lag
        self.warnings = told["warnings"]
        return True

    @property
    def services(self) -> List[Service]:
        """All services, in the task's order."""
        return list(self._services.values())

    @property
    def begun(self) -> List[str]:
        """The names of the services that have been started."""
        return [service["name"] for service in self.services if service["stage"] != QUEUED]

    @property
    def is_all_begun(self) -> bool:
        """Whether every service has been started."""
        return len(self.begun) == len(self._services)

    @property
    def is_over(self) -> bool:
        """Whether every service has ended."""
        return all(service["stage"] == ENDED for service in self.services)


class Board:
    """Formats what is new in a rollout's progress. Each line starts with `host`, if one is given."""

    def __init__(self, host: str = "") -> None:
        self._prefix = f"[{host}] " if host else ""
        self._shown: Dict[str, str] = {}
        self._told: Set[str] = set()
        self._summed_up_at = -SUMMARY_INTERVAL
        self._said_at = 0.0

    def lines(self, progress: Progress) -> List[str]:
        """The new lines to print: what changes, what fails, what goes back, and how it stands now.

        How it stands is a line per service or, for many services, one for all of them.
        """
        events = [*self._changes(progress), *self._failures(progress), *self._ways_back(progress)]
        said = [_stamped(text, progress.at) for text in events]
        said += self._summary(progress) if _is_many(progress) else self._states(progress)
        if progress.trouble and self._is_new("trouble", progress.trouble):
            said.append(_stamped(progress.trouble.rstrip("."), progress.at))
        return self._prefixed(said, progress.at)

    def sign_of_life(self, progress: Progress, at: float) -> List[str]:
        """How the rollout stands, `at` seconds after its start, if nothing was printed for a while."""
        if not progress.services or at < self._said_at + SILENCE:
            return []
        under_way = [service for service in progress.services if service["stage"] not in (QUEUED, ENDED)]
        texts = [_sum(progress.services)] if _is_many(progress) else map(_state, under_way)
        return self._prefixed([_stamped(text, at) for text in texts], at)

    def details(self, progress: Progress) -> List[str]:
        """The tasks that have changed since the last call. The first call returns none."""
        is_first, said = not self._shown, []
        for service in progress.services:
            for identifier, text in service["tasks"].items():
                if self._is_new(identifier, text):
                    said.append(self._prefix + _stamped(f"{service['name']}: {text}", progress.at))
        return [] if is_first else said

    def warnings(self, progress: Progress) -> List[str]:
        """The latest warnings. Ansible itself prints them with the result, after the wait."""
        return [f"{self._prefix}[WARNING]: {text}" for text in progress.warnings]

    def _prefixed(self, lines: List[str], at: float) -> List[str]:
        if lines:
            self._said_at = at
        return [self._prefix + line for line in lines]

    def _is_new(self, key: str, line: str) -> bool:
        """Whether a line differs from the last one under this key."""
        is_new = self._shown.get(key) != line
        self._shown[key] = line
        return is_new

    def _is_first(self, *key: str) -> bool:
        """Whether something has not been told yet."""
        is_first = "\n".join(key) not in self._told
        self._told.add("\n".join(key))
        return is_first

    def _changes(self, progress: Progress) -> List[str]:
        """What is to change, once per service."""
        new = [each for each in progress.services if each["change"] and self._is_first("change", each["name"])]
        return _together([(service["name"], service["change"]) for service in new], _is_many(progress))

    def _failures(self, progress: Progress) -> List[str]:
        """The failures of tasks that were not shown yet."""
        new = []
        for service in progress.services:
            for key, text in service["failing"].items():
                if self._is_first("failing", service["name"], key):
                    new.append(f"{service['name']}: {text}")
        return new[:MOST_FAILURES] if _is_many(progress) else new

    def _ways_back(self, progress: Progress) -> List[str]:
        """The services that have begun to go back, and why."""
        new = [each for each in progress.services if each["back"] is not None and self._is_first("back", each["name"])]
        causes = [each["back"] or SWARMS_DECISION for each in new]
        pairs = [(each["name"], f"going back: {cause}") for each, cause in zip(new, causes)]
        return _together(pairs, _is_many(progress))[: MOST_FAILURES if _is_many(progress) else None]

    def _states(self, progress: Progress) -> List[str]:
        """How each service stands, if that is new; its end once, or twice if it goes back afterwards."""
        said = []
        for service in progress.services:
            is_told = service["stage"] != ENDED and not service["line"] and (service["change"] or service["back"])
            if self._has_ended(service) or is_told or (service["stage"] == QUEUED and service["change"]):
                continue
            text = _state(service)
            if self._is_new(service["name"], f"{text}, {service['outcome']}"):
                said.append(_ended(service, text, progress.at) if service["outcome"] else _stamped(text, progress.at))
        return said

    def _summary(self, progress: Progress) -> List[str]:
        """The summary line, at intervals; the final one always."""
        line = _sum(progress.services)
        is_due = progress.is_over or progress.at >= self._summed_up_at + SUMMARY_INTERVAL
        if not is_due or not self._is_new("", line):
            return []
        self._summed_up_at = progress.at
        if not progress.is_over:
            return [_stamped(line, progress.at)]
        return [f"{line}{', after' if ', ' in line else ' in'} {progress.at:.0f} s"]

    def _has_ended(self, service: Service) -> bool:
        """Whether a service's end was already shown; a service that is rolled back ends twice."""
        key = f"end of {service['name']}"
        has_ended = key in self._told and service["stage"] == ENDED
        if service["stage"] == ENDED:
            self._told.add(key)
        else:
            self._told.discard(key)
        return has_ended


def _is_many(progress: Progress) -> bool:
    """Whether the services share one line."""
    return len(progress.services) > MOST_SINGLE_SERVICES


def _stamped(text: str, at: float) -> str:
    return f"{text}, {at:.0f} s"


def _together(pairs: List[Tuple[str, str]], is_many: bool) -> List[str]:
    """What is said of each service; of many services, those of which the same is said share a line."""
    if not is_many:
        return [f"{name}: {text}" for name, text in pairs]
    names: Dict[str, List[str]] = {}
    for name, text in pairs:
        names.setdefault(text, []).append(name)
    return [
        f"{group[0]}: {text}" if len(group) == 1 else f"{len(group)} services: {text}" for text, group in names.items()
    ]


def _state(service: Service) -> str:
    """How a service stands: `t001: 3/5 running whoami:0.6 (1 starting)`."""
    line = service["line"] or ("" if service["stage"] == ENDED else service["stage"])
    return f"{service['name']}: {line}"


def _ended(service: Service, text: str, at: float) -> str:
    """A service's last line, with the time that it took: `t001: 5/5 running whoami:0.6, converged in 27 s`."""
    outcome = WORDS[service["outcome"]]
    if service["failed"] and service["outcome"] != ROLLED_BACK and not service["line"]:
        outcome = "failed"
    preposition = "after" if service["failed"] or service["outcome"] == NOT_STARTED else "in"
    return f"{text}{', ' if service['line'] else ''}{outcome} {preposition} {at:.0f} s"


def _sum(services: List[Service]) -> str:
    """`12 of 40 converged, 4 rolling, 2 going back, 1 back, 1 failed, 20 queued`."""
    counts = Counter(map(_count_as, services))
    done = BACK if counts[BACK] == len(services) else CONVERGED
    rest = [f"{counts[word]} {word}" for word in ORDER if counts[word] and word != done]
    return ", ".join([f"{counts[done]} of {len(services)} {done}", *rest])


def _count_as(service: Service) -> str:
    """The word under which a service is counted."""
    stage, outcome = service["stage"], service["outcome"]
    if stage == QUEUED:
        return "queued"
    if stage != ENDED:
        return "rolling" if service["back"] is None else "going back"
    if outcome == ROLLED_BACK:
        return "failed and back" if service["failed"] else BACK
    return outcome if outcome == CONVERGED else WORDS[outcome] if outcome in (NOT_STARTED, UPDATED) else "failed"

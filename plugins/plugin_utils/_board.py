# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format the progress of a rollout as lines to print (pure). Private to this collection."""

from __future__ import annotations

from typing import Any, Dict, List, Set

from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import ENDED, QUEUED

MOST_SINGLE_SERVICES = 5  # more than these share one line
MOST_FAILURES = 10  # lines on failing tasks at a time
SUMMARY_INTERVAL = 5.0  # seconds between two lines on many services

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

    def lines(self, progress: Progress) -> List[str]:
        """The new lines to print: one per service at most or, for many services, a summary and the failures."""
        new = [self._failures(service) for service in progress.services]
        time = f", {progress.at:.0f} s"
        if len(progress.services) > MOST_SINGLE_SERVICES:
            said = self._summary(progress)
            texts = [f"{service['name']}: {text}" for service, own in zip(progress.services, new) for text in own]
            said += [text + time for text in texts[:MOST_FAILURES]]
        else:
            said = []
            for service, own in zip(progress.services, new):
                line = "; ".join([_line(service), *own])
                if not self._has_ended(service) and self._is_new(service["name"], line):
                    said.append(_ended(service, line, progress.at) if service["outcome"] else line + time)
        if progress.trouble and self._is_new("trouble", progress.trouble):
            said.append(progress.trouble.rstrip(".") + time)
        return [self._prefix + line for line in said]

    def details(self, progress: Progress) -> List[str]:
        """The tasks that have changed since the last call. The first call returns none."""
        is_first, said = not self._shown, []
        for service in progress.services:
            for identifier, text in service["tasks"].items():
                if self._is_new(identifier, text):
                    said.append(f"{self._prefix}{service['name']}: {text}, {progress.at:.0f} s")
        return [] if is_first else said

    def warnings(self, progress: Progress) -> List[str]:
        """The latest warnings. Ansible itself prints them with the result, after the wait."""
        return [f"{self._prefix}[WARNING]: {text}" for text in progress.warnings]

    def _is_new(self, key: str, line: str) -> bool:
        """Whether a line differs from the last one under this key."""
        is_new = self._shown.get(key) != line
        self._shown[key] = line
        return is_new

    def _summary(self, progress: Progress) -> List[str]:
        """The summary line, at intervals; the final one always."""
        line = _summary(progress.services)
        is_due = progress.is_over or progress.at >= self._summed_up_at + SUMMARY_INTERVAL
        if not is_due or not self._is_new("", line):
            return []
        self._summed_up_at = progress.at
        if not progress.is_over:
            return [f"{line}, {progress.at:.0f} s"]
        return [f"{line}, after {progress.at:.0f} s" if "," in line else f"{line} in {progress.at:.0f} s"]

    def _has_ended(self, service: Service) -> bool:
        """Whether a service's end was already shown; a service that is rolled back ends twice."""
        key = f"end of {service['name']}"
        has_ended = key in self._told and service["stage"] == ENDED
        if service["stage"] == ENDED:
            self._told.add(key)
        else:
            self._told.discard(key)
        return has_ended

    def _failures(self, service: Service) -> List[str]:
        """The failures of a service's tasks that were not shown yet."""
        new = {f"{service['name']} {key}": text for key, text in service["failing"].items()}
        texts = [text for key, text in new.items() if key not in self._told]
        self._told.update(new)
        return texts


def _line(service: Service) -> str:
    line = str(service["line"])
    outcome = service["outcome"] or ""
    return line if not outcome or line.endswith(outcome) else f"{line}, {outcome}"


def _ended(service: Service, line: str, at: float) -> str:
    return f"{line} in {at:.0f} s" if service["outcome"] == CONVERGED else f"{line}, {at:.0f} s"


def _summary(services: List[Service]) -> str:
    """`12 of 40 converged, 4 rolling out, 1 failed`."""
    converged = sum(service["outcome"] == CONVERGED for service in services)
    failed = sum(service["stage"] == ENDED for service in services) - converged
    rolling = sum(service["stage"] not in (QUEUED, ENDED) for service in services)
    counts = ((rolling, "rolling out"), (failed, "failed"))
    rest = [f"{number} {word}" for number, word in counts if number]
    return ", ".join([f"{converged} of {len(services)} converged", *rest])

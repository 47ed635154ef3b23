# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed of a rollout while it goes on (pure). Private to this collection."""

from __future__ import annotations

from typing import Any, Dict, List, Set

from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import CONVERGED, ENDED, QUEUED

MOST_SINGLE_SERVICES = 5  # more of them are told of in one line
MOST_FAILURES = 10  # lines on failing tasks at a time
BAR_WIDTH = 20  # characters


class Board:
    """Says of each progress what is new in it. `host` is named at the begin of each line, where one is given."""

    def __init__(self, host: str = "") -> None:
        self._prefix = f"[{host}] " if host else ""
        self._shown: Dict[str, str] = {}
        self._told: Set[str] = set()

    def lines(self, progress: Dict[str, Any]) -> List[str]:
        """The lines to print, one for each service at most, or one for all where they are many."""
        services = progress["services"]
        new = [self._failures(service) for service in services]
        if len(services) > MOST_SINGLE_SERVICES:
            said = self._once("", _summary(services))
            said += [f"{service['name']}: {text}" for service, texts in zip(services, new) for text in texts]
            said = said[: MOST_FAILURES + 1]
        else:
            said = []
            for service, texts in zip(services, new):
                line = "; ".join([_line(service), *texts])
                said += self._once(service["name"], line) if not self._has_ended(service) else []
        said += self._once("trouble", progress["trouble"]) if progress["trouble"] else []
        return [self._prefix + line for line in said]

    def details(self, progress: Dict[str, Any]) -> List[str]:
        """The tasks that are not as they were before; the first time there is no before."""
        is_first, said = not self._shown, []
        for service in progress["services"]:
            for identifier, text in service["tasks"].items():
                said += self._once(identifier, f"{service['name']}: {text}")
        return [] if is_first else [self._prefix + line for line in said]

    def _once(self, key: str, line: str) -> List[str]:
        """The line, unless it is what was said last under this key."""
        if self._shown.get(key) == line:
            return []
        self._shown[key] = line
        return [line]

    def _has_ended(self, service: Dict[str, Any]) -> bool:
        """Whether a service's end has been told of; one that goes back ends a second time."""
        key = f"end of {service['name']}"
        has_ended = key in self._told and service["stage"] == ENDED
        if service["stage"] == ENDED:
            self._told.add(key)
        else:
            self._told.discard(key)
        return has_ended

    def _failures(self, service: Dict[str, Any]) -> List[str]:
        """What is wrong with tasks of a service, as far as it has not been told."""
        new = {f"{service['name']} {key}": text for key, text in service["failing"].items()}
        texts = [text for key, text in new.items() if key not in self._told]
        self._told.update(new)
        return texts


def _line(service: Dict[str, Any]) -> str:
    line = str(service["line"])
    outcome = service["outcome"] or ""
    return line if not outcome or line.endswith(outcome) else f"{line}, {outcome}"


def _summary(services: List[Dict[str, Any]]) -> str:
    """`12/60 converged, 2 rolling, 46 waiting`, and what went wrong, behind a bar."""
    converged = sum(service["outcome"] == CONVERGED for service in services)
    waiting = sum(service["stage"] == QUEUED for service in services)
    failed = sum(service["stage"] == ENDED for service in services) - converged
    rolling = len(services) - converged - waiting - failed
    filled = BAR_WIDTH * converged // len(services)
    rest = [f"{number} {word}" for number, word in ((rolling, "rolling"), (waiting, "waiting"), (failed, "failed"))]
    shown = [text for text in rest if not text.startswith("0 ")]
    return f"[{'#' * filled}{'-' * (BAR_WIDTH - filled)}] " + ", ".join(
        [f"{converged}/{len(services)} converged", *shown]
    )

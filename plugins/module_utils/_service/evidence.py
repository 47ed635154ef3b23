# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the message of a failure ends with: the logs of failing tasks, or the commands that show them (pure).

Private to this collection.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import place_of

LINES = 20  # that the command shows
INDENT = "  "
MOST_LOGS = 3  # tasks of a service whose logs are read
NO_CONTAINER = "It wrote nothing: it never had a container."
TOO_MANY = f"Not read: {MOST_LOGS} tasks of a service are read."
UNTOLD = (NO_CONTAINER, TOO_MANY)  # notes that a message leaves out


class Failure(NamedTuple):
    """A service that did not converge, with its failing tasks as documented under RETURN."""

    name: str
    tasks: List[Dict[str, Any]]


def evidence(failures: List[Failure]) -> List[str]:
    """The last lines of a message about these services: commands for those without logs, and the logs."""
    logs = [_logs(failure) for failure in failures]
    commands = [_command(failure) for failure, lines in zip(failures, logs) if not lines]
    told = [f"To see more: {'; '.join(commands)}"] if commands else []
    return told + [line for lines in logs for line in lines]


def _command(failure: Failure) -> str:
    """The command that shows what a service's tasks wrote, or how they stand if the first failing one never ran.

    It names the service, not the task: a task that fails again and again is soon forgotten, with its log.
    """
    has_run = bool(failure.tasks) and failure.tasks[0]["exit_code"] is not None
    return f"docker service {f'logs --tail {LINES}' if has_run else 'ps --no-trunc'} {failure.name}"


def _logs(failure: Failure) -> List[str]:
    """The logs of a service's tasks, each under a line that says whose it is; equal ones once."""
    places: Dict[Tuple[Tuple[str, ...], str], List[str]] = {}
    for task in failure.tasks:
        if "log" in task and task["log_note"] not in UNTOLD:
            places.setdefault((tuple(task["log"]), task["log_note"] or ""), []).append(place_of(task))
    said = []
    for (lines, note), where in places.items():
        head = f"{failure.name}, {', '.join(where)}"
        if lines:
            said += [f"Log of {head}:", *(INDENT + line for line in lines), *([f"({note})"] if note else [])]
        else:
            said.append(f"No log of {head}. {note}")
    return said

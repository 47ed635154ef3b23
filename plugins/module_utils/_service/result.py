# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the result of a task. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import Outcome

Result = Dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One service in the result, as documented under RETURN; `changes` is what the diff shows."""

    service: types.Service
    image_before: str
    image_after: Optional[str]
    version_after: Optional[int]
    changed: bool
    outcome: Outcome
    changes: Mapping[str, Tuple[Any, Any]] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)
    running: Optional[int] = None
    desired: Optional[int] = None
    tasks: List[Dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The service's name."""
        return name_of(self.service)

    def as_result(self) -> Result:
        """The entry as the task returns it."""
        return {
            "id": self.service["ID"],
            "name": self.name,
            "changed": self.changed,
            "outcome": str(self.outcome),
            "image": {
                "before": errors.quote(self.image_before),
                "after": self.image_after and errors.quote(self.image_after),
            },
            "version": {"before": self.service["Version"]["Index"], "after": self.version_after},
            "progress": {"running": self.running, "desired": self.desired},
            "tasks": self.tasks,
            "warnings": self.warnings,
        }

    def as_diff(self) -> Result:
        """The changed fields before and after, and no others: a spec holds secrets."""
        return {
            "before_header": self.name,
            "after_header": self.name,
            "before": {name: _shown(before) for name, (before, _after) in self.changes.items()},
            "after": {name: _shown(after) for name, (_before, after) in self.changes.items()},
        }


class RolloutFailed(errors.RolloutError):
    """A service does not run what it should; `result` says what was done to each one."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def as_result(entries: List[Entry], single: bool) -> Result:
    """The whole result of a task; `single` adds the one entry as `service`."""
    services = [entry.as_result() for entry in entries]
    result = {
        "changed": any(entry.changed for entry in entries),
        "services": services,
        "diff": [entry.as_diff() for entry in entries if entry.changes],
    }
    if single and services:
        result["service"] = services[0]
    return result


def _shown(value: Any) -> Any:
    """A value of a field, fit for a diff."""
    return errors.quote(value) if isinstance(value, str) else value

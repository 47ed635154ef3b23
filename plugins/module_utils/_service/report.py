# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task returns of its services. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    NOT_STARTED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    TIMED_OUT,
    UNCHANGED,
    UPDATED,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Plan, name_of, stored_image

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Wait

ADVICE = {
    PAUSED: "Mend the cause and run swarm_service_image with force=true, or go back with swarm_service_rollback.",
    TIMED_OUT: "The swarm goes on by itself; run the task again to wait on.",
    UPDATED: "The swarm goes on by itself; swarm_service_wait waits on, once that is allowed.",
    SUPERSEDED: "Run the task again if its image shall win.",
}

Result = Dict[str, Any]


@dataclass(eq=False, repr=False)
class Entry:
    """One service in the result, as documented under RETURN; `changes` is what the diff shows."""

    service: types.Service
    image_before: str
    image_after: Optional[str]
    version_after: Optional[int]
    changed: bool = False
    outcome: str = UNCHANGED
    changes: Mapping[str, Tuple[Any, Any]] = field(default_factory=dict)
    warnings: List[str] = field(default_factory=list)
    running: Optional[int] = None
    desired: Optional[int] = None
    tasks: List[Dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of_plan(cls, service: types.Service, plan: Plan) -> Entry:
        """What would come of a plan."""
        return cls(
            service,
            plan.before,
            plan.after,
            version_after=None if plan.needed else service["Version"]["Index"],
            changed=plan.needed,
            outcome=UPDATED if plan.needed else UNCHANGED,
            changes=plan.changes,
        )

    def take(self, plan: Plan, changed: bool) -> None:
        """Take in the plan that was carried out, which another writer may have made differ from the first."""
        self.image_after = plan.after
        self.changed = changed
        self.outcome = UPDATED if changed else UNCHANGED
        self.changes = plan.changes if changed else {}

    def see(self, service: types.Service) -> None:
        """Take in the service as the engine holds it now."""
        self.image_after = stored_image(service["Spec"])
        self.version_after = service["Version"]["Index"]

    def give_up(self, outcome: str) -> None:
        """Say that nothing was written."""
        self.changed, self.changes, self.outcome = False, {}, outcome
        self.image_after, self.version_after = self.image_before, self.service["Version"]["Index"]

    def fail(self, error: errors.RolloutError) -> str:
        """Take in why nothing was written, or that nobody knows whether something was; gives what to say of it."""
        is_theirs = isinstance(error, (errors.UpdateConflict, errors.ServiceNotFound))
        if error.may_have_written:
            self.changed, self.outcome = True, SUPERSEDED if is_theirs else TIMED_OUT
            self.image_after = self.version_after = None
        else:
            self.give_up(SUPERSEDED if is_theirs else NOT_STARTED)
        if isinstance(error, errors.UpdateConflict):
            self.see(error.held)
        if isinstance(error, errors.ApiError):
            return f"The engine refused to change the service {self.name}, and it was left as it is. {error}"
        return str(error)

    def conclude(self, wait: Wait) -> None:
        """Take in how waiting for the service has ended."""
        if wait.sight is not None:
            self.see(wait.service)
        self.tasks = wait.tasks
        if wait.judgement is not None:
            self.running, self.desired = wait.judgement.running, wait.judgement.desired
        if self.changed or wait.outcome != CONVERGED:
            self.outcome = UNCHANGED if wait.outcome == UPDATED and not self.changed else str(wait.outcome)

    @classmethod
    def of_service(cls, service: types.Service) -> Entry:
        """A service that is left as it is."""
        image = stored_image(service["Spec"])
        return cls(service, image, image, version_after=service["Version"]["Index"])

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
            "outcome": self.outcome,
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
        """Before and after of the fields that change, and of no other: a spec holds secrets."""
        return {
            "before_header": self.name,
            "after_header": self.name,
            "before": {name: _shown(before) for name, (before, _after) in self.changes.items()},
            "after": {name: _shown(after) for name, (_before, after) in self.changes.items()},
        }


class RolloutFailed(errors.RolloutError):
    """Some service did not come to run what it should; `result` says of each what was done."""

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


def explain(entry: Entry, reason: str, wait_timeout: float, advise: bool = True) -> str:
    """What went wrong with a service's rollout, what its spec holds now, and what to do next."""
    wanted = errors.quote(entry.changes["image"][1] if "image" in entry.changes else entry.image_before)
    if entry.outcome == SUPERSEDED:
        said = f"{entry.name} does not roll out {wanted} any more, since somebody else changed it"
    elif entry.outcome == ROLLED_BACK:
        present = errors.quote(entry.image_after or "")
        said = f"The rollout of {wanted} on {entry.name} failed, and the swarm put it back to {present}"
    elif entry.outcome == PAUSED:
        said = f"The rollout of {wanted} on {entry.name} has stopped, and the swarm does not go on by itself"
    elif entry.outcome == UPDATED:
        said = f"{entry.name} was updated to {wanted}, but whether it converges cannot be seen"
    elif entry.outcome == UNCHANGED:
        said = f"{entry.name} was not changed, and whether it has converged cannot be seen"
    else:
        said = f"{entry.name} has not converged on {wanted} within {wait_timeout:g} seconds"
    first = "".join(f" First failing task: {describe_task(task)}." for task in entry.tasks[:1])
    advice = f" {ADVICE[entry.outcome]}" if advise and entry.outcome in ADVICE else ""
    return f"{said} ({reason.rstrip('.')}).{first}{advice}"


def describe_task(task: Dict[str, Any]) -> str:
    """What is wrong with a failing task, on one line."""
    place = f"slot {task['slot']}" if task["slot"] else "task"
    code = f", exit code {task['exit_code']}" if task["exit_code"] is not None else ""
    return f"{place} on node {task['node']}, {task['state']}{code}: {task['error'] or 'no reason given'}".rstrip(".")

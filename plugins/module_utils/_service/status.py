# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a rollout stands, judged from one snapshot (pure). Private to this collection.

States and their meaning: swarmkit, manager/orchestrator (replicated, global, jobs) and its update package. `completed`
alone proves nothing: with the failure action `continue` the swarm completes an update whose tasks crash. So tasks on
the wanted spec must be running, and stay so for the update monitor's period.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Dict, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief, told_apart
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    ROLLED_BACK,
    SUPERSEDED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import state_of_node
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import spec_secrets, stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import (
    Snapshot,
    Tally,
    monitor_now,
    tally,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tasks import (
    FAILED_STATES,
    image_of,
    is_job,
    is_live,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

NOT_REPLACED = "its restart policy no longer replaces tasks that have ended"
NOT_PLACED = "no node meets its placement constraints"
MOVING = ("updating", "rollback_started")
ENDED_STATES = (*FAILED_STATES, "complete", "shutdown", "remove")
STATES_THAT_SAY_IT = ("updating", "completed", "rollback_completed")  # the engine's message says no more than these
MOST_NODES = 3  # nodes named in a line


class Expectation(NamedTuple):
    """What a service must hold for its rollout to be the one that is waited for.

    Without an `image` any spec will do, except one that the swarm rolled back to. `image` is the text that was stored;
    `target` also accepts another writer's spelling of the same. `force_update` is the counter that a forced
    redeployment wrote; with a `target` a later one will do, since somebody else has then redeployed it.
    """

    image: Optional[str] = None
    target: Optional[Target] = None
    force_update: Optional[int] = None

    @classmethod
    def of_spec(cls, spec: types.ServiceSpec) -> Expectation:
        """The expectation of a service that is back at this spec."""
        return cls(image=stored_image(spec), force_update=spec["TaskTemplate"].get("ForceUpdate", 0))

    def is_met_by(self, spec: types.ServiceSpec) -> bool:
        """Whether a spec is the expected one."""
        if self.image is None:
            return True
        stored = stored_image(spec)
        is_wanted = stored == self.image or (self.target is not None and self.target.is_met_by(stored))
        count = spec["TaskTemplate"].get("ForceUpdate", 0)
        is_redeployed = self.target is not None and self.force_update is not None and count > self.force_update
        return is_wanted and (self.force_update in (None, count) or is_redeployed)


class Status(NamedTuple):
    """How a rollout stands: a line for people, and the outcome once there is one.

    `says` adds to the line what keeps the rollout, or what ended it; it may be empty. `running` and `desired` count
    tasks (of jobs: completed ones). `settles_in` is the number of seconds after which the judgement would change if
    nothing happened; None if time alone changes nothing. `watched_for` is the monitor's period in seconds while nothing
    else is waited for.
    """

    line: str
    outcome: Optional[Outcome]
    running: int
    desired: int
    settles_in: Optional[float] = None
    says: str = ""
    watched_for: float = 0.0

    @property
    def message(self) -> str:
        """The line with all that is to be said."""
        return f"{self.line}: {self.says}" if self.says else self.line

    @property
    def reason(self) -> str:
        """What keeps the rollout, or what ended it, besides the tasks that fail; empty if that is all."""
        return self.says or (f"its tasks have to run for {self.watched_for:g} s" if self.watched_for else "")

    @property
    def done(self) -> bool:
        """Whether the wanted state is reached."""
        return self.outcome == CONVERGED

    @property
    def failed(self) -> bool:
        """Whether the wanted state can no longer be reached."""
        return self.outcome is not None and self.outcome != CONVERGED


def judge(snapshot: Snapshot, expected: Expectation) -> Status:
    """Judge one snapshot."""
    count = tally(snapshot)
    outcome, settles_in, says = _outcome(snapshot, count, expected)
    watched_for = 0.0 if outcome or says or not 0 < count.desired <= count.reached else monitor_now(snapshot.service)
    line = _line(count, snapshot, watched_for)
    return Status(line, outcome, count.reached, count.desired, settles_in, says, watched_for)


class _Verdict(NamedTuple):
    outcome: Optional[Outcome]
    settles_in: Optional[float]
    says: str


def _outcome(snapshot: Snapshot, count: Tally, expected: Expectation) -> _Verdict:
    status = snapshot.service.get("UpdateStatus") or {}
    state = status.get("State", "")
    says = _engines_words(snapshot.service, expected)
    is_stuck = state == "rollback_started" and (is_job(snapshot.service) or not count.is_placed)
    outcome = _outcome_of_status(snapshot.service, expected, is_stuck)
    if outcome is not None and not (is_stuck and outcome == ROLLED_BACK and count.settled_in > 0):
        return _Verdict(outcome, None, _deed_of_others(snapshot.service, expected) if outcome == SUPERSEDED else says)
    is_moving = state in MOVING and not is_stuck
    if is_moving or count.reached < count.desired:
        left = None if is_moving else count.given_up_in
        if left is not None and left <= 0:
            return _Verdict(PAUSED, None, NOT_REPLACED)
        return _Verdict(None, _finite(left), _waits_for(snapshot) or says)
    says = (says if is_stuck else "") or ("" if count.is_placed else NOT_PLACED)
    if count.settled_in > 0:
        return _Verdict(None, _finite(count.settled_in), _waits_for(snapshot) or says)
    return _Verdict(CONVERGED, None, says)


def _finite(seconds: Optional[float]) -> Optional[float]:
    return None if seconds in (None, math.inf) else seconds


def _outcome_of_status(service: types.Service, expected: Expectation, is_stuck: bool) -> Optional[Outcome]:
    """The outcome that the swarm, or another writer, has already decided on.

    `is_stuck` says that a rollback has begun in which the swarm has no task to replace, and which it therefore never
    reports as completed: jobs have no updater, and that of a global service without a node is not started.
    """
    state = (service.get("UpdateStatus") or {}).get("State", "")
    met = expected.is_met_by(service["Spec"])
    if is_stuck and is_job(service):
        return None if met else SUPERSEDED  # somebody has asked for it: the swarm itself rolls no job back
    if state.startswith("rollback") and not met and _was_asked_for(service):
        return SUPERSEDED
    if state == "rollback_started" and not is_stuck:
        return None
    if state == "rollback_completed" or is_stuck:
        is_meant = met if expected.image is not None else _was_asked_for(service)
        return None if is_meant else ROLLED_BACK
    if not met and not state.startswith("rollback"):
        return SUPERSEDED
    return PAUSED if state in ("paused", "rollback_paused") else None


def _engines_words(service: types.Service, expected: Expectation) -> str:
    """The engine's message on a rollout, if it says more than its state, and more than that this task asked for it."""
    status = service.get("UpdateStatus") or {}
    state = status.get("State", "")
    is_ours = expected.image is not None and _was_asked_for(service) and expected.is_met_by(service["Spec"])
    if state in STATES_THAT_SAY_IT or (state == "rollback_started" and is_ours):
        return ""
    return errors.quote(status.get("Message", ""))


def _deed_of_others(service: types.Service, expected: Expectation) -> str:
    """What somebody else has done to a service."""
    stored = stored_image(service["Spec"])
    image, wanted = told_apart(stored, expected.image or stored)
    if (service.get("UpdateStatus") or {}).get("State", "").startswith("rollback"):
        return f"somebody else rolled it back to {image}"
    return "somebody else redeployed it" if image == wanted else f"somebody else set {image}"


def _was_asked_for(service: types.Service) -> bool:
    """Whether an operator rolled the service back; the swarm's own rollback deletes the previous spec."""
    return bool(service.get("PreviousSpec"))


def _line(count: Tally, snapshot: Snapshot, watched_for: float = 0.0) -> str:
    """How many tasks run which image, and how the others stand or how long these are watched."""
    image = brief(stored_image(snapshot.service["Spec"]))
    verb = "complete" if is_job(snapshot.service) else "running"
    states: Dict[str, int] = {}
    for task in snapshot.tasks:
        if task.get("DesiredState") in ("running", "ready", "accepted") and state_of(task) != "running":
            states[state_of(task)] = states.get(state_of(task), 0) + 1
    images: Dict[str, int] = {}
    for task in snapshot.former:
        images[image_of(task)] = images.get(image_of(task), 0) + 1
    for former, number in images.items():
        where = f"on {brief(former)}"
        states[where] = states.get(where, 0) + number
    rest = [f"{number} {state}" for state, number in sorted(states.items())]
    rest += [f"watching {watched_for:g} s"] if watched_for else []
    return f"{count.reached}/{count.desired} {verb} {image}" + (f" ({', '.join(rest)})" if rest else "")


def _waits_for(snapshot: Snapshot) -> str:
    """What keeps the swarm waiting: nodes that are gone, or why a task has no node; else empty."""
    pending = [task for task in snapshot.tasks if state_of(task) not in ENDED_STATES]
    live = [task for task in pending if is_live(task)]
    is_bound = "Global" in (snapshot.service["Spec"].get("Mode") or {})  # to its node, whatever happens to that
    used = {task.get("NodeID") for task in (pending if is_bound else live)}
    gone = [node for node in snapshot.nodes if node["ID"] in used and state_of_node(node) != "ready"]
    if gone:
        named = [f"{_hostname(node)} ({state_of_node(node)})" for node in gone[:MOST_NODES]]
        more = f" and {len(gone) - MOST_NODES} more" if len(gone) > MOST_NODES else ""
        return f"the swarm waits for node {', '.join(named)}{more}"
    reasons = sorted({_error(task) for task in live if state_of(task) == "pending"} - {""})
    return errors.quote(reasons[0], spec_secrets(snapshot.service["Spec"])) if reasons else ""


def _hostname(node: types.Node) -> str:
    return errors.quote(str((node.get("Description") or {}).get("Hostname") or node["ID"]))


def _error(task: types.Task) -> str:
    return str((task.get("Status") or {}).get("Err") or "")

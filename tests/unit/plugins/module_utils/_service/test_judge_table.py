# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is judged, in one table: each state of a service, as real engines showed it, under each circumstance.

The states were recorded from Engines 20.10.5, 26.1.5 and 28.5.2 by `python -m tools.record`, which says how each
comes about. The circumstances vary what was recorded in one respect each. Every outcome was set by hand.
"""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import stored_image
from ansible_collections.swarmops.rollout.plugins.module_utils._service.status import Expectation, judge
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot

ENGINES: Dict[str, Dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded_engines.json").read_text(encoding="utf-8")
)
HELD = 60.0  # seconds; no monitor in the records is as long
OUTCOMES = {
    "C": "converged",
    "P": "paused",
    "R": "rolled_back",
    "S": "superseded",
    ".": None,  # nothing is decided yet
}

Circumstance = Callable[[Snapshot], Snapshot]


def just_seen(seen: Snapshot) -> Snapshot:
    """As recorded, at the first look."""
    return seen


def held(seen: Snapshot) -> Snapshot:
    """It has been seen like that for a minute."""
    return seen._replace(held={task["ID"]: HELD for task in seen.tasks}, steady=HELD)


def ahead(seen: Snapshot) -> Snapshot:
    """The first look, through a manager whose clock is ten minutes ahead."""
    date = parsedate_to_datetime(seen.date) + timedelta(minutes=10)
    return seen._replace(date=format_datetime(date, usegmt=True))


def ancient(seen: Snapshot) -> Snapshot:
    """The first look, days later."""
    return seen._replace(date="Tue, 01 Dec 2026 00:00:00 GMT")


def leader_changed(seen: Snapshot) -> Snapshot:
    """The first look, just after a new leader has heard of the node."""
    moments = [task["UpdatedAt"] for task in seen.tasks] + [seen.service["UpdatedAt"]]
    for node in seen.nodes:
        node["UpdatedAt"] = max(moments)
    return seen


def node_state(state: str) -> Circumstance:
    """Return what makes its node be in a state; it was seen as it is for a minute."""

    def change(seen: Snapshot) -> Snapshot:
        for node in seen.nodes:
            node["Status"]["State"] = state
        return held(seen)

    return change


def second_node(seen: Snapshot) -> Snapshot:
    """A second node has joined, which has no task yet; the rest was seen as it is for a minute."""
    other = copy.deepcopy(seen.nodes[0])
    other["ID"] = "other"
    seen.nodes.append(other)
    return held(seen)


def moving(seen: Snapshot) -> Snapshot:
    """The swarm is at an update; what there is was seen for a minute."""
    seen.service["UpdateStatus"] = {"State": "updating", "Message": "update in progress"}
    return held(seen)


CIRCUMSTANCES: Tuple[Tuple[str, Circumstance], ...] = (
    ("just seen", just_seen),
    ("held for a minute", held),
    ("clock ahead", ahead),
    ("days later", ancient),
    ("leader changed", leader_changed),
    ("node unknown", node_state("unknown")),
    ("node disconnected", node_state("disconnected")),
    ("node down", node_state("down")),
    ("second node", second_node),
    ("updating", moving),
    ("any image", held),
    ("another image", held),
)
"""The columns, from the left; the last two differ in what is expected."""

# Of each state: how many tasks run and how many should, as it was recorded, and the outcome in each circumstance.
TABLE: Dict[str, Tuple[int, int, str]] = {
    "running": (2, 2, ". C . C . . . . C . C S"),
    "updating": (1, 2, ". . . . . . . . . . . S"),
    "completed": (2, 2, "C C C C . . . . C . C S"),
    "paused": (0, 2, "P P P P P P P P P . P S"),
    "rolled_back_by_the_swarm": (1, 1, "C C C C . . . . C . R R"),
    "rolled_back_on_request": (2, 2, "C C C C . . . . C . C S"),
    "completed_over_crashes": (0, 1, ". . . . . . . . . . . S"),
    "without_a_node": (0, 2, ". . . . . . . . . . . S"),
    "scaled_to_none": (0, 0, "C C C C C C C C C . C S"),
    "crashing": (0, 1, ". . . . . . . . . . . S"),
    "given_up": (0, 1, ". P . P . . . . P . P S"),
    "never_restarted": (0, 1, "P P P P P P P . P . P S"),
    "ended_for_good": (0, 1, ". P . P . . . P P . P S"),
    "one_shot": (2, 2, "C C C C C C C C C . C S"),
    "global_running": (1, 1, ". C . C . . . . . . C S"),
    "global_completed": (1, 1, "C C C C . . . . . . C S"),
    "global_without_a_node": (0, 0, ". C . C . . . C C . C S"),
    "global_without_a_node_rolled_back": (0, 0, ". C . C . . . C C . C S"),
    "global_without_a_platform": (0, 1, ". . . . . . . . . . . S"),
    "job_at_work": (0, 2, ". . . . . . . . . . . S"),
    "job_complete": (2, 2, "C C C C C C C C C . C S"),
    "job_rolled_back": (2, 2, "C C C C C C C C C . C S"),
    "job_out_of_attempts": (0, 2, ". P . P . . . . P . P S"),
    "global_job_complete": (1, 1, "C C C C C C C C . . C S"),
}


def test_every_recorded_state_is_in_the_table() -> None:
    assert len(ENGINES) == 3
    assert all(set(scenes) == set(TABLE) for scenes in ENGINES.values())
    assert len(TABLE) * len(CIRCUMSTANCES) >= 150


def rows() -> Iterator[Tuple[str, str, str, Any]]:
    """Each cell of the table, on each engine: the engine, the state, the circumstance, the outcome."""
    for engine in ENGINES:
        for state, (_running, _desired, cells) in TABLE.items():
            for (circumstance, _change), cell in zip(CIRCUMSTANCES, cells.split()):
                yield engine, state, circumstance, OUTCOMES[cell]


@pytest.mark.parametrize(("engine", "state", "circumstance", "outcome"), list(rows()))
def test_what_is_judged(engine: str, state: str, circumstance: str, outcome: Any) -> None:
    seen = Snapshot(**copy.deepcopy(ENGINES[engine][state]))
    image = {"any image": None, "another image": "another:1"}.get(circumstance, stored_image(seen.service["Spec"]))
    judged = judge(dict(CIRCUMSTANCES)[circumstance](seen), Expectation(image))
    assert judged.outcome == outcome, judged


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_counted(engine: str, state: str) -> None:
    seen = Snapshot(**copy.deepcopy(ENGINES[engine][state]))
    judged = judge(seen, Expectation())
    running, desired, cells = TABLE[state]
    assert len(cells.split()) == len(CIRCUMSTANCES)
    assert (judged.running, judged.desired) == (running, desired)

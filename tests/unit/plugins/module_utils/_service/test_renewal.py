# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When credentials may be renewed, what tells of another writer's renewal, and what the diff says."""

from __future__ import annotations

import copy
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt
from ansible_collections.swarmops.rollout.plugins.module_utils._service.renewal import CredentialChange
from tests.unit.plugins.module_utils.fakes import make_service

REGISTRY = "registry.example.com"
IMAGE = f"{REGISTRY}/app:1"
CHANGE = CredentialChange(REGISTRY)
OTHER_SPEC = make_service(f"{REGISTRY}/app:0")["Spec"]
SAME_SPEC = make_service(IMAGE)["Spec"]
T1, T2 = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"


def service(
    state: str = "", started: str = T1, index: int = 10, previous: Any = OTHER_SPEC, image: str = IMAGE, **spec: Any
) -> Any:
    """A service of the registry, with an update behind it."""
    made: Any = {**make_service(image), "Version": {"Index": index}, "PreviousSpec": copy.deepcopy(previous)}
    made["Spec"].update(spec)
    if state:
        made["UpdateStatus"] = {"State": state, "StartedAt": started}
    return made


def test_the_spec_is_sent_as_it_is() -> None:
    read = service()
    assert CHANGE.plan(read).spec is read["Spec"]


@pytest.mark.parametrize("state", ["", "completed", "rollback_completed"])
@pytest.mark.parametrize("mode", [{"Replicated": {"Replicas": 2}}, {"Global": {}}])
def test_nothing_hinders(state: str, mode: Any) -> None:
    assert CHANGE.obstacle(service(state, Mode=mode)) == ""


@pytest.mark.parametrize("state", ["updating", "paused", "rollback_started", "rollback_paused"])
def test_a_rollout_that_has_not_ended(state: str) -> None:
    told = CHANGE.obstacle(service(state))
    for words in ("t001", "has not ended", state, "Run the task again", "swarm_service_image"):
        assert words in told


@pytest.mark.parametrize("mode", ["ReplicatedJob", "GlobalJob"])
def test_a_job(mode: str) -> None:
    told = CHANGE.obstacle(service(Mode={mode: {}}))
    for words in ("t001", "is a job", "starts its tasks again"):
        assert words in told


@pytest.mark.parametrize("image", ["whoami:0.7", "other.example.com/app:1", "registry.example.com:5000/app:1", "Bad!"])
def test_an_image_of_another_registry(image: str) -> None:
    assert f"not in the registry {REGISTRY} any more" in CHANGE.obstacle(service(image=image))


@pytest.mark.parametrize(
    ("since", "now", "met"),
    [
        pytest.param(service(), service(), False, id="nothing happened"),
        pytest.param(service(), service(index=11, previous=SAME_SPEC), True, id="renewed"),
        pytest.param(service(previous=SAME_SPEC), service(index=11, previous=SAME_SPEC), True, id="renewed once more"),
        pytest.param(service("completed"), service(index=11, previous=SAME_SPEC), True, id="renewed, status cleared"),
        pytest.param(
            service("completed"),
            service("updating", T2, index=12, previous=SAME_SPEC),
            True,
            id="renewed, tasks that did not run are replaced",
        ),
        pytest.param(
            service("completed"),
            service("completed", T2, index=15, previous=SAME_SPEC),
            True,
            id="renewed, and they are replaced already",
        ),
        pytest.param(
            service("completed", previous=SAME_SPEC),
            service("completed", index=11, previous=SAME_SPEC),
            False,
            id="an old status moved",
        ),
        pytest.param(
            service(previous=SAME_SPEC),
            service("rollback_completed", T2, index=13, previous=SAME_SPEC),
            False,
            id="rolled back to older credentials",
        ),
        pytest.param(service(), service(index=12), False, id="there and back again"),
        pytest.param(service(), service(index=11, previous=None), False, id="rolled back by the swarm"),
        pytest.param(service(), service(index=11, previous=SAME_SPEC, Labels={}), False, id="a label"),
        pytest.param(
            service(),
            service(index=12, previous=OTHER_SPEC, image=f"{REGISTRY}/app:0"),
            False,
            id="another image, equal",
        ),
    ],
)
def test_whether_somebody_else_has_renewed_them(since: Any, now: Any, met: bool) -> None:
    assert CHANGE.is_met_by(now, since) is met


@pytest.mark.parametrize(("index", "may"), [(10, False), (11, True)])
def test_what_a_lost_answer_leaves(index: int, may: bool) -> None:
    read = service()
    now = service(index=index, previous=SAME_SPEC if may else OTHER_SPEC)
    attempt = Attempt(read, read["Spec"])
    assert CHANGE.has_landed(attempt, now) is False
    assert CHANGE.may_have_landed(attempt, now) is may


@pytest.mark.parametrize(
    ("state", "previous", "costs"),
    [
        ("", SAME_SPEC, {}),
        ("completed", SAME_SPEC, {"update_status": ("completed", None)}),
        ("", OTHER_SPEC, {"a_rollback_leads_to": (f"{REGISTRY}/app:0", IMAGE)}),
        ("", None, {"a_rollback_leads_to": (None, IMAGE)}),
    ],
)
def test_the_diff_shows_what_it_costs_and_no_credentials(state: str, previous: Optional[Any], costs: Any) -> None:
    wanted = {"registry_credentials": ("not readable", f"new ones for {REGISTRY}"), **costs}
    assert CHANGE.plan(service(state, previous=previous)).changes == wanted

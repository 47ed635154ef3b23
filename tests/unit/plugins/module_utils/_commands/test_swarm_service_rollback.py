# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_rollback import plan_member
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Entry, RolloutFailed
from tests.unit.plugins.module_utils._service.recorded import snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock, FakeSwarm

OTHER_ID = "aaaaaaaaaaaa111111111other"


def updated(**previous: Any) -> Any:
    """Give a service that went from whoami:0.7 to whoami:0.6, and from other fields where asked for."""
    service = snapshot("update completed").service
    service["PreviousSpec"] = {**snapshot("update completed").service["Spec"], **previous}
    service["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "whoami:0.7"
    return service


def planned(service: Any, guard: Optional[str] = None) -> Entry:
    return plan_member(service, Reference.parse(guard) if guard else None).entry


@pytest.mark.parametrize("guard", [None, "whoami:0.7", "docker.io/library/whoami:0.7"])
def test_goes_back(guard: Optional[str]) -> None:
    entry = planned(updated(), guard)
    assert (entry.changed, entry.outcome) == (True, "updated")
    assert (entry.image_before, entry.image_after) == ("whoami:0.6", "whoami:0.7")
    assert entry.changes == {"image": ("whoami:0.6", "whoami:0.7")}


@pytest.mark.parametrize("guard", ["whoami:0.6", "docker.io/library/whoami:0.6"])
def test_is_there_already(guard: str) -> None:
    entry = planned(updated(), guard)
    assert (entry.changed, entry.outcome, dict(entry.changes)) == (False, "unchanged", {})


def test_guard_needs_no_previous_spec_where_it_is_met() -> None:
    service = updated()
    del service["PreviousSpec"]
    assert not planned(service, "whoami:0.6").changed


@pytest.mark.parametrize("guard", ["whoami:0.8", "whoami:latest", "other/whoami:0.7", "whoami@sha256:" + "a" * 64])
def test_guard_against_another_image(guard: str) -> None:
    with pytest.raises(InvalidInput, match=r"whoami:0\.7"):
        planned(updated(), guard)


@pytest.mark.parametrize("guard", [None, "whoami:0.7"])
def test_no_previous_spec(guard: Optional[str]) -> None:
    service = updated()
    del service["PreviousSpec"]
    with pytest.raises(InvalidInput, match="no previous spec"):
        planned(service, guard)


def test_other_fields_are_named_without_their_values() -> None:
    entry = planned(updated(Labels={"password": "hunter22"}))
    assert "Labels" in str(entry.as_diff())
    assert "hunter22" not in str(entry.as_diff())


def test_only_other_fields_come_back() -> None:
    service = updated(Labels={"a": "b"})
    service["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "whoami:0.6"
    entry = planned(service)
    assert entry.changed
    assert list(entry.changes) == ["other_fields"]


def test_nothing_is_started_after_a_failure() -> None:
    other = updated()
    other["ID"] = OTHER_ID
    swarm = FakeSwarm(updated(), other)
    members = [plan_member(service, None) for service in copy.deepcopy(list(swarm.services.values()))]
    swarm.put({**swarm.service["Spec"], "Labels": {"owner": "them"}})
    with pytest.raises(RolloutFailed) as caught:
        Rollout(swarm.engine, FakeClock(), Settings(wait=False), members).run(single=False)
    assert [member.outcome for member in members] == ["superseded", "not_started"]
    assert [entry["changed"] for entry in caught.value.result["services"]] == [False, False]
    assert swarm.posts == 1

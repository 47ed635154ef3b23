# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_wait import (
    Options,
    wait_for_services,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout, Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import QUEUED
from tests.unit.plugins.module_utils.fakes import FakeSwarm, make_service

PARAMS: Dict[str, Any] = {
    "name": "t001",
    "services": None,
    "select": None,
    "allow_none": False,
    "wait_timeout": 7,
    "task_logs": 9,
}


def run_program(_command: List[str], _given: bytes) -> Any:
    raise AssertionError("no program is needed")


def wait(swarm: FakeSwarm, seen: List[Rollout], check_mode: bool = False, fails: bool = False, **params: Any) -> Any:
    """Do the work but the waiting, and keep what was to be waited for."""

    def carry_out(rollout: Rollout, single: bool) -> Any:
        seen.append(rollout)
        result = rollout.result(single)
        assert "diff" in result
        if fails:
            raise RolloutFailed("t001 has not converged.", result)
        return result

    return wait_for_services(swarm.engine, {**PARAMS, **params}, Host(check_mode, run_program, carry_out))


def test_the_options() -> None:
    expected = Settings(wait=True, wait_timeout=7, on_failure="fail", max_parallel=0, task_logs=9)
    assert Options.parse(PARAMS).rollout == expected


@pytest.mark.parametrize("check_mode", [False, True])
def test_services_are_waited_for_and_nothing_is_written(check_mode: bool) -> None:
    swarm = FakeSwarm(make_service(), make_service(name="t002", identifier="b" * 25))
    seen: List[Rollout] = []
    result = wait(swarm, seen, check_mode, name=None, services=[{"name": "t002"}, {"name": "t001"}])
    [rollout] = seen
    assert [(member.name, member.stage) for member in rollout.members] == [("t002", QUEUED), ("t001", QUEUED)]
    assert all(member.write is None and not member.changed for member in rollout.members)
    assert (result["changed"], "service" in result, swarm.posts) == (False, False, 0)


def test_one_service_by_name_is_the_service() -> None:
    assert wait(FakeSwarm(), [])["service"]["name"] == "t001"


def test_there_is_no_diff_where_nothing_is_changed() -> None:
    assert "diff" not in wait(FakeSwarm(), [])
    with pytest.raises(RolloutFailed, match="has not converged") as caught:
        wait(FakeSwarm(), [], fails=True)
    assert "diff" not in caught.value.result
    assert caught.value.result["services"]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.nodes import (
    read_nodes,
    warning_of_newer_managers,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import AnswerLost, EngineUnreachable, NotAllowed
from tests.unit.plugins.module_utils.fakes import DEADLINE, FakeClock, FakeTransport, answer, connected


def node(name: str, version: str, role: str = "manager") -> Any:
    return {"ID": name, "Spec": {"Role": role}, "Description": {"Hostname": name, "Engine": {"EngineVersion": version}}}


FORBIDDEN = answer(403, {"message": "no"})
NODES = [node("m2", "28.5.2")]


def ask(server: str, *answers: Any, nodes: Any = None) -> str:
    headers = {"api-version": "1.41", "swarm": "active/manager", "server": server}
    engine = Engine(FakeTransport(Answer(200, b"OK", headers), *answers))
    engine.connect()
    return warning_of_newer_managers(engine, NODES if nodes is None else nodes)


def test_the_warning_says_what_to_do() -> None:
    warning = ask("Docker/20.10.24 (linux)")
    assert warning.startswith("This manager's engine is 20.10.24, and other managers have a newer one (m2: 28.5.2).")
    assert warning.endswith("Run the task on the newest manager.")


def test_behind_a_gateway_the_engine_is_asked_for_its_version() -> None:
    assert "20.10.24" in ask("nginx/1.27", answer(200, {"Version": "20.10.24"}))


@pytest.mark.parametrize("nodes", [[], [node("m2", "20.10.24")]])
def test_no_warning(nodes: List[Any]) -> None:
    assert ask("Docker/20.10.24 (linux)", nodes=nodes) == ""


@pytest.mark.parametrize("given", [FORBIDDEN, answer(500, {"message": "it burns"}), AnswerLost("cut")])
def test_an_engine_that_does_not_tell_its_version_gets_no_warning(given: Any) -> None:
    assert ask("nginx/1.27", given) == ""


def test_only_a_task_that_waits_needs_the_nodes() -> None:
    assert read_nodes(connected(FakeTransport(FORBIDDEN)), FakeClock(), waits=False) == []
    with pytest.raises(NotAllowed, match=r"^GET /nodes is not allowed"):
        read_nodes(connected(FakeTransport(FORBIDDEN)), FakeClock(), waits=True)


@pytest.mark.parametrize("failure", [AnswerLost("cut"), EngineUnreachable("away"), answer(500, {"message": DEADLINE})])
def test_the_nodes_are_read_again_after_what_passes(failure: Any) -> None:
    transport = FakeTransport(failure, answer(200, NODES))
    assert read_nodes(connected(transport), FakeClock(), waits=True) == NODES
    assert [call["path"] for call in transport.calls] == ["/v1.45/nodes"] * 2


@pytest.mark.parametrize("waits", [False, True])
def test_what_does_not_pass_does_not_stop_a_task(waits: bool) -> None:
    broken = answer(500, {"message": "it burns"})
    assert read_nodes(connected(FakeTransport(broken)), FakeClock(), waits) == []
    assert read_nodes(connected(FakeTransport(*[AnswerLost("cut")] * 200)), FakeClock(), waits) == []

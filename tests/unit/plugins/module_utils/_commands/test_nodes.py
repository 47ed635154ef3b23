# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.nodes import (
    check_nodes,
    warning_of_newer_managers,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import AnswerLost, EngineUnreachable, NotAllowed
from tests.unit.plugins.module_utils.fakes import FakeTransport, answer, connected


def node(name: str, version: str, role: str = "manager") -> Any:
    return {"ID": name, "Spec": {"Role": role}, "Description": {"Hostname": name, "Engine": {"EngineVersion": version}}}


def ask(server: str, *answers: Any, waits: bool = False) -> str:
    headers = {"api-version": "1.41", "swarm": "active/manager", "server": server}
    engine = Engine(FakeTransport(Answer(200, b"OK", headers), *answers))
    engine.connect()
    return warning_of_newer_managers(engine, waits)


def test_the_warning_says_what_to_do() -> None:
    warning = ask("Docker/20.10.24 (linux)", answer(200, [node("m2", "28.5.2")]))
    assert warning.startswith("This manager's engine is 20.10.24, and other managers have a newer one (m2: 28.5.2).")
    assert warning.endswith("Run the task on the newest manager.")


def test_behind_a_gateway_the_engine_is_asked_for_its_version() -> None:
    assert "20.10.24" in ask("nginx/1.27", answer(200, {"Version": "20.10.24"}), answer(200, [node("m2", "28.5.2")]))


@pytest.mark.parametrize("answers", [[answer(200, [node("m2", "20.10.24")])], [AnswerLost("cut")]])
def test_no_warning(answers: List[Any]) -> None:
    assert ask("Docker/20.10.24 (linux)", *answers) == ""


FORBIDDEN = answer(403, {"message": "no"})
BROKEN = (answer(500, {"message": "it burns"}), AnswerLost("cut"), EngineUnreachable("away"))


def test_nodes_that_may_not_be_read_are_told_before_a_wait() -> None:
    with pytest.raises(NotAllowed, match=r"^GET /nodes is not allowed"):
        check_nodes(connected(FakeTransport(FORBIDDEN)))


@pytest.mark.parametrize("given", [answer(200, []), *BROKEN])
def test_what_may_pass_does_not_stop_a_task(given: Any) -> None:
    transport = FakeTransport(given)
    check_nodes(connected(transport))
    assert [call["path"] for call in transport.calls] == ["/v1.45/nodes"]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("given", BROKEN)
def test_an_engine_that_does_not_tell_gets_no_warning(given: Any, waits: bool) -> None:
    assert ask("Docker/20.10.24 (linux)", given, waits=waits) == ""


def test_only_a_task_that_waits_needs_the_nodes() -> None:
    assert ask("Docker/20.10.24 (linux)", FORBIDDEN) == ""
    with pytest.raises(NotAllowed, match=r"^GET /nodes is not allowed"):
        ask("Docker/20.10.24 (linux)", FORBIDDEN, waits=True)


def test_a_version_that_may_not_be_read_is_no_matter_for_a_wait() -> None:
    assert ask("nginx/1.27", FORBIDDEN, waits=True) == ""

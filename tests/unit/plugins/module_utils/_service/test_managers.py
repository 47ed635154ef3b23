# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.managers import newer_managers


def node(name: str, version: str, role: str = "manager") -> Any:
    return {"ID": name, "Spec": {"Role": role}, "Description": {"Hostname": name, "Engine": {"EngineVersion": version}}}


@pytest.mark.parametrize(
    ("version", "others", "newer"),
    [
        ("20.10.24", {"m2": "28.5.2"}, ["m2: 28.5.2"]),
        ("20.10.24+dfsg1", {"m2": "20.10.24+dfsg1", "m3": "20.10.25"}, []),
        ("28.5.2", {"m2": "20.10.24"}, []),
        ("28.4.0", {"m2": "28.5.0", "m3": "29.0.0-rc.1"}, ["m3: 29.0.0-rc.1", "m2: 28.5.0"]),
        ("20.10.24", {f"m{number}": "28.0.0" for number in range(9)}, ["m8: 28.0.0", "m7: 28.0.0", "m6: 28.0.0"]),
        ("20.10.24", {"m2": "dev", "m3": ""}, []),
        ("library-import", {"m2": "28.0.0"}, []),
    ],
)
def test_newer_managers(version: str, others: Dict[str, str], newer: List[str]) -> None:
    assert newer_managers(version, [node(name, other) for name, other in others.items()]) == newer


@pytest.mark.parametrize(("hostname", "shown"), [("m2", "m2"), ("", "id2"), (None, "id2"), ("m\n2", "m 2")])
def test_a_manager_is_named_by_its_host_and_else_by_its_id(hostname: Any, shown: str) -> None:
    other: Any = {**node("id2", "28.5.2"), "Description": {"Hostname": hostname, "Engine": {"EngineVersion": "28.5.2"}}}
    assert newer_managers("20.10.24", [other]) == [f"{shown}: 28.5.2"]


def test_workers_and_nodes_that_tell_nothing_do_not_count() -> None:
    nodes: List[Any] = [node("w1", "28.0.0", role="worker"), {"ID": "n1"}, {"ID": "n2", "Spec": {"Role": "manager"}}]
    assert newer_managers("20.10.24", nodes) == []

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    InvalidInput,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import Selector
from tests.unit.plugins.module_utils.fakes import make_service


@pytest.mark.parametrize(
    ("stack", "labels", "repository", "taken"),
    [
        ("shop", None, None, True),
        ("shops", None, None, False),
        (None, {"tier": "front"}, None, True),
        (None, {"tier": "back"}, None, False),
        (None, {"tier": "front", "none": ""}, None, False),
        (None, {"release": "2"}, None, True),
        (None, {"release": 2}, None, True),
        (None, None, "team/web", True),
        (None, None, "docker.io/team/web", True),
        (None, None, "web", False),
        (None, None, "host:5000/team/web", False),
        ("shop", {"tier": "front"}, "team/web", True),
        ("shop", {"tier": "back"}, "team/web", False),
    ],
)
def test_selection(
    stack: Optional[str], labels: Optional[Dict[str, Any]], repository: Optional[str], taken: bool
) -> None:
    service = make_service("team/web:1", "shop_web")
    service["Spec"]["Labels"].update(tier="front", release="2")
    selector = Selector.parse(stack, labels, repository)
    assert selector.takes(service) is taken


@pytest.mark.parametrize(
    "spec",
    [
        {"Name": "x"},
        {"Name": "x", "Labels": None, "TaskTemplate": {"Runtime": "plugin"}},
        {"Name": "x", "TaskTemplate": {"ContainerSpec": {"Image": "NO REFERENCE"}}},
    ],
)
def test_services_of_other_kinds_are_not_selected(spec: Dict[str, Any]) -> None:
    service: Service = {"ID": "x", "Version": {"Index": 1}, "Spec": spec}
    assert not Selector.parse(None, None, "team/web").takes(service)
    assert not Selector.parse("shop", None, None).takes(service)


@pytest.mark.parametrize(
    ("stack", "labels", "repository"),
    [
        (None, None, None),
        ("", {}, ""),
        (None, None, "team/web:1"),
        (None, None, f"web@sha256:{'a' * 64}"),
        (None, None, "UP"),
    ],
)
def test_a_selector_that_cannot_be(
    stack: Optional[str], labels: Optional[Dict[str, str]], repository: Optional[str]
) -> None:
    with pytest.raises(InvalidInput):
        Selector.parse(stack, labels, repository)

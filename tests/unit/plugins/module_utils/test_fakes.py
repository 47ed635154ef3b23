# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine in memory lists as a real one does; what it gets wrong, every test that uses it gets wrong."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import ApiError, NotFound, OutOfSequence
from tests.unit.plugins.module_utils.fakes import FakeEngine, make_service


def shop() -> FakeEngine:
    engine = FakeEngine(make_service("app:2", "shop_web", "aaa1"), make_service("app:1", "shop_web-canary", "aab2"))
    engine.services["aab2"]["Spec"]["Labels"] = {"tier": "front", "empty": ""}
    told = [("t1", "aaa1", "n1", "running", "app:2"), ("t2", "aaa1", "n2", "shutdown", "app:1")]
    told.append(("t3", "aab2", "n1", "running", "app:1"))
    for identifier, service, node, desired, image in told:
        spec = {"ContainerSpec": {"Image": image}}
        engine.tasks.append(
            {"ID": identifier, "ServiceID": service, "NodeID": node, "DesiredState": desired, "Spec": spec}
        )
    return engine


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["aaa1", "aab2"]),
        ({"id": ["aaa1"]}, ["aaa1"]),
        ({"id": ["aa"]}, ["aaa1", "aab2"]),
        ({"id": ["aaa1", "zzz"]}, ["aaa1"]),
        ({"name": ["shop_web"]}, ["aaa1", "aab2"]),
        ({"name": ["shop_web-"]}, ["aab2"]),
        ({"name": ["web"]}, []),
        ({"name": ["shop_web"], "id": ["aab"]}, ["aab2"]),
        ({"label": ["tier"]}, ["aab2"]),
        ({"label": ["tier=front"]}, ["aab2"]),
        ({"label": ["tier=back"]}, []),
        ({"label": ["tier=front", "com.docker.stack.namespace=shop"]}, []),
        ({"label": ["com.docker.stack.namespace=shop"]}, ["aaa1"]),
    ],
)
def test_services_by_filter(filters: Dict[str, List[str]], found: List[str]) -> None:
    assert [service["ID"] for service in shop().engine.services(filters)] == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["t1", "t2", "t3"]),
        ({"service": ["aaa1"]}, ["t1", "t2"]),
        ({"service": ["shop_web-canary"]}, ["t3"]),
        ({"service": ["aaa1", "aab2"]}, ["t1", "t2", "t3"]),
        ({"desired-state": ["running"]}, ["t1", "t3"]),
        ({"service": ["aaa1"], "desired-state": ["shutdown"]}, ["t2"]),
        ({"_up-to-date": ["true"]}, ["t1", "t3"]),
        ({"node": ["n2"]}, ["t2"]),
        ({"id": ["t1"]}, ["t1"]),
    ],
)
def test_tasks_by_filter(filters: Dict[str, List[str]], found: List[str]) -> None:
    assert [task["ID"] for task in shop().engine.tasks(filters)] == found


def test_tasks_of_a_service_that_is_gone() -> None:
    with pytest.raises(NotFound, match="service zzz not found"):
        shop().engine.tasks({"service": ["aaa1", "zzz"]})


@pytest.mark.parametrize("kind", ["services", "tasks"])
def test_a_filter_that_no_engine_knows(kind: str) -> None:
    call: Any = getattr(shop().engine, kind)
    with pytest.raises(ApiError, match="invalid filter"):
        call({"colour": ["red"]})


def test_a_write_needs_the_present_version() -> None:
    fake = shop()
    read = fake.engine.service("aaa1")
    fake.engine.update_service(read, {**read["Spec"], "Labels": {}})
    assert fake.engine.service("aaa1")["PreviousSpec"] == read["Spec"]
    with pytest.raises(OutOfSequence):
        fake.engine.update_service(read, read["Spec"])

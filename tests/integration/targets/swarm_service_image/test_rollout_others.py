# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else scales, changes or removes the service while a run waits for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration import run, state
from tests.integration.rolling import (
    AT_ONCE,
    LONG,
    Ended,
    at,
    at_once,
    insist,
    meanwhile,
    roll,
    slow,
    stands,
    under_way,
)
from tests.swarm import Endpoint, services

Evidence = tuple[Ended, float]


def roll_back_by_hand(engine: Endpoint, name: str) -> None:
    service = services.inspect(engine, name)
    params = {"version": service["Version"]["Index"], "rollback": "previous"}
    engine.checked("POST", f"/services/{service['ID']}/update", params=params, json=service["Spec"])


def other_image(engine: Endpoint, name: str) -> None:
    state.set_image(engine, name, "whoami:0.8")


def same_image(engine: Endpoint, name: str) -> None:
    state.set_image(engine, name, "docker.io/library/whoami:0.6")


def redeploy(engine: Endpoint, name: str) -> None:
    service = services.inspect(engine, name)
    service["Spec"]["TaskTemplate"]["ForceUpdate"] = service["Spec"]["TaskTemplate"].get("ForceUpdate", 0) + 1
    services.update(engine, service, service["Spec"])


def scale_up(engine: Endpoint, name: str) -> None:
    state.set_replicas(engine, name, 3)


def scale_down(engine: Endpoint, name: str) -> None:
    state.set_replicas(engine, name, 1)


WRITERS: dict[str, tuple[Callable[[Endpoint, str], None], int]] = {
    "other image": (other_image, 30),
    "rolled back by hand": (roll_back_by_hand, 30),
    "same image": (same_image, 2),
    "redeployed": (redeploy, 2),
    "scaled up": (scale_up, 2),
    "scaled down": (scale_down, 2),
}
"""Who does what to a service of two, and the delay of its rollout in seconds."""


def write_meanwhile(engine: Endpoint, name: str, key: str) -> Evidence:
    """Roll a service, and write to it when its first task is new."""
    writer, delay = WRITERS[key]
    stands(engine, slow(name, replicas=2, delay=delay), 2)

    def doing() -> None:
        under_way(engine, name)
        insist(partial(writer, engine, name))

    return meanwhile(partial(roll, engine, name, force=key == "redeployed"), doing)


def remove_meanwhile(engine: Endpoint, name: str) -> tuple[run.Result, float]:
    stands(engine, slow(name, replicas=2), 2)

    def doing() -> None:
        under_way(engine, name)
        engine.checked("DELETE", f"/services/{name}")

    call = partial(
        run.module, "swarm_service_image", name=name, image="whoami:0.6", wait=True, wait_timeout=LONG, **at(engine)
    )
    return meanwhile(call, doing)


@pytest.fixture(scope="module")
def written(engine: Endpoint) -> Iterator[dict[str, Any]]:
    """Be all writers at once."""
    prefix = f"written{os.getpid()}"
    calls: dict[str, Callable[[], Any]] = {
        key: partial(write_meanwhile, engine, f"{prefix}-{number}", key) for number, key in enumerate(WRITERS)
    }
    calls["removed"] = partial(remove_meanwhile, engine, f"{prefix}-removed")
    yield at_once(calls)
    services.remove(engine, prefix)


def test_other_image_is_told_at_once(written: dict[str, Any]) -> None:
    ended, seconds = written["other image"]
    assert ended.result.failed
    assert ended.result.changed
    assert seconds < AT_ONCE
    assert ended.result.service["outcome"] == "superseded"
    assert ended.result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.8"}
    assert ended.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "whoami:0.8"
    for words in (ended.result.service["name"], "whoami:0.6", "whoami:0.8", "somebody else"):
        assert words in ended.result.message


def test_rollback_by_hand_is_another_writers_change(written: dict[str, Any]) -> None:
    ended, seconds = written["rolled back by hand"]
    assert ended.result.failed
    assert seconds < AT_ONCE
    assert ended.result.service["outcome"] == "superseded"
    assert ended.result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.7"}
    assert "put back by the swarm" not in ended.result.message
    assert "somebody else" in ended.result.message


def test_removed_service_is_told_at_once(written: dict[str, Any]) -> None:
    result, seconds = written["removed"]
    assert result.failed
    assert seconds < AT_ONCE
    assert result.service["outcome"] == "superseded"
    assert "removed" in result.message
    assert result.service["name"] in result.message


@pytest.mark.parametrize(
    ("key", "replicas"), [("same image", 2), ("redeployed", 2), ("scaled up", 3), ("scaled down", 1)]
)
def test_other_changes_are_fine(written: dict[str, Any], key: str, replicas: int) -> None:
    ended, _seconds = written[key]
    assert not ended.result.failed, ended.result.text
    assert ended.result.changed
    assert ended.result.service["outcome"] == "converged"
    assert ended.result.service["progress"] == {"running": replicas, "desired": replicas}
    image = ended.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
    assert ended.result.service["image"]["after"] == image
    live = [task for task in ended.tasks if task["Status"]["State"] == task["DesiredState"] == "running"]
    assert len(live) == replicas
    assert {task["Spec"]["ContainerSpec"]["Image"].rpartition("/")[2] for task in live} == {"whoami:0.6"}

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes back to the previous spec, all of it, where the guard allows that, and waits until it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.integration import state
from tests.integration.rolling import LONG, Ended, at, at_once, look, roll, slow, stands
from tests.integration.run import Result, adhoc, module
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Action, Before, CutAfter, Delay, Reply


def roll_back(host: str, name: str, **params: Any) -> Result:
    params = {"wait": True, "wait_timeout": LONG, **params}
    return module("swarm_service_rollback", name=name, docker_host=host, **params)


@pytest.fixture
def updated(engine: Endpoint, service: str) -> str:
    """Return the name of a service without tasks that went from whoami:0.7 to whoami:0.6."""
    state.set_image(engine, service, "whoami:0.6")
    return service


@pytest.fixture(scope="module")
def reversed_(engine: Endpoint) -> Iterator[dict[str, Any]]:
    """Put several services back at once."""
    prefix = f"reversed{os.getpid()}"
    kinds: dict[str, Callable[[Endpoint, str], Any]] = {
        "running": running,
        "paused": paused,
        "timed out": timed_out,
        "bad": bad_previous,
    }
    yield at_once({key: partial(kind, engine, f"{prefix}-{key.replace(' ', '-')}") for key, kind in kinds.items()})
    services.remove(engine, prefix)


def running(engine: Endpoint, name: str) -> Ended:
    stands(engine, services.simple(name, "whoami:0.7", replicas=2), 2)
    assert not roll(engine, name).result.failed
    return look(engine, name, roll_back(engine.host, name))


def test_running_service_is_waited_for(reversed_: dict[str, Any]) -> None:
    ended = reversed_["running"]
    assert not ended.result.failed, ended.result.text
    assert ended.result.changed
    assert ended.result.service["outcome"] == "rolled_back"
    assert ended.result.service["image"] == {"before": "whoami:0.6", "after": "whoami:0.7"}
    assert ended.result.service["progress"] == {"running": 2, "desired": 2}
    assert ended.result.service["version"]["after"] == ended.service["Version"]["Index"]
    assert (ended.state, ended.running("whoami:0.7"), ended.running("whoami:0.6")) == ("rollback_completed", 2, 0)


def paused(engine: Endpoint, name: str) -> Ended:
    stands(engine, services.simple(name, "whoami:0.7", monitor=3), 1)
    assert roll(engine, name, "crash:1").result.service["outcome"] == "paused"
    return look(engine, name, roll_back(engine.host, name, image="whoami:0.7"))


def test_paused_update_is_put_back(reversed_: dict[str, Any]) -> None:
    ended = reversed_["paused"]
    assert not ended.result.failed, ended.result.text
    assert ended.result.service["outcome"] == "rolled_back"
    assert (ended.state, ended.running("whoami:0.7")) == ("rollback_completed", 1)


def timed_out(engine: Endpoint, name: str) -> tuple[Result, Ended]:
    """Give a slow rollback one second, then wait for its end with the guard."""
    spec = slow(name, replicas=2, delay=0)
    spec["RollbackConfig"] = {"Parallelism": 1, "Delay": 3 * services.SECOND, "Monitor": services.SECOND // 2}
    stands(engine, spec, 2)
    assert not roll(engine, name).result.failed
    first = roll_back(engine.host, name, image="whoami:0.7", wait_timeout=1)
    return first, look(engine, name, roll_back(engine.host, name, image="whoami:0.7"))


def test_run_after_a_time_out_takes_up_the_wait(reversed_: dict[str, Any]) -> None:
    first, second = reversed_["timed out"]
    assert first.failed
    assert (first.changed, first.service["outcome"]) == (True, "timed_out")
    assert not second.result.failed, second.result.text
    assert (second.result.changed, second.result.service["outcome"]) == (False, "unchanged")
    assert (second.state, second.running("whoami:0.7")) == ("rollback_completed", 2)


def bad_previous(engine: Endpoint, name: str) -> Ended:
    spec = services.simple(name, "crash:1", monitor=1)
    spec["RollbackConfig"] = {"Parallelism": 1, "Monitor": services.SECOND, "FailureAction": "pause"}
    services.post(engine, spec)
    assert not roll(engine, name).result.failed
    return look(engine, name, roll_back(engine.host, name))


def test_previous_spec_does_not_come_up(reversed_: dict[str, Any]) -> None:
    ended = reversed_["bad"]
    assert ended.result.failed
    assert ended.result.service["outcome"] == "paused"
    assert ended.state == "rollback_paused"
    assert ended.result.seconds < LONG / 2
    [task] = ended.result.service["tasks"]
    assert (task["state"], task["exit_code"]) == ("failed", 1)
    assert "crash:1" in ended.result.message


def test_whole_spec_comes_back(engine: Endpoint, service: str, secret: str) -> None:
    before = state.of(engine, service)

    def edit(spec: Any) -> None:
        spec["TaskTemplate"]["ContainerSpec"].update(Image="whoami:0.6", Env=["PASSWORD=s3cond-secret"])
        spec["Labels"] = {"new": "very-private-value"}

    state.change(engine, service, edit)
    result = roll_back(engine.host, service)
    assert result.changed, result.text
    assert state.of(engine, service).spec == before.spec
    [diff] = result.data["diff"]
    assert (diff["before"]["image"], diff["after"]["image"]) == ("whoami:0.6", "whoami:0.7")
    for field in ("TaskTemplate.ContainerSpec.Env", "Labels"):
        assert field in str(diff)
    for private in (secret, "s3cond-secret", "very-private-value"):
        assert private not in result.text


def test_only_other_fields_come_back(engine: Endpoint, service: str) -> None:
    state.set_replicas(engine, service, 1)
    result = roll_back(engine.host, service, wait=False)
    assert (result.changed, result.service["outcome"]) == (True, "updated"), result.text
    assert result.service["image"] == {"before": "whoami:0.7", "after": "whoami:0.7"}
    [diff] = result.data["diff"]
    assert "image" not in diff["before"]
    assert "Replicas" in str(diff)
    assert state.replicas(state.of(engine, service)) == 0


def test_guard_where_it_is_already(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    before = state.of(engine, updated)
    result = roll_back(proxy.host, updated, image="docker.io/library/whoami:0.6")
    assert not result.failed, result.text
    assert (result.changed, result.service["outcome"]) == (False, "unchanged")
    assert proxy.posts == []
    assert state.of(engine, updated) == before


def test_guard_makes_a_second_run_do_nothing(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    results = [roll_back(proxy.host, updated, image="whoami:0.7") for _number in range(2)]
    assert [(result.failed, result.changed) for result in results] == [(False, True), (False, False)]
    assert len(proxy.posts) == 1
    assert state.of(engine, updated).image == "whoami:0.7"


@pytest.mark.parametrize("check", [True, False])
def test_guard_against_another_previous_image(engine: Endpoint, proxy: Proxy, updated: str, check: bool) -> None:
    before = state.of(engine, updated)
    result = module("swarm_service_rollback", name=updated, image="whoami:0.8", docker_host=proxy.host, check=check)
    assert result.failed
    assert not result.changed
    for words in (updated, "whoami:0.7", "whoami:0.8", "Nothing was changed"):
        assert words in result.message
    assert proxy.posts == []
    assert state.of(engine, updated) == before


def test_guards_are_checked_before_any_service_is_touched(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    other = f"{updated}-other"
    services.create(engine, other, "whoami:0.7", replicas=0)
    before = state.of(engine, updated)
    listed = [{"name": updated, "image": "whoami:0.7"}, {"name": other, "image": "whoami:0.6"}]
    result = module("swarm_service_rollback", services=listed, docker_host=proxy.host)
    assert result.failed
    assert other in result.message
    assert proxy.posts == []
    assert state.of(engine, updated) == before


def test_several_services(engine: Endpoint, updated: str) -> None:
    other = f"{updated}-other"
    services.create(engine, other, "whoami:0.7", replicas=0)
    state.set_image(engine, other, "whoami:0.8")
    result = module("swarm_service_rollback", services=[{"name": updated}, {"name": other}], **at(engine))
    assert result.changed, result.text
    assert [state.of(engine, name).image for name in (updated, other)] == ["whoami:0.7"] * 2


def test_no_previous_spec(proxy: Proxy, service: str) -> None:
    result = roll_back(proxy.host, service)
    assert result.failed
    assert not result.changed
    assert service in result.message
    assert "no previous spec" in result.message
    assert proxy.posts == []


def test_check_mode_tells_and_does_not(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    before = state.of(engine, updated)
    told = module("swarm_service_rollback", name=updated, docker_host=proxy.host, check=True, diff=True)
    assert (told.failed, told.changed) == (False, True), told.text
    assert proxy.posts == []
    assert state.of(engine, updated) == before
    done = module("swarm_service_rollback", name=updated, docker_host=proxy.host, diff=True)
    assert told.data["diff"] == done.data["diff"]
    assert told.service["image"] == done.service["image"] == {"before": "whoami:0.6", "after": "whoami:0.7"}


def test_somebody_else_changes_it_meanwhile(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    proxy.on("POST", state.UPDATE, Before(partial(state.set_image, engine, updated, "whoami:0.8")))
    result = roll_back(proxy.host, updated)
    assert result.failed
    assert not result.changed
    assert result.service["outcome"] == "superseded"
    assert state.of(engine, updated).image == "whoami:0.8"
    assert result.service["image"]["after"] == "whoami:0.8"


def test_answer_is_lost(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    proxy.on("POST", state.UPDATE, CutAfter())
    result = roll_back(proxy.host, updated)
    assert not result.failed, result.text
    assert result.changed
    assert len(proxy.posts) == 1
    assert state.of(engine, updated).image == "whoami:0.7"


def test_refusal_tells_no_variable_of_the_service(engine: Endpoint, proxy: Proxy, updated: str, secret: str) -> None:
    before = state.of(engine, updated)
    proxy.on("POST", state.UPDATE, Reply(400, {"message": f"invalid environment PASSWORD={secret}"}))
    result = roll_back(proxy.host, updated, wait=False)
    assert result.failed
    assert "invalid environment ***" in result.message
    assert secret not in result.text
    assert (result.changed, result.service["outcome"]) == (False, "not_started")
    assert state.of(engine, updated) == before


def test_rollback_of_unknown_fate(engine: Endpoint, proxy: Proxy, updated: str) -> None:
    proxy.on("POST", state.UPDATE, CutAfter())
    proxy.on("GET", state.INSPECT, Action())
    proxy.on("GET", state.INSPECT, Delay(30))
    result = roll_back(proxy.host, updated, wait=False, timeout=1)
    assert result.failed
    assert f"It is not known whether the service {updated} was rolled back" in result.message
    assert "a second rollback would undo the first" in result.message
    assert (result.changed, result.service["outcome"], result.service["image"]["after"]) == (True, "timed_out", None)
    assert state.of(engine, updated).image == "whoami:0.7"


def test_through_ansible(engine: Endpoint, updated: str) -> None:
    ended = adhoc("swarm_service_rollback", {"name": updated, **at(engine)})
    assert ended.status == 0, ended.text
    assert '"outcome": "rolled_back"' in ended.text
    assert state.of(engine, updated).image == "whoami:0.7"

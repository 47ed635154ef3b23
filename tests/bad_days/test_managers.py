# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three managers: all run the same task at once, the leader dies at the worst moment, the quorum is lost."""

from __future__ import annotations

import itertools
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.bad_days.managers import Counted, Doors, change, change_everywhere, doors, whole
from tests.integration import rolling, run, state
from tests.swarm import Engine, Swarm, eventually, images, services
from tests.swarm.proxy import Action, Exchange

PLAYS = int(os.environ.get("MANAGER_PLAYS", "50"))
"""How many plays on all managers are made one after the other."""
LEADERS = int(os.environ.get("LEADER_CHANGES", "2"))
"""How many leaders die one after the other while services crash."""
SEEN_LEADER_LOST = 120
"""Seconds in which the rest of the swarm must have a new leader, on a busy machine."""
TIMEOUT = 4
"""Seconds of one call where there is no quorum."""
GRACE = 12
"""Seconds that a run may take beyond its time-out: a last look, and the start of its process on a busy machine."""
NO_QUORUM = ("does not have a leader", "deadline exceeded", "no complete answer", "raft", "navailable")

PLAYBOOK = """
- hosts: managers
  gather_facts: false
  module_defaults:
    group/swarmops.rollout.swarm:
      docker_host: "{{{{ docker_host }}}}"
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: {name}
        image: {image}
        resolve: never
        wait_timeout: 60
      register: result
    - ansible.builtin.assert:
        that: result.service.image.after == "{image}"
"""

_names = itertools.count(1)


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    """Three managers that have all test images."""
    with Swarm(3) as started:
        for engine in started.managers:
            images.load(engine)
        yield started


@pytest.fixture
def managers(swarm: Swarm) -> Iterator[Doors]:
    """All managers up, and a socket before each."""
    whole(swarm)
    with doors(swarm) as opened:
        yield opened


@pytest.fixture
def name(swarm: Swarm, managers: Doors) -> Iterator[str]:
    """A service of two tasks at ``whoami:0.7``."""
    assert len(managers.hosts) == 3
    name = f"managed{next(_names)}"
    services.create(swarm.leader, name, "whoami:0.7", replicas=2, monitor=0.1, Labels={"kept": "yes"})
    services.started(swarm.leader, name, 2)
    yield name
    whole(swarm)
    services.remove(swarm.leader, name)


def converged(engine: Engine, name: str, image: str) -> bool:
    """Whether a service's tasks all run an image, and it is complete."""
    return services.running(engine, name, image) == services.running(engine, name) == 2


def test_all_managers_at_once_again_and_again(swarm: Swarm, managers: Doors, name: str) -> None:
    for number in range(PLAYS):
        image = images.WHOAMI[number % 3]
        before = state.of(swarm.managers[0], name)
        updates = managers.counted.updates
        results = change_everywhere(managers.hosts, name, image)
        after = state.of(swarm.managers[0], name)

        assert [result.text for result in results if result.failed] == []
        assert sorted(result.changed for result in results) == [False, False, True], f"play {number}"
        assert managers.counted.updates - updates == 1
        assert after.spec == before.with_image(image)
        assert after.previous == before.spec
        assert {result.service["image"]["after"] for result in results} == {image}
        assert {result.service["outcome"] for result in results} <= {"converged", "unchanged"}
        assert [result.service["outcome"] for result in results if result.changed] == ["converged"]
        assert services.running(swarm.managers[0], name, image) >= 2


@pytest.fixture
def inventory(managers: Doors) -> Iterator[Path]:
    """The three managers as hosts, reached by a socket each."""
    hosts = {
        f"manager{number}": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "docker_host": host,
        }
        for number, host in enumerate(managers.hosts)
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "inventory.json")
        path.write_text(json.dumps({"managers": {"hosts": hosts}}), encoding="utf-8")
        yield path


@pytest.mark.parametrize("image", ["whoami:0.6", "whoami:0.8"])
def test_a_play_on_all_managers(swarm: Swarm, managers: Doors, name: str, inventory: Path, image: str) -> None:
    before = state.of(swarm.leader, name)
    text = PLAYBOOK.format(name=name, image=image)
    for changed in (1, 0):
        done = run.playbook(text, "--inventory", str(inventory))
        assert done.status == 0, done.text
        told = re.findall(r"^manager\d .*changed=(\d)", done.text, re.MULTILINE)
        assert sorted(told) == sorted([str(changed), "0", "0"]), done.text
        assert managers.counted.updates == 1
    after = state.of(swarm.leader, name)
    assert (after.spec, after.previous) == (before.with_image(image), before.spec)


def test_two_images_at_once_one_wins(swarm: Swarm, managers: Doors, name: str) -> None:
    before = state.of(swarm.leader, name)
    meeting = threading.Barrier(2, timeout=60)

    def meet(exchange: Exchange) -> None:
        meeting.wait()
        managers.counted(exchange)

    wanted = {managers.hosts[0]: "whoami:0.6", managers.hosts[1]: "whoami:0.8"}
    for proxy in managers.proxies.values():
        proxy.clear()
        proxy.on("POST", state.UPDATE, meet)
        proxy.on("POST", state.UPDATE, managers.counted, times=None)
    results = rolling.at_once({host: partial(change, host, name, wanted[host]) for host in wanted})

    (loser,) = [result for result in results.values() if result.failed]
    (winner,) = [result for result in results.values() if not result.failed]
    after = state.of(swarm.leader, name)
    (image,) = [image for host, image in wanted.items() if results[host] is winner]
    (lost,) = [image for host, image in wanted.items() if results[host] is loser]
    assert winner.changed
    assert winner.service["outcome"] == "converged"
    assert not loser.changed
    for words in ("onflict", name, image, lost, "again"):
        assert words in loser.message
    assert managers.counted.statuses.count(200) == 1
    assert (after.spec, after.previous) == (before.with_image(image), before.spec)
    assert services.running(swarm.leader, name, lost) == 0


@dataclass
class Murder(Action):
    """Kill the leader when an update comes by: before it is passed on, or when the engine has answered."""

    leader: Engine
    counted: Counted
    answered: bool
    killed: list[float] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        """Kill, once."""
        if self.answered:
            answer = exchange.forward()
            self.counted.statuses.append(answer.status)
            self.kill()
            exchange.cut()
        self.kill()
        self.counted(exchange)

    def kill(self) -> None:
        """Kill the leader."""
        self.leader.kill()
        self.killed.append(time.monotonic())


@pytest.mark.parametrize("through", ["leader", "other"])
@pytest.mark.parametrize("answered", [False, True], ids=["before the write", "between write and answer"])
def test_the_leader_dies_around_the_write(
    swarm: Swarm, managers: Doors, name: str, through: str, answered: bool
) -> None:
    leader = swarm.leader
    other = next(engine for engine in swarm.managers if engine is not leader)
    asked = leader if through == "leader" else other
    before = state.of(other, name)
    murder = Murder(leader, managers.counted, answered)
    proxy = managers.proxies[asked]
    proxy.clear()
    proxy.on("POST", state.UPDATE, murder)
    proxy.on("POST", state.UPDATE, managers.counted, times=None)
    result = change(proxy.host, name, "whoami:0.6", timeout=30 if asked is other else 3)
    assert len(murder.killed) == 1
    eventually(lambda: quorate(other), "a new leader", SEEN_LEADER_LOST)
    after = state.of(other, name)

    landed = managers.counted.updates == 1
    assert managers.counted.updates <= 1
    assert landed or not answered
    assert after.spec == (before.with_image("whoami:0.6") if landed else before.spec)
    if asked is other:
        assert not result.failed, result.text
        assert result.changed
        assert result.service["outcome"] == "converged"
    else:
        assert result.failed, result.text
        assert f"not known whether the service {name} was updated" in result.message

    again = change(managers.proxies[other].host, name, "whoami:0.6", timeout=30)
    assert not again.failed, again.text
    assert again.changed == (not landed)
    assert managers.counted.updates == 1
    last = state.of(other, name)
    assert (last.spec, last.previous) == (before.with_image("whoami:0.6"), before.spec)


@pytest.mark.parametrize("through", ["leader", "other"])
def test_the_leader_dies_during_the_wait(swarm: Swarm, managers: Doors, name: str, through: str) -> None:
    leader = swarm.leader
    other = next(engine for engine in swarm.managers if engine is not leader)
    asked = leader if through == "leader" else other
    before = state.of(other, name)
    state.change(other, name, lambda spec: spec["UpdateConfig"].update(Delay=3 * services.SECOND))
    slowed = state.of(other, name)
    host = managers.proxies[asked].host

    def kill() -> None:
        rolling.under_way(other, name)
        leader.kill()

    budget = rolling.LONG if asked is other else 30
    result, _seconds = rolling.meanwhile(lambda: change(host, name, "whoami:0.6", timeout=5, wait_timeout=budget), kill)
    eventually(lambda: quorate(other), "a new leader", SEEN_LEADER_LOST)
    after = state.of(other, name)
    assert managers.counted.updates == 1
    assert after.spec == slowed.with_image("whoami:0.6")
    assert before.image == "whoami:0.7"
    assert result.changed
    if asked is other:
        assert not result.failed, result.text
        assert result.service["outcome"] == "converged"
    else:
        assert result.failed, result.text
        assert result.service["outcome"] == "timed_out"
        assert "Nothing was changed" not in result.message
    again = change(managers.proxies[other].host, name, "whoami:0.6", timeout=30)
    assert not again.failed, again.text
    assert not again.changed
    assert managers.counted.updates == 1


ACROSS = 30
"""Seconds of a wait that begins when the leader has died, and goes on after the nodes have found the new one."""
DIES = ["/bin/sh", "-c", "sleep 3; exit 1"]


@pytest.fixture
def crashing(swarm: Swarm, managers: Doors) -> Iterator[list[str]]:
    """Global services of three tasks each: they crash at once, or within the monitor's time."""
    assert len(managers.hosts) == 3
    prefix = f"crashing{next(_names)}"
    names = [f"{prefix}-at-once", f"{prefix}-soon"]
    specs = [services.simple(name, image, monitor=5) for name, image in zip(names, ("crash:1", "whoami:0.7"))]
    specs[1]["TaskTemplate"]["ContainerSpec"]["Command"] = DIES
    for spec in specs:
        services.post(swarm.leader, {**spec, "Mode": {"Global": {}}})
    yield names
    whole(swarm)
    services.remove(swarm.leader, prefix)


def test_services_that_crash_never_converge_over_a_change_of_leaders(
    swarm: Swarm, managers: Doors, crashing: list[str]
) -> None:
    """A new leader knows no node for seconds, and of each task only what the one before it knew."""
    outcomes = []
    for _number in range(LEADERS):
        whole(swarm)
        leader = swarm.leader
        other = next(engine for engine in swarm.managers if engine is not leader)
        leader.kill()
        params: dict[str, Any] = {"wait_timeout": ACROSS, "timeout": SEEN_LEADER_LOST, "docker_host": other.host}
        result = run.module("swarm_service_wait", services=[{"name": name} for name in crashing], **params)
        assert "services" in result.data, result.text
        outcomes.append([entry["outcome"] for entry in result.data["services"]])
        assert min(entry["progress"]["desired"] for entry in result.data["services"]) >= len(managers.hosts) - 1
    assert [outcome for outcome in outcomes if outcome != ["timed_out"] * 2] == []


def test_a_global_rollout_names_the_dead_node_that_the_swarm_waits_for(swarm: Swarm, managers: Doors) -> None:
    name = f"dead{next(_names)}"
    services.post(swarm.leader, services.simple(name, "whoami:0.7", Mode={"Global": {}}))
    services.started(swarm.leader, name, len(managers.hosts))
    dead = next(engine for engine in swarm.managers if engine is not swarm.leader)
    dead.kill()
    result = change(swarm.leader.host, name, "whoami:0.6", wait_timeout=60)
    try:
        assert result.failed
        assert result.service["outcome"] == "timed_out"
        assert re.search(r"waits for node \S+ \(down\)", result.message), result.message
    finally:
        whole(swarm)
        services.remove(swarm.leader, name)


def without_quorum(swarm: Swarm) -> tuple[Engine, list[Engine]]:
    """Kill two of three managers; gives the one that is left, and the dead."""
    left, *dead = swarm.managers
    for engine in dead:
        engine.kill()
    eventually(lambda: not quorate(left), "the swarm has lost its quorum", 60)
    return left, dead


def quorate(engine: Engine) -> bool:
    """Whether a manager can still speak for the swarm."""
    try:
        return engine.api("GET", "/services", timeout=30).ok
    except requests.Timeout:
        return False


def test_quorum_is_lost_and_comes_back(swarm: Swarm, managers: Doors, name: str) -> None:
    before = state.of(swarm.leader, name)
    left, _dead = without_quorum(swarm)
    host = managers.proxies[left].host
    began = time.monotonic()
    lost = change(host, name, "whoami:0.6", timeout=TIMEOUT)
    seconds = time.monotonic() - began
    assert lost.failed
    assert any(words in lost.message for words in NO_QUORUM), lost.message
    assert "Nothing was changed" in lost.message
    assert not lost.changed
    assert seconds < TIMEOUT + GRACE

    whole(swarm)
    assert state.of(swarm.leader, name).spec == before.spec
    back = change(host, name, "whoami:0.6")
    assert not back.failed, back.text
    assert back.changed
    assert back.service["outcome"] == "converged"
    assert managers.counted.updates == 1
    after = state.of(swarm.leader, name)
    assert (after.spec, after.previous) == (before.with_image("whoami:0.6"), before.spec)


def test_quorum_is_lost_before_the_write(swarm: Swarm, managers: Doors, name: str) -> None:
    before = state.of(swarm.leader, name)
    left = swarm.managers[0]

    def lose(exchange: Exchange) -> None:
        without_quorum(swarm)
        managers.counted(exchange)

    proxy = managers.proxies[left]
    proxy.clear()
    proxy.on("POST", state.UPDATE, lose)
    proxy.on("POST", state.UPDATE, managers.counted, times=None)
    lost = change(proxy.host, name, "whoami:0.6", timeout=TIMEOUT)
    assert lost.failed
    assert any(words in lost.message for words in NO_QUORUM), lost.message
    assert lost.changed == ("not known" in lost.message)

    whole(swarm)
    landed = state.of(swarm.leader, name).spec != before.spec
    back = change(proxy.host, name, "whoami:0.6")
    assert not back.failed, back.text
    assert back.changed == (not landed)
    after = state.of(swarm.leader, name)
    assert (after.spec, after.previous) == (before.with_image("whoami:0.6"), before.spec)

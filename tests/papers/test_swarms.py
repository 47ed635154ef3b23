# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook for many swarms, on three of them: the canary swarm decides."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.papers.shop import BROKEN, NEW, OLD, Shop, changed
from tests.swarm import Endpoint, Engine, Registry, images, services
from tests.swarm.box import Box, interpreter_for_ansible


@pytest.fixture(scope="module")
def swarms(filled: Shop) -> Iterator[list[Shop]]:
    """Return three swarms with the shop, the canary swarm first; each manager talks to its own engine."""
    with ExitStack() as stack:
        made = [filled]
        for _each in range(2):
            engine = stack.enter_context(Engine())
            images.load(engine)
            registry = stack.enter_context(Registry(engine))
            made.append(replace(filled, engine=engine, registry=registry))
            made[-1].fill()
        hosts = "".join(f"swarm{number} {reached(shop.engine, shop, number)}\n" for number, shop in enumerate(made))
        (filled.desk.folder / "swarms").write_text(f"[swarms]\n{hosts}", encoding="utf-8")
        yield made


def reached(engine: Endpoint, shop: Shop, number: int) -> str:
    """Return the variables of a host that is the manager of a swarm."""
    folder = shop.desk.folder / f"manager-{number}"
    folder.mkdir()
    network = ["nsenter", "--target", str(engine.space.pid), "--net", "--"] if isinstance(engine.space, Box) else []
    python = interpreter_for_ansible(folder, "env", f"DOCKER_HOST={engine.host}", *network, sys.executable)
    return f"ansible_connection=local ansible_python_interpreter={python}"


def stand(swarms: list[Shop], monitor: float) -> list[str]:
    """Have each swarm run the old release, and return the service's name."""
    for shop in swarms:
        services.remove(shop.engine, shop.name)
        shop.stand({"web": shop.image("web", OLD)}, monitor=monitor)
    return [f"{shop.name}_web" for shop in swarms]


def release(swarms: list[Shop], tag: str) -> tuple[int, str]:
    done = swarms[0].play("many_swarms", "-i", "swarms", "-e", f"release={tag}")
    return done.status, done.text


def test_all_swarms_get_the_release(swarms: list[Shop]) -> None:
    names = stand(swarms, monitor=0.2)
    done = swarms[0].play("many_swarms", "-i", "swarms", "-e", f"release={NEW}")
    assert changed(done) == [1, 1, 1]
    assert done.text.count("TASK [Run the release, all or nothing in each swarm]") == 3  # one, and half of three twice
    assert [shop.has(name) for shop, name in zip(swarms, names)] == [shop.image("web", NEW) for shop in swarms]


def test_a_canary_swarm_that_fails_keeps_the_others_as_they_are(swarms: list[Shop]) -> None:
    names = stand(swarms, monitor=5)
    before = [services.inspect(shop.engine, name)["Version"] for shop, name in zip(swarms, names)]
    status, text = release(swarms, BROKEN)
    assert status == 2
    assert [shop.has(name) for shop, name in zip(swarms, names)] == [shop.image("web", OLD) for shop in swarms]
    after = [services.inspect(shop.engine, name)["Version"] for shop, name in zip(swarms, names)]
    assert [old == new for old, new in zip(before, after)] == [False, True, True]
    assert "swarm1" not in text.partition("PLAY RECAP")[2]

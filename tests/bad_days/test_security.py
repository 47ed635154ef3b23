# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and sockets are opened as the user who runs the module; hostile engines cannot flood the output or draw in it.

Which engines are trusted is in the unit tests of the transport: wrong authorities and names, expired certificates.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Proxy
from tests.swarm.box import new_folder
from tests.swarm.proxy import Exchange, Reply, Rewrite

NOBODY = 65534
ESCAPE = "\x1b]0;title\x07\x1b[2J\x1b[31mred\u202e\r\n\x9b1m"
FLOOD = 2 * 1024 * 1024
LONGEST_TEXT = 64 * 1024
"""Characters that a run may print whatever the engine says: the module's own arguments are some two thousand."""
UPDATE_STATUS = {"State": "paused", "StartedAt": "2026-01-01T00:00:00Z"}


@pytest.fixture
def open_to_all(proxy: Proxy) -> Proxy:
    """A proxy that every user may reach."""
    proxy.folder.chmod(0o755)
    (proxy.folder / "proxy.sock").chmod(0o666)
    return proxy


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    made = new_folder()
    made.chmod(0o755)
    yield made
    for file in made.iterdir():
        file.unlink()
    made.rmdir()


def change(host: str, name: str, image: str = "whoami:0.6", **params: Any) -> run.Result:
    """Run the module with a short time-out."""
    return run.module("swarm_service_image", name=name, image=image, docker_host=host, timeout=10, **params)


def test_the_socket_is_opened_as_the_user(engine: Endpoint, open_to_all: Proxy, service: str) -> None:
    users: list[int] = []

    def look(exchange: Exchange) -> None:
        peer = exchange.client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        users.append(struct.unpack("3i", peer)[1])
        exchange.relay(exchange.forward())

    for method in ("GET", "POST"):
        open_to_all.on(method, ".", look, times=None)
    result = change(open_to_all.host, service, user=NOBODY)
    assert result.changed, result.text
    assert set(users) == {NOBODY}
    assert len(users) == len(open_to_all.requests)
    assert state.of(engine, service).image == "whoami:0.6"


@pytest.mark.parametrize("closed", ["folder", "socket"])
def test_a_socket_that_the_user_may_not_open(engine: Endpoint, open_to_all: Proxy, service: str, closed: str) -> None:
    before = state.of(engine, service)
    path = {"folder": open_to_all.folder, "socket": open_to_all.folder / "proxy.sock"}[closed]
    path.chmod(0o700)
    result = change(open_to_all.host, service, user=NOBODY)
    assert result.failed
    assert "No permission to open the engine's socket" in result.message
    assert "become" in result.message
    assert open_to_all.requests == []
    assert state.of(engine, service) == before


@pytest.mark.parametrize("mode", [0o600, 0o644], ids=["closed", "open"])
def test_the_config_is_read_as_the_user(
    engine: Endpoint, open_to_all: Proxy, service: str, folder: Path, mode: int
) -> None:
    config = folder / "config.json"
    config.write_text(json.dumps({"auths": {}}), encoding="utf-8")
    config.chmod(mode)
    params: dict[str, Any] = {"registry_auth": "docker_config", "docker_config": str(folder), "user": NOBODY}
    result = change(open_to_all.host, service, **params)
    readable = mode == 0o644
    assert result.failed == (not readable), result.text
    assert readable or (str(config) in result.message and "ermission" in result.message)
    assert state.of(engine, service).image == ("whoami:0.6" if readable else "whoami:0.7")
    assert len(open_to_all.posts) == readable


Edit = Callable[[Any], object]


def each(edit: Edit) -> Rewrite:
    """Change every object of an answer, which is a list of them or one."""

    def rewrite(body: bytes) -> bytes:
        answer = json.loads(body)
        for one in answer if isinstance(answer, list) else [answer]:
            edit(one)
        return json.dumps(answer).encode()

    return Rewrite(rewrite)


def named(text: str) -> Edit:
    """Give services another name."""
    return lambda one: one["Spec"].update(Name=text)


def imaged(text: str) -> Edit:
    """Give services another image."""
    return lambda one: one["Spec"]["TaskTemplate"]["ContainerSpec"].update(Image=text)


def paused(text: str) -> Edit:
    """Have services say why they paused."""
    return lambda one: one.update(UpdateStatus={**UPDATE_STATUS, "Message": text})


FLOODED = "long " * (FLOOD // 5)
HOSTILE: dict[str, tuple[str, str, Callable[[Exchange], None]]] = {
    "names with escapes": ("GET", r"/services(\?|$)", each(named(ESCAPE))),
    "long names": ("GET", r"/services(\?|$)", each(named("n" * FLOOD))),
    "images with escapes": ("GET", r"/services(\?|$)", each(imaged(ESCAPE))),
    "long images": ("GET", r"/services(\?|$)", each(imaged("i" * FLOOD))),
    "no images": ("GET", r"/services(\?|$)", each(lambda one: one["Spec"].update(Name=ESCAPE, TaskTemplate={}))),
    "messages with escapes": ("GET", r"/services(\?|$)", each(paused(ESCAPE))),
    "long messages": ("GET", r"/services(\?|$)", each(paused(FLOODED))),
    "errors with escapes": ("POST", state.UPDATE, Reply(400, {"message": ESCAPE})),
    "long errors": ("POST", state.UPDATE, Reply(400, {"message": FLOODED})),
    "long errors of reads": ("GET", r"/services(\?|$)", Reply(500, {"message": FLOODED + ESCAPE})),
    "a page": ("GET", r"/services(\?|$)", Reply(200, b"<html>\x1b[2J" * 1000)),
    "a page for an error": ("POST", state.UPDATE, Reply(503, b"<html>\x1b[2J" * 1000)),
    "warnings with escapes": ("POST", state.UPDATE, each(lambda one: one.update(Warnings=[ESCAPE]))),
    "long warnings": ("POST", state.UPDATE, each(lambda one: one.update(Warnings=[FLOODED]))),
    "many warnings": ("POST", state.UPDATE, each(lambda one: one.update(Warnings=["w" * 400] * 10_000))),
    "100 MB of JSON": ("GET", r"/services(\?|$)", Reply(200, b"[" + b"{}," * 35_000_000 + b"{}]")),
    "60 MB of JSON": ("GET", r"/services(\?|$)", Reply(200, b"[" + b'"",' * 20_000_000 + b'""]')),
    "deep nesting": ("GET", r"/services(\?|$)", Reply(200, b"[" * 1_000_000 + b"]" * 1_000_000)),
    "deep nesting of an error": (
        "GET",
        r"/services(\?|$)",
        Reply(500, b'{"message":' + b"[" * 900 + b"]" * 900 + b"}"),
    ),
    "a state with escapes": ("GET", "/_ping", Reply(200, b"OK", {"Api-Version": "1.41", "Swarm": "\x1b[2Jred"})),
    "a version with escapes": ("GET", "/_ping", Reply(200, b"OK", {"Api-Version": "1.\x1b[2J41"})),
    "a long version": ("GET", "/_ping", Reply(200, b"OK", {"Api-Version": "1" * 60_000})),
}


def shown(value: Any) -> Iterator[str]:
    """Yield all texts in what a module returned."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from shown(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from shown(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("plugin", ["swarm_service_image", "swarm_service_image_info"])
def test_hostile_answers(engine: Endpoint, proxy: Proxy, service: str, case: str, plugin: str) -> None:
    state.change(engine, service, lambda spec: spec.update(Labels={"chosen": service}))
    method, path, action = HOSTILE[case]
    proxy.on(method, path, action, times=None)
    params: dict[str, Any] = {"select": {"labels": {"chosen": service}}, "docker_host": proxy.host, "timeout": 20}
    if plugin == "swarm_service_image":
        params.update(image="whoami:0.6", wait=True, wait_timeout=2)
    result = run.module(plugin, **params)

    assert "has a fault" not in result.message
    assert "Traceback" not in result.text
    assert len(result.text) < LONGEST_TEXT
    drawn = [text[:80] for text in shown(result.data) if "\x1b" in text or "\x9b" in text or "\x07" in text]
    assert drawn == []
    assert len(result.message) < 4000
    assert result.seconds < 60
    assert state.of(engine, service).image in ("whoami:0.7", "whoami:0.6")

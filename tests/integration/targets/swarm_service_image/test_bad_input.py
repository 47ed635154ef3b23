# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and engines in trouble: a clear error, nothing touched, and no variable of the service shown."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Engine, Proxy, StubEngine, Swarm, eventually, services
from tests.swarm.box import new_folder
from tests.swarm.proxy import Action, CutDuring, Drip, Endless, Reply, Rewrite, http_answer

TIMEOUT = 1
"""Seconds of one call in the tests of what never ends."""
BOUND = 20
"""Seconds in which such a run is over, Python's own start included."""
NOBODY = 65534

HTML = b"<html><body><h1>Welcome to nginx!</h1></body></html>"
HASH = "a" * 64
REFERENCES = {
    "": ["empty"],
    " ": ["it is empty"],
    "whoami:": ["tag after the colon is empty"],
    "whoami:0.6:1": ["whoami:0.6:1"],
    f"whoami:{'x' * 129}": ["129 characters", "128"],
    "Whoami:0.6": ["lower case"],
    "who ami:0.6": ["'who ami'"],
    "whoami@sha256:abc": ["sha256", "64"],
    "http://registry.example.com/whoami": ["http:"],
    HASH: ["image's ID"],
    f"team/{'x' * 256}:0.6": ["261 characters", "255"],
    "whoami:0.6\nPASSWORD": ["whoami:0.6"],
}
NAMES = {
    "": ["empty"],
    "no such service": ["no service 'no such service'"],
    "../info": ["no service '../info'"],
    "a/update?version=1": ["no service"],
    "x" * 300: ["no service"],
    "\x1b[31mred": ["no service 'red'"],
}
ADDRESSES = {
    "": ["docker_host", "unix:///PATH"],
    "ssh://deploy@manager1": ["docker_host 'ssh://deploy@manager1' is not the address", "have Ansible connect"],
    "ssh://deploy:hunter2@manager1": ["docker_host 'ssh://deploy:***@manager1' is not the address"],
    "/var/run/docker.sock": ["docker_host", "unix:///PATH"],
    "tcp://robot:hunter2@127.0.0.1:2375": ["docker_host"],
    "tcp://127.0.0.1:port": ["docker_host"],
    "tcp://127.0.0.1:9": ["tcp://127.0.0.1:9", "reached"],
    f"unix:///tmp/{'x' * 120}.sock": ["longer than"],
}


@dataclass(frozen=True)
class Subject:
    """A service that must come out of every test as it went in."""

    engine: Endpoint
    name: str
    secret: str
    before: state.State

    def refused(self, *words: str, host: str = "", **params: Any) -> run.Result:
        """Run the module, which must fail with all of these words, touch nothing and show no variable.

        Whether the words are in upper case is left to the engine's version, since some are the engine's own.
        """
        params = {"name": self.name, "image": "whoami:0.6", "docker_host": host or self.engine.host, **params}
        result = run.module("swarm_service_image", **params)
        assert result.failed, result.text
        assert not result.changed
        for word in (*words, "nothing was changed"):
            assert word.lower() in result.message.lower(), result.message
        assert "Traceback" not in result.text
        assert self.secret not in result.text
        assert "PLAIN=1" not in result.text
        assert state.of(self.engine, self.name) == self.before
        return result


@pytest.fixture
def subject(engine: Endpoint, service: str, secret: str) -> Subject:
    """Return the service that must not be touched."""
    return Subject(engine, service, secret, state.of(engine, service))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a fresh folder with a path short enough for a socket."""
    made = new_folder()
    yield made
    for path in made.iterdir():
        path.unlink()
    made.rmdir()


def labels(table: Iterable[str]) -> list[str]:
    """Return short names for the rows of a table."""
    return [repr(text)[:40] for text in table]


# What is asked for


def test_unknown_service_with_near_names(subject: Subject, proxy: Proxy) -> None:
    wanted = subject.name[:-1]
    subject.refused(f"no service '{wanted}'", f"Did you mean {subject.name}", name=wanted, host=proxy.host)
    assert proxy.posts == []


@pytest.mark.parametrize(("name", "words"), NAMES.items(), ids=labels(NAMES))
def test_name_that_is_none(subject: Subject, name: str, words: list[str]) -> None:
    assert "\x1b" not in subject.refused(*words, name=name).message


@pytest.mark.parametrize(("image", "words"), REFERENCES.items(), ids=labels(REFERENCES))
def test_invalid_reference(subject: Subject, proxy: Proxy, image: str, words: list[str]) -> None:
    subject.refused("not a valid image reference", *words, image=image, host=proxy.host)
    assert proxy.posts == []


@pytest.mark.parametrize("missing", ["name", "image"])
def test_missing_option(engine: Endpoint, service: str, secret: str, missing: str) -> None:
    params: dict[str, Any] = {"name": service, "image": "whoami:0.6", "docker_host": engine.host}
    del params[missing]
    before = state.of(engine, service)
    result = run.module("swarm_service_image", **params)
    assert result.failed
    assert missing in result.message
    assert secret not in result.text
    assert state.of(engine, service) == before


@pytest.mark.parametrize("timeout", [0, -1, 10**10])
def test_timeout_that_is_none(subject: Subject, proxy: Proxy, timeout: int) -> None:
    subject.refused(f"timeout is {timeout} seconds", timeout=timeout, host=proxy.host)
    assert proxy.requests == []


@pytest.mark.parametrize("module", ["swarm_service_image", "swarm_service_wait", "swarm_service_rollback"])
def test_negative_wait_timeout(subject: Subject, proxy: Proxy, module: str) -> None:
    wish: dict[str, Any] = {"image": "whoami:0.6"} if module == "swarm_service_image" else {}
    result = run.module(module, name=subject.name, wait_timeout=-1, docker_host=proxy.host, **wish)
    assert result.message == "wait_timeout is -1 seconds; it must be 0 or more. Nothing was changed."
    assert proxy.requests == []
    assert state.of(subject.engine, subject.name) == subject.before


def test_name_that_ends_with_a_space(subject: Subject) -> None:
    subject.refused(f"no service '{subject.name} ' in", f"Did you mean {subject.name}?", name=f"{subject.name} ")
    listed = [{"name": f" {subject.name}", "image": "whoami:0.6"}, {"name": "other", "image": "whoami:0.6"}]
    result = run.module("swarm_service_image", services=listed, docker_host=subject.engine.host)
    assert f"no service ' {subject.name}' in" in result.message


def test_settings_of_the_docker_cli_that_are_empty(engine: Endpoint, service: str) -> None:
    names = ("HOST", "TLS", "TLS_VERIFY", "TLS_HOSTNAME", "TIMEOUT", "CERT_PATH", "CONFIG", "AUTH_CONFIG")
    env = {f"DOCKER_{name}": "" for name in names}
    params: dict[str, Any] = {"name": service, "registry_auth": "docker_config"}
    given = run.module("swarm_service_image", env=env, image="whoami:0.6", docker_host=engine.host, **params)
    assert given.changed, given.text
    default = run.module("swarm_service_image", env=env, image="whoami:0.7", **params)
    assert default.data["invocation"]["module_args"]["docker_host"] == "unix:///var/run/docker.sock"
    assert default.data["invocation"]["module_args"]["timeout"] == 60


def test_plugin_service(service_name: str, secret: str) -> None:
    plugin = {"Name": service_name, "Remote": "127.0.0.1:9/plugin:1", "Disabled": True, "Env": [f"PASSWORD={secret}"]}
    task = {
        "Runtime": "plugin",
        "PluginSpec": plugin,
        "Placement": {"Constraints": ["node.hostname == nowhere.example.com"]},
    }
    with Engine("--experimental") as experimental:
        spec = {"Name": service_name, "TaskTemplate": task, "Mode": {"Global": {}}}
        identifier = services.post(experimental, spec)
        before = services.inspect(experimental, identifier)
        for name in (service_name, identifier):
            result = run.module("swarm_service_image", name=name, image="whoami:0.6", docker_host=experimental.host)
            assert result.failed
            for word in (service_name, "no container image", "plugin", "Nothing was changed"):
                assert word in result.message, result.message
            assert secret not in result.text
        assert services.inspect(experimental, identifier) == before


@pytest.mark.parametrize("runtime", ["attachment", ""])
def test_network_attachment_service(subject: Subject, proxy: Proxy, runtime: str) -> None:
    """No engine creates such a service for a client, so a proxy shows one."""

    def attachment(answer: bytes) -> bytes:
        held = json.loads(answer)
        held["Spec"]["TaskTemplate"] = {"NetworkAttachmentSpec": {"ContainerID": "c" * 64}, "Runtime": runtime}
        return json.dumps(held).encode()

    proxy.on("GET", state.INSPECT, Rewrite(attachment), times=None)
    subject.refused(subject.name, "no container image", "attachment", host=proxy.host)
    assert proxy.posts == []


def test_refusal_that_quotes_a_variable(subject: Subject, proxy: Proxy) -> None:
    words = f"invalid environment variable PASSWORD={subject.secret} of the service"
    proxy.on("POST", state.UPDATE, Reply(400, {"message": words}), times=None)
    result = run.module("swarm_service_image", name=subject.name, image="whoami:0.6", docker_host=proxy.host)
    assert result.failed
    assert "invalid environment variable" in result.message
    assert "400" in result.message
    assert subject.secret not in result.text
    assert state.of(subject.engine, subject.name) == subject.before
    assert len(proxy.posts) == 1


# The node


def test_worker(subject: Subject) -> None:
    with Swarm(1, 1) as swarm:
        [worker] = swarm.workers
        subject.refused(worker.host, "worker", "manager", "promote", host=worker.host)


def test_not_in_a_swarm(subject: Subject) -> None:
    with Engine(swarm=False) as lonely:
        subject.refused(lonely.host, "swarm", "init", "join", host=lonely.host)


def restarts_locked(engine: Engine) -> bool:
    """Restart an engine, and return whether it is locked: the key goes to the disk some time after the command."""

    def state() -> str:
        return str(engine.get("/info")["Swarm"]["LocalNodeState"])

    engine.kill()
    engine.start()
    eventually(lambda: state() in ("active", "locked"), "the engine knows its swarm")
    return state() == "locked"


def test_locked_swarm(subject: Subject) -> None:
    with Engine() as locked:
        locked.docker("swarm", "update", "--autolock")
        eventually(lambda: restarts_locked(locked), "the swarm is locked", timeout=60)
        subject.refused(locked.host, "docker swarm unlock", host=locked.host)


# The way to the engine


@pytest.mark.parametrize(("host", "words"), ADDRESSES.items(), ids=labels(ADDRESSES))
def test_address_that_is_none(engine: Endpoint, service: str, secret: str, host: str, words: list[str]) -> None:
    before = state.of(engine, service)
    result = run.module("swarm_service_image", name=service, image="whoami:0.6", docker_host=host, timeout=2)
    assert result.failed
    for word in (*words, "Nothing was changed"):
        assert word in result.message, result.message
    assert secret not in result.text
    assert "hunter2@" not in result.message
    assert state.of(engine, service) == before


def test_no_socket(subject: Subject, folder: Path) -> None:
    subject.refused(f"no socket at {folder}/docker.sock", "docker_host", host=f"unix://{folder}/docker.sock")


def test_no_permission_on_the_socket(subject: Subject, proxy: Proxy) -> None:
    path = proxy.host[len("unix://") :]
    Path(path).parent.chmod(0o755)
    Path(path).chmod(0o600)
    subject.refused(path, "permission", "become", host=proxy.host, user=NOBODY)
    assert proxy.requests == []


def test_no_permission_on_the_folder_of_the_socket(subject: Subject, proxy: Proxy) -> None:
    path = proxy.host[len("unix://") :]
    subject.refused(path, "permission", "become", host=proxy.host, user=NOBODY)
    assert proxy.requests == []


def test_file_that_is_no_socket(subject: Subject, folder: Path) -> None:
    path = folder / "docker.sock"
    path.write_text("not a socket", encoding="ascii")
    subject.refused(f"{path} is not a socket", "docker_host", host=f"unix://{path}")


def test_folder_that_is_no_socket(subject: Subject, folder: Path) -> None:
    subject.refused(f"{folder} is not a socket", "docker_host", host=f"unix://{folder}")


def test_socket_on_which_nothing_listens(subject: Subject, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(folder / "docker.sock"))
    subject.refused("Nothing listens", f"{folder}/docker.sock", host=f"unix://{folder}/docker.sock")


def test_library_missing(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "requests_unixsocket.py").write_text("raise ImportError('not here')", encoding="ascii")
    env = {"PYTHONPATH": f"{tmp_path}:{os.environ['ANSIBLE_COLLECTIONS_PATH']}"}
    result = run.module("swarm_service_image", name=subject.name, image="x:1", docker_host=subject.engine.host, env=env)
    assert result.failed
    for words in ("requests-unixsocket", "pip install requests-unixsocket", "apt install python3-requests-unixsocket"):
        assert words in result.message
    assert subject.secret not in result.text
    assert state.of(subject.engine, subject.name) == subject.before


# Not an engine at the other end

STRANGERS = {
    "HTML": (http_answer(HTML, kind="text/html").replace(b"Api-Version: 1.41\r\n", b""), b""),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", b""),
    "closed at once": (b"", b""),
    "truncated": (http_answer(b'{"ID": "a', length=1000), b""),
    "endless body": (b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n", b" " * 65536),
    "endless head": (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "endless line": (b"", b"x" * 65536),
    "HTML as JSON": (http_answer(HTML), b""),
    "another kind of JSON": (http_answer(b"[1, 2]"), b""),
    "deep JSON": (http_answer(b"[" * 200000), b""),
    "JSON without the fields": (http_answer(b'{"ID": "abc"}'), b""),
}


@pytest.mark.parametrize(("answer", "endless"), STRANGERS.values(), ids=STRANGERS)
def test_stranger(subject: Subject, answer: bytes, endless: bytes) -> None:
    with StubEngine(answer, endless) as stub:
        result = subject.refused(host=stub.host, timeout=TIMEOUT)
    assert stub.host in result.message or "/services/" in result.message
    assert result.seconds < BOUND


BREAKS = {
    "cut within": CutDuring(600),
    "HTML": Reply(200, HTML, {"Content-Type": "text/html"}),
    "HTML 502": Reply(502, HTML, {"Content-Type": "text/html"}),
    "truncated": Rewrite(lambda body: body[:-20]),
    "list": Rewrite(lambda body: b"[" + body + b"]"),
    "spec missing": Rewrite(lambda body: body.replace(b'"Spec":', b'"Other":')),
    "endless": Endless(),
    "drip": Drip(0.2),
}


@pytest.mark.parametrize("action", BREAKS.values(), ids=BREAKS)
def test_answer_that_breaks(subject: Subject, proxy: Proxy, action: Action) -> None:
    proxy.on("GET", state.INSPECT, action, times=None)
    result = subject.refused(f"/services/{subject.name}", host=proxy.host, timeout=TIMEOUT)
    assert result.seconds < BOUND
    assert proxy.posts == []

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry's password is nowhere but in the header that needs it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import registries, run
from tests.swarm import Endpoint, Proxy, Registry
from tests.swarm.proxy import Before, Reply

USERNAME = "releaser"
PASSWORD = "tOp-5ecret: of the/registry+nobody?knows"
REQUESTS = 2
"""Requests of a task that carry the password: one to the registry, and the update."""
PAIR = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()

# What Ansible logs to where it can: its own seam for the journal, which takes the place of syslog.
JOURNAL = """
import json

def sendv(*entries):
    pass

def send(MESSAGE, **fields):
    with open({path!r}, "a", encoding="utf-8") as file:
        json.dump({{"MESSAGE": MESSAGE, **fields}}, file, default=str)
        file.write("\\n")
"""
DAEMON = "def booted():\n    return True\n"
HELPER = """#!/bin/sh
read -r server
cat /proc/[0-9]*/cmdline > '{folder}/seen-by-helper' 2>/dev/null
cat '{folder}/answer.json'
"""


@pytest.fixture(scope="module")
def closed(engine: Endpoint) -> Iterator[Registry]:
    """A private registry whose password no other process of the machine has."""
    with Registry(engine, port=5002, username=USERNAME, password=PASSWORD) as started:
        started.push("whoami:0.8", "app:1")
        yield started


@dataclass
class Watched:
    """Everything that a run leaves behind: what it printed, what it logged, the command lines that were seen."""

    folder: Path
    text: str = ""

    @property
    def log(self) -> str:
        return (self.folder / "ansible.log").read_text(encoding="utf-8")

    @property
    def journal(self) -> str:
        return (self.folder / "journal").read_text(encoding="utf-8")

    @property
    def command_lines(self) -> str:
        return (self.folder / "command-lines").read_text(encoding="utf-8", errors="replace")

    def see_command_lines(self) -> None:
        """Keep the command lines of all processes."""
        with (self.folder / "command-lines").open("ab") as kept:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    kept.write(path.read_bytes().replace(b"\0", b" ") + b"\n")
                except OSError:  # it has ended
                    continue

    def assert_silent(self) -> None:
        everything = {"printed": self.text, "log": self.log, "journal": self.journal, "ps": self.command_lines}
        header = base64.urlsafe_b64encode(json.dumps({"username": USERNAME, "password": PASSWORD}).encode()).decode()
        for where, text in everything.items():
            for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], PAIR, PAIR.rstrip("="), header[:60]):
                assert secret not in text, where


@pytest.fixture
def watched(proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Log all that Ansible has to log, and look at all command lines while the engine is being asked."""
    package = tmp_path / "lib" / "systemd"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "journal.py").write_text(JOURNAL.format(path=str(tmp_path / "journal")), encoding="utf-8")
    (package / "daemon.py").write_text(DAEMON, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(tmp_path / "ansible.log"))
    found = Watched(tmp_path)
    proxy.on("GET", registries.DISTRIBUTION, Before(found.see_command_lines), times=None)
    proxy.on("POST", "/update", Before(found.see_command_lines), times=None)
    return found


def play(watched: Watched, options: dict[str, Any], verdict: str) -> None:
    """Run the module at the highest verbosity, its options from a file."""
    path = watched.folder / "options.json"
    path.write_text(json.dumps({"options": options}), encoding="utf-8")
    done = run.playbook(run.registered("swarm_service_image", verdict), "-vvvvv", "--diff", "-e", f"@{path}")
    watched.text = done.text
    assert done.status == 0, done.text


def test_explicit_password(proxy: Proxy, closed: Registry, service: str, watched: Watched) -> None:
    options: dict[str, Any] = {
        "name": service,
        "image": f"{closed.address}/app:1",
        "registry_username": USERNAME,
        "registry_password": PASSWORD,
        "on_unresolved": "fail",
        "docker_host": proxy.host,
    }
    play(watched, options, "changed")
    passwords = [registries.credential(request)["password"] for request in registries.asked(proxy) + proxy.posts]
    assert passwords == [PASSWORD] * REQUESTS
    assert '"registry_password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in watched.text
    assert f"{closed.address}/app:1@sha256:" in watched.log
    assert "registry_password=NOT_LOGGING_PARAMETER" in watched.journal
    assert "swarm_service_image" in watched.command_lines
    watched.assert_silent()


@pytest.mark.parametrize("source", ["file", "helper", "variable"])
def test_password_of_a_docker_config(
    proxy: Proxy, closed: Registry, service: str, watched: Watched, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    folder = watched.folder
    auths: dict[str, Any] = {"auths": {closed.address: {"auth": PAIR}}}
    config = auths if source == "file" else {}
    if source == "helper":
        program = folder / "docker-credential-tests"
        program.write_text(HELPER.format(folder=folder), encoding="utf-8")
        program.chmod(0o755)
        (folder / "answer.json").write_text(json.dumps({"Username": USERNAME, "Secret": PASSWORD}), encoding="utf-8")
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        config = {"credsStore": "tests"}
    if source == "variable":
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(auths))
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    options: dict[str, Any] = {
        "name": service,
        "image": f"{closed.address}/app:1",
        "registry_auth": "docker_config",
        "docker_config": str(folder),
        "on_unresolved": "fail",
        "docker_host": proxy.host,
    }
    if source == "variable":
        result = run.module(
            "swarm_service_image",
            env={"DOCKER_AUTH_CONFIG": json.dumps(auths)},
            diff=True,
            resolve="changed",
            **options,
        )
        assert not result.failed, result.text
        watched.text = result.text
        (folder / "ansible.log").touch()
        (folder / "journal").touch()
    else:
        play(watched, options, "changed")
    passwords = [registries.credential(request)["password"] for request in registries.asked(proxy) + proxy.posts]
    assert passwords == [PASSWORD] * REQUESTS
    if source == "helper":
        seen = (folder / "seen-by-helper").read_bytes().decode(errors="replace")
        assert "docker-credential-tests" in seen
        assert PASSWORD not in seen
        assert PAIR not in seen
    watched.assert_silent()


def config_of(folder: Path, address: str) -> str:
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": PAIR}}}), encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def parrot(engine: Endpoint) -> Iterator[registries.Misbehaving]:
    """A private registry that repeats what it was sent in the text of its errors."""
    with registries.Misbehaving(engine, 5007, private=True) as started:
        yield started


@pytest.mark.parametrize(
    ("status", "on_unresolved"), [("401", "warn"), ("403", "fail"), ("404", "fail"), ("429", "warn")]
)
def test_registry_that_repeats_the_password(
    engine: Endpoint,
    parrot: registries.Misbehaving,
    service: str,
    tmp_path: Path,
    status: str,
    on_unresolved: str,
) -> None:
    image = f"{parrot.address}/{status}/app:1"
    told = engine.api("GET", f"/distribution/{image}/json", headers={"X-Registry-Auth": header(parrot.address)})
    assert PASSWORD in told.json()["message"]
    assert PAIR in told.json()["message"]
    result = run.module(
        "swarm_service_image",
        name=service,
        image=image,
        resolve="changed",
        on_unresolved=on_unresolved,
        registry_auth="docker_config",
        docker_config=config_of(tmp_path, parrot.address),
        docker_host=engine.host,
    )
    assert result.failed is (on_unresolved == "fail")
    assert f"{status} of a test" in result.text
    assert PASSWORD not in result.text
    assert PAIR not in result.text


def header(address: str) -> str:
    fields = {"username": USERNAME, "password": PASSWORD, "serveraddress": address}
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode()


def test_engine_that_repeats_the_header(proxy: Proxy, closed: Registry, service: str, watched: Watched) -> None:
    sent = header(closed.address)
    proxy.clear()
    proxy.on("GET", registries.DISTRIBUTION, Before(watched.see_command_lines))
    proxy.on("POST", "/update", Reply(400, {"message": f"invalid X-Registry-Auth header: {sent} {PASSWORD} {PAIR}"}))
    options: dict[str, Any] = {
        "name": service,
        "image": f"{closed.address}/app:1",
        "registry_auth": "docker_config",
        "docker_config": config_of(watched.folder, closed.address),
        "on_unresolved": "fail",
        "docker_host": proxy.host,
    }
    play(watched, options, "failed")
    assert "invalid X-Registry-Auth header" in watched.text
    watched.assert_silent()

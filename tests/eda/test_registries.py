# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's rulebooks for other registries, each with what its registry sends, in that registry's own form."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.eda.guide import block
from tests.eda.receiver import Receiver
from tests.papers.desk import desk
from tests.swarm import Endpoint

PORTS = {"Harbor": 5081, "GitHub": 5082, "Docker Hub": 5083}
TOKEN = "tokentokentoken"
VARIABLES = {
    "webhook_host": "127.0.0.1",
    "registry": "registry.example.com",
    "owner": "shop",
    "repositories": ["shop/web", "web"],
    "tags": "2[.]4[.][0-9]+$",
    "managers": "manager1",
    "playbook": "told.yml",
}
PLAYBOOK = """\
- name: Tell what is passed on
  hosts: "{{ managers }}"
  gather_facts: false
  tasks:
    - name: Tell it
      ansible.builtin.debug:
        msg: "told {{ registry }}/{{ pushed.repository }}:{{ pushed.tag }}"
"""
SECRET = TOKEN.encode()


def harbor(repository: str, tag: str) -> dict[str, Any]:
    """Return what Harbor sends for an artifact that was pushed."""
    url = f"harbor.example.com/{repository}:{tag}"
    resource = {"digest": f"sha256:{'0' * 64}", "tag": tag, "resource_url": url}
    name = repository.rpartition("/")
    described = {"name": name[2], "namespace": name[0], "repo_full_name": repository, "repo_type": "private"}
    event = {"resources": [resource], "repository": described}
    return {"type": "PUSH_ARTIFACT", "occur_at": 1586922308, "operator": "admin", "event_data": event}


def github(repository: str, tag: str) -> dict[str, Any]:
    """Return what GitHub sends for a version of a container package that was published."""
    namespace, _slash, name = repository.rpartition("/")
    version = {"id": 1, "name": "sha256:00", "container_metadata": {"tag": {"name": tag, "digest": "sha256:00"}}}
    package = {"id": 2, "name": name, "namespace": namespace, "ecosystem": "CONTAINER", "package_version": version}
    return {"action": "published", "registry_package": package, "sender": {"login": "octocat"}}


def docker_hub(repository: str, tag: str) -> dict[str, Any]:
    """Return what Docker Hub sends for a push."""
    namespace, _slash, name = repository.rpartition("/")
    pushed = {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": tag}
    described = {"name": name, "namespace": namespace, "repo_name": repository, "status": "Active"}
    return {"callback_url": "https://hub.example.com/hook/1/", "push_data": pushed, "repository": described}


def signed(body: bytes, secret: bytes = SECRET) -> Mapping[str, str]:
    """Return the header with GitHub's signature of a body."""
    return {"X-Hub-Signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"}


@dataclass(frozen=True)
class Sender:
    """How a registry sends: its payload, the headers and path with its secret, and what is answered to a wrong one."""

    payload: Callable[[str, str], dict[str, Any]]
    proof: Callable[[bytes], Mapping[str, str]]
    forgery: Callable[[bytes], Mapping[str, str]]
    path: str = "/"
    refused: int = 401


SENDERS = {
    "Harbor": Sender(
        harbor,
        lambda _body: {"Authorization": f"Bearer {TOKEN}"},
        lambda _body: {"Authorization": "Bearer wrong"},
    ),
    "GitHub": Sender(github, signed, lambda body: signed(body, b"wrong")),
    "Docker Hub": Sender(docker_hub, lambda _body: {}, lambda _body: {}, path=f"/{TOKEN}", refused=200),
}


@pytest.fixture(scope="module")
def receivers(engine: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Receiver]]:
    """Start one process with the rulebooks of all registries; it answers at a port for each."""
    place = desk(engine, tmp_path_factory.mktemp("desk"))
    rulebook = [
        ruleset
        for name, port in PORTS.items()
        for ruleset in yaml.safe_load(block(f"- name: Push to deploy from {name}\n", {"{{ webhook_port }}": str(port)}))
    ]
    for name, text in {"told.yml": PLAYBOOK, "rulebook.yml": rulebook, "vars.yml": VARIABLES}.items():
        (place.folder / name).write_text(text if isinstance(text, str) else yaml.safe_dump(text), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-rulebook"))
    files = ("--rulebook", "rulebook.yml", "--inventory", "hosts", "--vars", "vars.yml")
    command = (program, *files, "--env-vars", "PUSH_TO_DEPLOY_TOKEN")
    settings = {"PUSH_TO_DEPLOY_TOKEN": TOKEN}
    made = {name: Receiver(engine, place, command, settings, f"127.0.0.1:{port}") for name, port in PORTS.items()}
    first, *others = made.values()
    with first:
        for other in others:
            other.await_answer()
        yield made


@pytest.mark.parametrize("name", SENDERS)
def test_pushes_are_passed_on(receivers: Mapping[str, Receiver], name: str) -> None:
    sender, receiver = SENDERS[name], receivers[name]
    runs = len(receiver.runs)

    def send(repository: str, tag: str, path: str = sender.path, proof: Any = sender.proof) -> int:
        body = json.dumps(sender.payload(repository, tag)).encode()
        return receiver.post(body, proof(body), path)

    for repository, tag in (("shop/db", "2.4.1"), ("other/web", "2.4.1"), ("shop/web", ""), ("shop/web", "latest")):
        assert send(repository, tag) == 200
    assert send("shop/web", "2.4.1{{ 7 }}") == 200
    assert send("shop/web", "2.4.6", path="/", proof=sender.forgery) == sender.refused
    assert send("shop/web", "2.4.7") == 200
    receiver.has_run(runs + 1)
    [told] = re.findall(r'"msg": "told (.*)"', receiver.text)[runs:]
    assert told == f"registry.example.com/{'web' if name == 'GitHub' else 'shop/web'}:2.4.7"

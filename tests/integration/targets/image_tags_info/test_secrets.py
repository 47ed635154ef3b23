# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No password and no token is in anything that Ansible prints or logs, at the highest verbosity."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run
from tests.integration.hostile import GIVEN, PAIR, PASSWORD, USERNAME, Hostile
from tests.swarm import Endpoint, Registry
from tests.swarm.box import interpreter_for_ansible
from tests.swarm.tokens import TokenRegistry


@pytest.fixture(scope="module")
def with_tokens(network: Endpoint, registry: Registry) -> Iterator[TokenRegistry]:
    """A registry with tokens over the open one's images."""
    registry.put_image("secrets/app", "1.0", created=None)
    with TokenRegistry(network, port=5032, username=USERNAME, password=PASSWORD).over(registry) as started:
        yield started


@pytest.fixture(scope="module")
def hostile(network: Endpoint, registry: Registry) -> Iterator[Hostile]:
    with Hostile(network, 5034, registry.address) as started:
        yield started


def everything(
    network: Endpoint, folder: Path, options: Mapping[str, Any], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run the module in the registry's network, its options from a file, and return all that was printed and logged."""
    log = folder / "ansible.log"
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(log))
    python = interpreter_for_ansible(folder, *network.space.command(sys.executable))
    path = folder / "options.json"
    path.write_text(json.dumps({"options": options, "ansible_python_interpreter": str(python)}), encoding="utf-8")
    done = run.playbook(run.registered("image_tags_info", verdict), "-vvvvv", "--diff", "-e", f"@{path}")
    assert done.status == 0, done.text
    return done.text + log.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", ["options", "password", "identity"])
def test_tokens(
    network: Endpoint, with_tokens: TokenRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    entry = {"auth": PAIR} if source == "password" else {"identitytoken": with_tokens.identity}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {with_tokens.address: entry}}), encoding="utf-8")
    config = {"registry_auth": "docker_config", "docker_config": str(tmp_path)}
    options = {
        "repository": f"{with_tokens.address}/secrets/app",
        "semver": "*",
        **(GIVEN if source == "options" else config),
    }
    before = len(with_tokens.tokens)
    text = everything(network, tmp_path, options, "succeeded", monkeypatch)
    made = with_tokens.tokens[before:]
    assert len(made) == 1
    assert f"{with_tokens.address}/secrets/app:1.0@sha256:" in text
    secrets = [PASSWORD, json.dumps(PASSWORD)[1:-1], PAIR, with_tokens.identity, *made, made[0].rpartition(".")[2]]
    assert [secret for secret in secrets if secret in text] == []


def test_a_registry_that_repeats_what_it_is_sent(
    network: Endpoint, hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"repository": f"{hostile.address}/parrot/app", "semver": "*", **GIVEN}
    text = everything(network, tmp_path, options, "failed", monkeypatch)
    assert "DENIED not for" in text
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in text
    assert [secret for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], PAIR) if secret in text] == []

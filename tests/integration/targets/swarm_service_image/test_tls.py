# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that listen with TLS on another machine's address: whom the modules trust, and what they send to whom."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run
from tests.swarm import Registry, images, services
from tests.swarm.secure import NAME, Pki, SecureEngine

INFO = "swarm_service_image_info"
SECRET = "s3cret, never sent"
OTHERS_WORDS = "No trusted TLS connection to "
NO_TRUST = "Set ca_path to the authority that signed the engine's certificate. Nothing was changed."
NO_CLIENT = "Set client_cert and client_key: the engine wants a certificate that its own authority has signed."
UNCHECKED = (
    "The credentials for registries would go to a machine whose certificate is not checked, since validate_certs is "
    "false. Set validate_certs=true, and ca_path to the authority that signed the engine's certificate, or use the "
    "manager's own socket. Nothing was changed."
)


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[SecureEngine]:
    """An engine that wants no certificate of its clients."""
    with SecureEngine(wants_client=False) as engine:
        services.create(engine, "web", "whoami:0.7", replicas=0)
        yield engine


@pytest.fixture(scope="module")
def strict() -> Iterator[SecureEngine]:
    """An engine that wants one, and has the images."""
    with SecureEngine(wants_client=True) as engine:
        images.load(engine)
        services.create(engine, "web", "whoami:0.7", replicas=0)
        yield engine


def call(engine: SecureEngine, module: str, /, scheme: str = "https", **params: Any) -> tuple[run.Result, list[str]]:
    """Run a module on a machine beside the engine; return its result, and what the engine was asked for."""
    before = len(engine.calls)
    given = {"name": "web", "docker_host": f"{scheme}://{engine.address}", **params}
    return run.module(module, space=engine.box, **given), engine.calls[before:]


def client(pki: Pki) -> dict[str, str]:
    return {"client_cert": str(pki.client / "cert.pem"), "client_key": str(pki.client / "key.pem")}


SECURED: list[tuple[str, dict[str, Any]]] = [
    ("https", {}),
    ("tcp", {"tls": True}),
    ("tcp", {"validate_certs": True}),
]
NAMES = ["https", "tls", "validate_certs"]


@pytest.mark.parametrize(("scheme", "params"), SECURED, ids=NAMES)
def test_a_checked_connection_takes_credentials(strict: SecureEngine, scheme: str, params: dict[str, Any]) -> None:
    with Registry(strict, username="robot", password=SECRET) as registry:
        repository = "-".join(["checked", scheme, *params]).replace("_", "-")
        digest = registry.push("whoami:0.8", f"{repository}:1")
        login = {"registry_username": "robot", "registry_password": SECRET}
        paths = {"ca_path": strict.pki.authority, **client(strict.pki)}
        image = f"{registry.address}/{repository}:1"
        wish = {"image": image, "resolve": "changed", "on_unresolved": "fail"}
        result, calls = call(strict, "swarm_service_image", scheme, **wish, **login, **paths, **params)
    assert result.changed, result.text
    assert result.service["image"]["after"] == f"{image}@{digest}"
    assert any(line.startswith("POST") for line in calls)
    assert SECRET not in result.text


@pytest.mark.parametrize(("scheme", "params"), SECURED, ids=NAMES)
def test_an_authority_that_nobody_named_is_not_trusted(
    open_to_all: SecureEngine, scheme: str, params: dict[str, Any]
) -> None:
    result, calls = call(open_to_all, INFO, scheme, **params)
    assert result.failed
    assert result.message.startswith(f"{OTHERS_WORDS}{scheme}://{open_to_all.address}: ")
    assert "certificate verify failed" in result.message
    assert result.message.endswith(NO_TRUST)
    assert "_ssl.c" not in result.message
    assert calls == []


def test_a_wrong_authority_is_not_trusted(open_to_all: SecureEngine, tmp_path: Path) -> None:
    result, calls = call(open_to_all, INFO, ca_path=Pki(tmp_path).authority)
    assert result.failed
    assert "certificate verify failed" in result.message
    assert result.message.endswith(NO_TRUST)
    assert calls == []


@pytest.mark.parametrize(("scheme", "params"), [("https", {}), ("tcp", {"tls": True})], ids=["https", "tls"])
def test_anybody_is_trusted_where_that_is_said(open_to_all: SecureEngine, scheme: str, params: dict[str, Any]) -> None:
    result, calls = call(open_to_all, INFO, scheme, validate_certs=False, **params)
    assert result.service["image"] == "whoami:0.7", result.text
    assert calls[0] == "GET /_ping"


def test_another_name_in_the_certificate(open_to_all: SecureEngine) -> None:
    trusted = {"ca_path": open_to_all.pki.authority}
    assert not call(open_to_all, INFO, tls_hostname=NAME, **trusted)[0].failed
    result, calls = call(open_to_all, INFO, tls_hostname="manager2.example.com", **trusted)
    assert result.failed
    assert "Set tls_hostname to a name that the engine's certificate carries." in result.message
    assert calls == []


def test_the_docker_cli_s_folder_without_a_client_certificate(open_to_all: SecureEngine, tmp_path: Path) -> None:
    shutil.copy(open_to_all.pki.authority, tmp_path / "ca.pem")
    result, _calls = call(open_to_all, INFO, env={"DOCKER_CERT_PATH": str(tmp_path)})
    assert not result.failed, result.text


def test_the_docker_cli_s_folder_with_a_client_certificate(strict: SecureEngine) -> None:
    env = {"DOCKER_CERT_PATH": str(strict.pki.client), "DOCKER_TLS_VERIFY": "1"}
    result, _calls = call(strict, INFO, "tcp", env=env)
    assert not result.failed, result.text


def test_a_client_without_a_certificate_or_with_a_stranger_s(strict: SecureEngine, tmp_path: Path) -> None:
    for given in ({}, client(Pki(tmp_path))):
        result, calls = call(strict, INFO, ca_path=strict.pki.authority, **given)
        assert result.failed
        assert NO_CLIENT in result.message
        assert calls == []


def test_an_engine_with_tls_that_is_asked_without(open_to_all: SecureEngine) -> None:
    result, calls = call(open_to_all, INFO, "tcp")
    assert result.message == (
        f"The engine at tcp://{open_to_all.address} wants TLS: set tls=true, or write https:// in docker_host. "
        "Nothing was changed."
    )
    assert calls == []


@pytest.mark.parametrize(("scheme", "params"), [("https", {}), ("tcp", {"tls": True})], ids=["https", "tls"])
@pytest.mark.parametrize("way", ["registry_password", "docker_config"])
@pytest.mark.parametrize("module", ["swarm_service_image", INFO])
def test_no_credentials_for_whom_nobody_checks(
    open_to_all: SecureEngine, tmp_path: Path, module: str, way: str, scheme: str, params: dict[str, Any]
) -> None:
    auths = {"auths": {"docker.io": {"username": "robot", "password": SECRET}}}
    (tmp_path / "config.json").write_text(json.dumps(auths), encoding="utf-8")
    ways = {
        "registry_password": {"registry_username": "robot", "registry_password": SECRET},
        "docker_config": {"registry_auth": "docker_config", "docker_config": str(tmp_path)},
    }
    wish = {"check_registry": True} if module == INFO else {"image": "whoami:0.6"}
    result, calls = call(open_to_all, module, scheme, validate_certs=False, **wish, **ways[way], **params)
    assert result.message == UNCHECKED
    assert SECRET not in result.text
    assert calls == []


def test_an_open_line_to_another_machine(open_to_all: SecureEngine) -> None:
    login = {"registry_username": "robot", "registry_password": SECRET}
    result, calls = call(open_to_all, "swarm_service_image", "tcp", image="whoami:0.6", **login)
    assert "would go over an unencrypted connection to another machine." in result.message
    assert calls == []

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from typing import Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    HUB_KEY,
    Credential,
    GivenKeychain,
    Keychain,
)

DOMAIN = "registry.example.com:5000"
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


def pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def decoded(header: str) -> Dict[str, str]:
    assert len(header) % 4 == 0
    fields: Dict[str, str] = json.loads(base64.b64decode(header, altchars=b"-_", validate=True))
    return fields


@given(TEXT, TEXT)
def test_the_header_is_padded_base64url_of_json(username: str, password: str) -> None:
    fields = decoded(Credential(DOMAIN, username, password).header())
    assert fields == {"username": username, "password": password, "serveraddress": DOMAIN}


def test_the_header_of_a_token() -> None:
    assert decoded(Credential(DOMAIN, identity_token="t").header()) == {"identitytoken": "t", "serveraddress": DOMAIN}
    assert decoded(Credential(DOMAIN, registry_token="t").header()) == {"registrytoken": "t", "serveraddress": DOMAIN}


def test_an_empty_credential_is_the_one_of_the_docker_cli() -> None:
    assert Credential().header() == "e30="
    assert Credential().secrets == []


def test_a_credential_does_not_show_its_secrets() -> None:
    credential = Credential(DOMAIN, "robot", "pass-word", "identity-token", "registry-token")
    assert "robot" in repr(credential)
    assert not any(secret in repr(credential) for secret in credential.secrets)
    texts = {"pass-word", "identity-token", "registry-token", pair("robot", "pass-word"), credential.header()}
    assert set(credential.secrets) == texts


def test_no_credentials_are_none() -> None:
    assert Keychain().find(DOMAIN) is None


@pytest.mark.parametrize(("domain", "server"), [(DOMAIN, DOMAIN), ("docker.io", HUB_KEY)])
def test_what_is_given_with_the_task(domain: str, server: str) -> None:
    assert GivenKeychain("robot", "word").find(domain) == Credential(server, "robot", "word")

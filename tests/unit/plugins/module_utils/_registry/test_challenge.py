# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Dict, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.challenge import challenges, choose

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"'
REALM = "https://auth.docker.io/token"


@pytest.mark.parametrize(
    ("header", "scheme", "parameters"),
    [
        (HUB, "bearer", {"realm": REALM, "service": "registry.docker.io", "scope": "repository:library/nginx:pull"}),
        ('Basic realm="tests"', "basic", {"realm": "tests"}),
        ("Basic", "basic", {}),
        ('BEARER Realm = "https://a" , Service=b', "bearer", {"realm": "https://a", "service": "b"}),
        (r'Basic realm="a \"b\", c"', "basic", {"realm": 'a "b", c'}),
        ('Basic realm="x", Bearer realm="https://a",service="b"', "bearer", {"realm": "https://a", "service": "b"}),
        ('Bearer realm="https://a",scope="repository:a:pull,push"', "bearer", None),
        ('Negotiate, NTLM, Basic realm="x"', "basic", {"realm": "x"}),
        ('Bearer service="b", Basic realm="x"', "basic", {"realm": "x"}),
    ],
)
def test_what_is_answered(header: str, scheme: str, parameters: Optional[Dict[str, str]]) -> None:
    challenge = choose(header)
    assert challenge is not None
    assert challenge.scheme == scheme
    assert parameters is None or challenge.parameters == parameters


@pytest.mark.parametrize("header", ["", "Negotiate", "Digest realm=x, nonce=y", '"', "=,=", 'Bearer realm=""'])
def test_what_cannot_be_answered(header: str) -> None:
    assert choose(header) is None


def test_the_end_of_what_can_be_read() -> None:
    assert [challenge.scheme for challenge in challenges('Basic realm="x" ??? Bearer realm="y"')] == ["basic"]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List
from urllib.parse import parse_qs

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.access import Access
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import Answer, RegistryError, Trust, Web
from tests.unit.plugins.module_utils._registry.registries import PASSWORD, USERNAME, Table, answer, basic
from tests.unit.plugins.module_utils.fakes import FakeClock

REALM = "https://auth.example.com/token"
ASKED = f"{REALM}?service=tests&scope=repository%3Ashop%2Fweb%3Apull"
USER = Credential("registry.example.com", USERNAME, PASSWORD)


def challenged(realm: str = REALM, scope: str = "repository:shop/web:pull") -> Answer:
    return answer("", 401, www_authenticate=f'Bearer realm="{realm}",service="tests",scope="{scope}"')


def make(table: Table, credential: Any = None, verifies: bool = True, is_local: bool = False) -> Access:
    return Access(
        Web(table, FakeClock(), 60, Trust(validate_certs=verifies), is_local), "shop/web", credential, verifies
    )


def given(table: Table) -> List[str]:
    return [question.headers.get("Authorization", "") for question in table.questions]


@pytest.mark.parametrize("name", ["token", "access_token"])
@pytest.mark.parametrize(("credential", "shown"), [(None, ""), (USER, basic())])
def test_a_token(name: str, credential: Any, shown: str) -> None:
    table = Table({ASKED: answer({name: "t0k3n"})})
    access = make(table, credential)
    assert access.renew(challenged())
    assert access.authorization == "Bearer t0k3n"
    assert given(table) == [shown]


def test_a_new_token_for_one_that_has_expired() -> None:
    access = make(Table({ASKED: [answer({"token": "one"}), answer({"token": "two"}), answer({"token": "two"})]}))
    assert access.renew(challenged())
    assert access.renew(challenged())
    assert access.authorization == "Bearer two"
    assert not access.renew(challenged())


@pytest.mark.parametrize("asked", ["repository:shop/web:pull,push", "repository:other:pull", ""])
def test_it_asks_for_no_more_than_to_pull(asked: str) -> None:
    table = Table({ASKED: answer({"token": "t0k3n"})})
    assert make(table).renew(challenged(scope=asked))


def test_a_realm_with_a_query() -> None:
    realm = "https://auth.example.com/token?tenant=1"
    table = Table({f"{realm}&service=tests&scope=repository%3Ashop%2Fweb%3Apull": answer({"token": "t0k3n"})})
    assert make(table).renew(challenged(realm))


def test_an_identity_token_goes_into_a_body() -> None:
    table = Table({REALM: answer({"access_token": "t0k3n"})})
    access = make(table, Credential("registry.example.com", identity_token="1dentity"))
    assert access.renew(challenged())
    [question] = table.questions
    assert (question.method, question.headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs((question.body or b"").decode()) == {
        "service": ["tests"],
        "scope": ["repository:shop/web:pull"],
        "grant_type": ["refresh_token"],
        "client_id": ["swarmops.rollout"],
        "refresh_token": ["1dentity"],
    }


def test_a_registry_token_is_shown_as_it_is() -> None:
    access = make(Table({}), Credential("registry.example.com", registry_token="r3gistry"))
    assert access.renew(challenged())
    assert access.authorization == "Bearer r3gistry"
    assert not access.renew(challenged())


def test_a_password() -> None:
    access = make(Table({}), USER)
    assert access.renew(answer("", 401, www_authenticate='Basic realm="tests"'))
    assert access.authorization == basic()
    assert not access.renew(answer("", 401, www_authenticate='Basic realm="tests"'))


@pytest.mark.parametrize(
    ("credential", "header"),
    [
        (None, 'Basic realm="tests"'),
        (Credential("registry.example.com", identity_token="1dentity"), 'Basic realm="tests"'),
        (USER, ""),
        (USER, "Negotiate"),
    ],
)
def test_nothing_to_show(credential: Any, header: str) -> None:
    access = make(Table({}), credential)
    assert not access.renew(answer("", 401, www_authenticate=header))
    assert access.authorization == ""


@pytest.mark.parametrize(
    ("realm", "verifies", "is_local", "is_sent"),
    [
        ("http://auth.example.com/token", True, False, False),
        ("http://auth.example.com/token", True, True, False),
        ("https://auth.example.com/token", False, True, False),
        ("https://auth.example.com/token", True, True, True),
        ("http://127.0.0.1:5001/token", True, True, True),
        ("http://127.0.0.1:5001/token", False, True, True),
        ("http://127.0.0.1.example.com/token", True, True, False),
    ],
)
def test_where_a_password_is_sent(realm: str, verifies: bool, is_local: bool, is_sent: bool) -> None:
    table = Table({f"{realm}?service=tests&scope=repository%3Ashop%2Fweb%3Apull": answer({"token": "t0k3n"})})
    access = make(table, USER, verifies, is_local)
    if is_sent:
        assert access.renew(challenged(realm))
        return
    with pytest.raises(RegistryError, match=r"where others could read them\. Nothing was sent\."):
        access.renew(challenged(realm))
    assert table.questions == []


def test_a_token_service_redirects_to_another_host() -> None:
    other = "https://evil.example.com/"
    table = Table({ASKED: answer("", 307, location=other), other: answer({"token": "t0k3n"})})
    make(table, USER).renew(challenged())
    assert given(table) == [basic(), ""]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (answer({"errors": [{"code": "UNAUTHORIZED", "message": "wrong"}]}, 401), "(401: UNAUTHORIZED wrong)."),
        (answer({"details": "incorrect username or password"}, 401), "returned no token (401)."),
        (answer(b"<html>"), "returned no token (200)."),
        (answer({}), "returned no token (200)."),
        (answer({"token": ["t0k3n"]}), "returned no token (200)."),
        (answer({"token": "a\r\nEvil: header"}), "returned no token (200)."),
        (answer({"token": "tökén"}), "returned no token (200)."),
    ],
)
def test_no_token(reply: Answer, says: str) -> None:
    with pytest.raises(RegistryError) as caught:
        make(Table({ASKED: reply}), USER).renew(challenged())
    assert "https://auth.example.com/token, the registry's token service, returned no token" in str(caught.value)
    assert says in str(caught.value)
    assert "It was asked with credentials" in str(caught.value)


def test_what_is_secret_is_kept_for_errors() -> None:
    table = Table({ASKED: answer({"token": "t0k3n"})})
    web = Web(table, FakeClock(), 60, Trust())
    Access(web, "shop/web", USER, True).renew(challenged())
    parrot: Dict[str, Any] = {"errors": [{"message": f"{PASSWORD} {basic()} t0k3n {USER.header()}"}]}
    assert web.reason(answer(parrot)) == ": *** Basic *** *** ***"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from email.utils import formatdate
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    OVERDUE,
    Answer,
    Question,
    RegistryError,
    Trust,
    Unanswered,
    Web,
    is_loopback,
    origin_of,
    shown,
)
from tests.unit.plugins.module_utils._registry.registries import CHECKED, Table, answer
from tests.unit.plugins.module_utils.fakes import FakeClock

URL = "https://registry.example.com/v2/"
OTHER = "https://other.example.com/x"
AUTHORIZED = {"Authorization": "Basic c2VjcmV0", "Accept": "a/b"}


def ask(table: Any, *, trust: Trust = CHECKED, is_local: bool = False, timeout: float = 60, **more: Any) -> Answer:
    web = Web(table, more.pop("clock", FakeClock()), timeout, trust, is_local)
    return web.ask("GET", more.pop("url", URL), 1000, more.pop("headers", AUTHORIZED), **more)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("target", "asked", "is_own"),
    [
        (OTHER, OTHER, False),
        ("//other.example.com/x", OTHER, False),
        ("https://registry.example.com:8443/x", "https://registry.example.com:8443/x", False),
        ("https://registry.example.com.evil.org/x", "https://registry.example.com.evil.org/x", False),
        ("/x", "https://registry.example.com/x", True),
        ("https://registry.example.com:443/x", "https://registry.example.com:443/x", True),
    ],
)
def test_credentials_do_not_follow_a_redirect_to_another_host(
    status: int, target: str, asked: str, is_own: bool
) -> None:
    table = Table({URL: answer("", status, location=target), asked: answer("there")})
    assert ask(table).url == asked
    assert table.questions[-1].headers == (AUTHORIZED if is_own else {"Accept": "a/b"})


def test_credentials_do_not_come_back_after_a_detour() -> None:
    table = Table(
        {URL: answer("", 307, location=OTHER), OTHER: answer("", 307, location=f"{URL}x"), f"{URL}x": answer()}
    )
    ask(table)
    assert [("Authorization" in question.headers) for question in table.questions] == [True, False, False]


def test_a_redirect_in_a_circle() -> None:
    table = Table({URL: answer("", 307, location=OTHER), OTHER: answer("", 307, location=URL)})
    with pytest.raises(RegistryError, match="more than 5 redirects"):
        ask(table)
    assert len(table.questions) == 6


def test_a_body_with_a_credential_is_not_redirected() -> None:
    with pytest.raises(RegistryError, match="redirects a request that carries a credential"):
        ask(Table({URL: answer("", 307, location="/x")}), body=b"refresh_token=s3cret")


@pytest.mark.parametrize(
    ("target", "trust", "is_local", "is_asked"),
    [
        ("http://other.example.com/x", Trust(), False, False),
        ("http://127.0.0.1/x", Trust(), False, False),
        ("http://other.example.com/x", Trust(validate_certs=False), False, True),
        ("http://127.0.0.1:5000/x", Trust(), True, True),
        ("file:///etc/shadow", Trust(), True, False),
        ("ftp://other.example.com/x", Trust(), True, False),
        ("https://user:hunter2@other.example.com/x", Trust(), False, False),
        ("https://:443/x", Trust(), False, False),
        ("https://[/x", Trust(), False, False),
        ("https://other.example.com/\x1b[31m", Trust(), False, False),
        ("https://other.example.com/ä", Trust(), False, False),
        ("https://other.example.com/a b", Trust(), False, False),
    ],
)
def test_what_is_asked(target: str, trust: Trust, is_local: bool, is_asked: bool) -> None:
    table = Table({URL: answer("", 307, location=target), target: answer("there")})
    if is_asked:
        assert ask(table, trust=trust, is_local=is_local).url == target
        return
    with pytest.raises(RegistryError) as caught:
        ask(table, trust=trust, is_local=is_local)
    assert "which is not asked: only https:// is, without a user in it." in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert table.urls == [URL]


def test_a_redirect_without_a_target_is_an_answer() -> None:
    assert ask(Table({URL: answer("", 304)})).status == 304


def test_the_size_of_an_answer() -> None:
    assert len(ask(Table({URL: answer(b"x" * 1000)})).body) == 1000
    with pytest.raises(RegistryError, match=r"The answer of https://registry.example.com/v2/ is larger than 0.000954 "):
        ask(Table({URL: answer(b"x" * 1001)}))


# Again


def busy(after: Optional[str] = None, status: int = 429) -> Answer:
    content = {"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down"}]}
    return answer(content, status, **({} if after is None else {"retry_after": after}))


@pytest.mark.parametrize(
    ("replies", "pauses"),
    [
        ([busy("7"), answer()], [7.0]),
        ([busy("0"), answer()], [0.0]),
        ([busy(), busy(), answer()], [1.0, 3.0]),
        ([busy("soon"), answer()], [1.0]),
        ([busy("99999999999"), answer()], [1.0]),
        ([busy(status=502), busy("5", 503), busy(status=504), answer()], [1.0, 5.0, 11.0]),
    ],
)
def test_it_asks_again_when_the_registry_says(replies: Any, pauses: Any) -> None:
    clock = FakeClock()
    assert ask(Table({URL: replies}), clock=clock).status == 200
    assert clock.pauses == pauses


def test_a_date_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    clock = FakeClock()
    ask(Table({URL: [busy(formatdate(1_700_000_009, usegmt=True)), answer()]}), clock=clock)
    ask(Table({URL: [busy(formatdate(1_600_000_000, usegmt=True)), answer()]}), clock=clock)
    assert clock.pauses == [9.0, 0.0]


def test_a_wait_that_is_too_long_is_not_begun() -> None:
    clock = FakeClock()
    with pytest.raises(RegistryError) as caught:
        ask(Table({URL: busy("3600")}), clock=clock)
    assert str(caught.value) == (
        "registry.example.com limits how often it is asked (429) and asks to wait 3600 seconds, which is more than "
        "timeout=60 leaves. Ask with credentials, or less often, or set a longer timeout."
    )
    assert clock.pauses == []


def test_a_registry_that_stays_busy() -> None:
    clock, table = FakeClock(), Table({URL: busy()})
    with pytest.raises(RegistryError, match=r"limits how often it is asked \(429\), which is more"):
        ask(table, clock=clock)
    assert sum(clock.pauses) < 60
    assert len(table.questions) < 10


def test_a_registry_that_stays_unready() -> None:
    with pytest.raises(RegistryError) as caught:
        ask(Table({URL: busy(status=503)}))
    said = "registry.example.com is not ready (503: TOOMANYREQUESTS slow down). It was asked for 60 seconds."
    assert str(caught.value) == said


@pytest.mark.parametrize("status", [200, 206, 400, 401, 404, 500, 501])
def test_what_is_an_answer_for_good(status: int) -> None:
    table = Table({URL: answer({}, status)})
    assert ask(table).status == status
    assert len(table.questions) == 1


# Time


class Slow:
    """Answers after so many seconds, by linking on; keeps the time that each call was given."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.given: list[float] = []

    def __call__(self, question: Question) -> Answer:
        self.given.append(question.seconds)
        self.clock.sleep(self.seconds)
        return answer("", 307, location="/x")


def test_a_call_has_one_limit_with_its_redirects() -> None:
    clock = FakeClock()
    slow = Slow(clock, 25)
    with pytest.raises(Unanswered) as caught:
        ask(slow, clock=clock)
    assert caught.value.kind == OVERDUE
    assert slow.given == [60.0, 35.0, 10.0]


def test_all_calls_together_have_a_limit() -> None:
    clock = FakeClock()
    web = Web(Table({URL: answer()}), clock, 60, Trust())
    for _count in range(10):
        web.ask("GET", URL, 1000)
        clock.sleep(59.9)
    web.ask("GET", URL, 1000)
    clock.sleep(1.1)
    with pytest.raises(Unanswered):
        web.ask("GET", URL, 1000)


# URLs


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("localhost:5000", True),
        ("localhost", True),
        ("127.0.0.1:5000", True),
        ("127.1.2.3", True),
        ("[::1]:5000", True),
        ("registry.example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("10.127.0.1", False),
        ("[", False),
    ],
)
def test_what_is_this_machine(domain: str, expected: bool) -> None:
    assert is_loopback(domain) is expected


def test_a_url_is_shown_without_secrets() -> None:
    assert shown("https://u:hunter2@h.example.com:8443/a/b?sig=hunter2#c") == "https://h.example.com:8443/a/b"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://a.example.com/x", "https://a.example.com:443/y", True),
        ("http://a.example.com/x", "http://a.example.com:80/y", True),
        ("https://a.example.com", "http://a.example.com", False),
        ("https://a.example.com", "https://a.example.com:8443", False),
        ("https://a.example.com", "https://a.example.com:port", False),
    ],
)
def test_one_origin(one: str, other: str, expected: bool) -> None:
    assert (origin_of(one) == origin_of(other)) is expected

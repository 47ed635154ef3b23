# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy and the stub, before an engine that is itself a stub: no root and no engine needed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.swarm.engine import Endpoint
from tests.swarm.proxy import (
    Before,
    CutAfter,
    CutBefore,
    CutDuring,
    Delay,
    Drip,
    Endless,
    Exchange,
    Proxy,
    Reply,
    Rewrite,
    RewriteRequest,
    StubEngine,
    http_answer,
)

BODY = b'{"from":"engine"}'
PATH = "/v1.41/services/x/update"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with StubEngine(http_answer(BODY)) as stub, Proxy(stub.host) as started:
        yield started


@pytest.fixture
def call(proxy: Proxy) -> Iterator[Callable[..., requests.Response]]:
    with Endpoint(proxy.host) as endpoint:
        yield lambda method="POST", **options: endpoint.api(method, PATH, timeout=5, **options)


def test_records_what_passes(proxy: Proxy, call: Callable[..., requests.Response]) -> None:
    assert call(json={"a": 1}, params={"version": 3}).content == BODY
    call("GET")
    assert [(request.method, request.path) for request in proxy.requests] == [
        ("POST", f"{PATH}?version=3"),
        ("GET", PATH),
    ]
    assert [request.json for request in proxy.posts] == [{"a": 1}]
    assert proxy.posts[0].headers["content-type"] == "application/json"


def test_chunked_request_arrives_whole(proxy: Proxy, call: Callable[..., requests.Response]) -> None:
    assert call(data=iter([b"ab", b"cd"])).ok
    assert proxy.posts[0].body == b"abcd"


@pytest.mark.parametrize("action", [CutBefore(), CutAfter(), CutDuring(4)])
def test_cuts(proxy: Proxy, call: Callable[..., requests.Response], action: Callable[[Exchange], None]) -> None:
    proxy.on("POST", "/update$", action)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        call()
    assert call().content == BODY


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        (Reply(500, {"message": "no"}), 500, b'{"message": "no"}'),
        (Reply(503, b"raw"), 503, b"raw"),
        (Rewrite(lambda body: body + b"!"), 200, BODY + b"!"),
        (Drip(0.0), 200, BODY),
        (Delay(0.0), 200, BODY),
    ],
)
def test_answers(
    proxy: Proxy, call: Callable[..., requests.Response], action: Any, status: int, expected: bytes
) -> None:
    proxy.on("POST", "/update$", action)
    answer = call()
    assert (answer.status_code, answer.content) == (status, expected)


def test_before_runs_first_and_the_request_goes_on(proxy: Proxy, call: Callable[..., requests.Response]) -> None:
    seen: list[int] = []
    proxy.on("POST", "/update$", Before(lambda: seen.append(len(proxy.requests))))
    assert call().content == BODY
    assert seen == [1]


def test_rewritten_request_is_what_the_engine_gets() -> None:
    with StubEngine(http_answer(BODY)) as stub, Proxy(stub.host) as behind, Proxy(behind.host) as before:
        before.on("POST", "", RewriteRequest(lambda body: json.dumps({"was": len(body)}).encode()))
        with Endpoint(before.host) as endpoint:
            endpoint.api("POST", PATH, data=b"12345")
        assert behind.posts[0].json == {"was": 5}
        assert before.posts[0].body == b"12345"


def test_rules_are_counted_and_the_first_that_matches_is_taken(
    proxy: Proxy, call: Callable[..., requests.Response]
) -> None:
    proxy.on("GET", "", Reply(418), times=None)
    proxy.on("POST", "/elsewhere", Reply(404), times=None)
    proxy.on("POST", "/update$", Reply(500), times=2)
    proxy.on("POST", "/update$", Reply(503))
    assert [call().status_code for _number in range(4)] == [500, 500, 503, 200]
    assert [call("GET").status_code for _number in range(3)] == [418, 418, 418]


def test_endless_body_ends_with_the_client(proxy: Proxy, call: Callable[..., requests.Response]) -> None:
    proxy.on("GET", "", Endless(piece=b"x" * 1000))
    answer = call("GET", stream=True)
    assert len(answer.raw.read(100_000)) == 100_000
    answer.close()


def test_closing_does_not_wait_for_a_delay(proxy: Proxy, call: Callable[..., requests.Response]) -> None:
    proxy.on("POST", "", Delay(60))
    failed: list[requests.ConnectionError] = []

    def ask() -> None:
        try:
            call()
        except requests.ConnectionError as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not proxy.requests:
        time.sleep(0.001)
    proxy.close()
    asking.join(timeout=5)
    assert failed


@pytest.mark.parametrize(
    ("stub_answer", "error"),
    [
        (http_answer(b'{"cut', length=100), requests.exceptions.ChunkedEncodingError),
        (b"garbage\r\n", requests.ConnectionError),
        (b"", requests.ConnectionError),
    ],
)
def test_stub_that_is_no_engine(stub_answer: bytes, error: type[Exception]) -> None:
    with StubEngine(stub_answer) as stub, Endpoint(stub.host) as endpoint, pytest.raises(error):
        endpoint.api("GET", PATH)


def test_stub_without_end() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with StubEngine(head, endless=b"y" * 1000) as stub, Endpoint(stub.host) as endpoint:
        answer = endpoint.api("GET", PATH, stream=True)
        assert answer.raw.read(50_000) == b"y" * 50_000
        answer.close()

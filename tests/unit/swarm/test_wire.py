# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP that the proxy speaks, read from bytes."""

from __future__ import annotations

import io

import pytest

from tests.swarm.wire import Head, ProtocolError, chunk, has_body, pieces, read_head


def stream(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))


def body(content: bytes, *, answer: bool = True) -> list[bytes]:
    source = stream(content)
    head = read_head(source)
    assert head is not None
    return list(pieces(source, head, answer=answer))


def test_head_keeps_order_and_spelling() -> None:
    raw = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 2\r\n\r\n"
    head = read_head(stream(raw))
    assert head == Head("GET /a?b=c HTTP/1.1", (("Host", "x"), ("X-Two", "2")))
    assert head.encode() == raw
    assert (head.header("x-two"), head.header("absent")) == ("2", "")


def test_nothing_more_to_read_is_no_head() -> None:
    assert read_head(stream(b"")) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", [b"abc"]),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n", [b"a", b"bc"]),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", [b"to the end"]),
    ],
)
def test_body(content: bytes, expected: list[bytes]) -> None:
    assert body(content) == expected


def test_request_without_length_has_no_body() -> None:
    assert body(b"GET / HTTP/1.1\r\n\r\nnext", answer=False) == []


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
def test_message_that_ends_early(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        body(content)


def test_with_length_replaces_the_framing() -> None:
    head = Head("HTTP/1.1 200 OK", (("Transfer-Encoding", "chunked"), ("A", "b"))).with_length(7)
    assert head.headers == (("A", "b"), ("Content-Length", "7"))
    assert not head.chunked


def test_chunk() -> None:
    assert chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
    assert chunk(b"") == b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("GET", 200, True), ("HEAD", 200, False), ("POST", 204, False), ("GET", 304, False), ("POST", 101, False)],
)
def test_has_body(method: str, status: int, expected: bool) -> None:
    assert has_body(method, status) is expected

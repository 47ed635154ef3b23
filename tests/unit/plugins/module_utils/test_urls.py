# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs are opened on servers of the tests' own, each a socket that says what a test wants."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    BROKEN,
    OVERDUE,
    Question,
    Trust,
    Unanswered,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._urls import send

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[Tuple[str, List[bytes]]]:
    """Serve one connection; yields the URL and the request that came (whole only once the server is left)."""
    asked: List[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with contextlib.suppress(OSError), listening.accept()[0] as connection:
                asked.append(connection.recv(65536))
                serve(connection)
                if serve is hang:
                    over.wait()
                connection.shutdown(socket.SHUT_WR)
                asked[0] += b"".join(iter(lambda: connection.recv(65536), b""))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v2/", asked
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        assert not thread.is_alive()


def hang(_connection: socket.socket) -> None:
    """Say nothing, until the test is over."""


def says(text: bytes) -> Serve:
    return lambda connection: connection.sendall(text)


def trickles(start: bytes, part: bytes) -> Serve:
    """Send a part again and again, sooner than any silence would be noticed."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(start)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(part)
                time.sleep(0.02)

    return serve


def question(url: str, **fields: Any) -> Question:
    given: Dict[str, Any] = {
        "method": "GET",
        "headers": {},
        "body": None,
        "seconds": 10.0,
        "most": 1000,
        "trust": Trust(),
        "use_proxy": False,
        **fields,
    }
    return Question(url=url, **given)


def test_an_answer() -> None:
    text = OK + b"Content-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\nhi"
    with server(says(text)) as (url, asked):
        answer = send(question(url, headers={"Accept": "a/b"}))
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"hi", "1, 2")
    assert b"Accept: a/b\r\n" in asked[0]
    assert b"User-Agent: swarmops.rollout\r\n" in asked[0]
    assert b"gzip" not in asked[0]


def test_a_body_is_posted() -> None:
    with server(says(OK + b"\r\n")) as (url, asked):
        send(question(url, method="POST", body=b"a=b"))
    assert asked[0].startswith(b"POST ")
    assert asked[0].endswith(b"\r\n\r\na=b")


@pytest.mark.parametrize("status", [301, 307, 401, 404, 429, 500])
def test_redirects_and_refusals_are_answers(status: int) -> None:
    text = f"HTTP/1.1 {status} No\r\nConnection: close\r\nLocation: http://127.0.0.1:1/\r\n\r\nwhy".encode()
    with server(says(text)) as (url, _asked):
        answer = send(question(url))
    assert (answer.status, answer.body, answer.headers["location"]) == (status, b"why", "http://127.0.0.1:1/")


@pytest.mark.parametrize("size", [999, 1000, 1001, 5_000_000])
@pytest.mark.parametrize("is_told", [True, False])
def test_no_more_is_read_than_one_byte_too_many(size: int, is_told: bool) -> None:
    head = OK + (b"Content-Length: %d\r\n" % size if is_told else b"")
    with server(says(head + b"\r\n" + b"x" * size)) as (url, _asked):
        assert len(send(question(url)).body) == min(size, 1001)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        OK + b"Content-Length: 100\r\n\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        OK + b"X: y\r\n" * 200 + b"\r\n",
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "no-http", "cut", "cut-chunk", "no-chunk", "headers", "long-header"],
)
def test_what_breaks_off(text: bytes) -> None:
    with server(says(text)) as (url, _asked), pytest.raises(Unanswered) as caught:
        send(question(url))
    assert caught.value.kind == BROKEN
    assert str(caught.value)


@pytest.mark.parametrize(
    "serve",
    [hang, trickles(b"", b"H"), trickles(OK, b"X-A: b\r\n"), trickles(OK + b"\r\n", b"x")],
    ids=["silence", "status-trickles", "headers-trickle", "body-trickles"],
)
def test_the_time_is_that_of_the_whole_call(serve: Serve) -> None:
    with server(serve) as (url, _asked), pytest.raises(Unanswered) as caught:
        send(question(url, seconds=0.3, most=10**9))
    assert caught.value.kind == OVERDUE
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_the_former_signal_handler_is_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with server(says(OK + b"\r\n")) as (url, _asked):
        send(question(url))
    assert signal.getsignal(signal.SIGALRM) == before


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/", "Connection refused"),
        ("http://127.0.0.1:port/", "InvalidURL"),
        ("http://nowhere.invalid/", ""),
    ],
)
def test_nothing_is_there(url: str, reason: str) -> None:
    with pytest.raises(Unanswered) as caught:
        send(question(url))
    assert caught.value.kind == BROKEN
    assert reason in str(caught.value)


def test_no_tls() -> None:
    with server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as (url, _asked), pytest.raises(Unanswered) as caught:
        send(question(url.replace("http:", "https:")))
    assert caught.value.kind == BROKEN
    assert "_ssl.c" not in str(caught.value)


def test_a_header_that_cannot_be_sent_is_not_repeated() -> None:
    with server(hang) as (url, asked), pytest.raises(Unanswered) as caught:
        send(question(url, headers={"Authorization": "Bearer hunter2\r\nEvil: 1"}))
    assert "hunter2" not in str(caught.value)
    assert asked == []


def test_no_netrc_is_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password hunter2\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with server(says(OK + b"\r\n")) as (url, asked):
        send(question(url))
    assert b"Authorization" not in asked[0]


@pytest.mark.parametrize("use_proxy", [True, False])
def test_proxies(use_proxy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    with server(says(OK + b"X-By: proxy\r\n\r\n")) as (proxy, _one), server(says(OK + b"\r\n")) as (url, _two):
        monkeypatch.setenv("http_proxy", proxy)
        assert send(question(url, use_proxy=use_proxy)).headers.get("x-by", "") == ("proxy" if use_proxy else "")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Against a little server of the test's own, on a Unix socket and on a TCP port."""

from __future__ import annotations

import datetime
import errno
import gzip
import os
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Generator, Iterator, List, Optional, Tuple, Type

import pytest
import trustme

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import transport as module
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Transport
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    BadAnswer,
    EngineError,
    EngineUnreachable,
)

SHORT = 0.3  # seconds; the time-out of calls that are to run into it
AMPLE = 10.0  # seconds; the time-out of calls that are not
DRIP = 0.05  # seconds

Respond = Callable[[socket.socket], None]


class Server:
    """Answers each connection by `respond`, once its request's header and body have been read."""

    def __init__(self, listener: socket.socket, respond: Respond, tls: Optional[ssl.SSLContext] = None) -> None:
        self.requests: List[bytes] = []
        self._over = False
        self._live: List[socket.socket] = []
        self._listener = listener
        self._respond = respond
        self._tls = tls
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            if self._over:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(AMPLE)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self._live.append(connection)
            self.requests.append(_read_request(connection))
            self._respond(connection)
        except OSError:  # the client has gone
            pass
        finally:
            connection.close()

    def stop(self) -> None:
        """End what still hangs, and come back when all is over."""
        self._over = True
        with socket.socket(self._listener.family) as last:
            last.connect(self._listener.getsockname())
        for connection in self._live:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += _receive(connection)
    head, _blank, body = request.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += _receive(connection)
    return head + b"\r\n\r\n" + body


def _receive(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionResetError
    return received


@contextmanager
def unix_server(folder: Path, respond: Respond) -> Iterator[Tuple[Server, Address]]:
    path = folder / "engine.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    server = Server(listener, respond)
    try:
        yield server, Address.parse(f"unix://{path}")
    finally:
        server.stop()


@contextmanager
def tcp_server(respond: Respond, context: Optional[ssl.SSLContext] = None) -> Iterator[Tuple[Server, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener, respond, context)
    try:
        yield server, listener.getsockname()[1]
    finally:
        server.stop()


def gives(status: str = "200 OK", body: bytes = b"{}", *headers: str, length: Optional[int] = None) -> Respond:
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


def drips(start: bytes, drop: bytes) -> Respond:
    """Send a drop at a time until the client goes."""

    def respond(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            time.sleep(DRIP)

    return respond


def silent(connection: socket.socket) -> None:
    assert connection.recv(1) == b"", "the client goes without another word"


def caught(error: Type[EngineError], transport: Transport, method: str = "GET") -> str:
    with pytest.raises(EngineError) as info:
        transport.call(method, "/v1.45/services")
    assert info.type is error, f"{info.type}: {info.value}"
    assert str(info.value).isprintable()
    return str(info.value)


def test_a_whole_answer_over_a_socket(tmp_path: Path) -> None:
    with unix_server(tmp_path, gives("201 Created", b'{"a": 1}', "Api-Version: 1.45", "X-UP: Kept")) as (
        server,
        address,
    ):
        answer = Transport(address, AMPLE).call(
            "POST", "/v1.45/x", {"version": "7"}, b"spec", {"X-Registry-Auth": "abc"}
        )
    assert (answer.status, answer.body) == (201, b'{"a": 1}')
    assert answer.headers["api-version"] == "1.45"
    assert answer.headers["x-up"] == "Kept"
    (request,) = server.requests
    assert request.startswith(b"POST /v1.45/x?version=7 HTTP/1.1\r\n")
    assert b"\r\nX-Registry-Auth: abc\r\n" in request
    assert request.endswith(b"\r\n\r\nspec")


def test_a_whole_answer_over_tcp() -> None:
    with tcp_server(gives(body=b"x" * 1_000_000)) as (server, port):
        answer = Transport(Address.parse(f"tcp://127.0.0.1:{port}/base/"), AMPLE).call("GET", "/_ping")
    assert (answer.status, len(answer.body)) == (200, 1_000_000)
    assert server.requests[0].startswith(b"GET /base/_ping HTTP/1.1\r\n")


def test_one_transport_carries_many_calls(tmp_path: Path) -> None:
    with unix_server(tmp_path, gives()) as (server, address):
        transport = Transport(address, AMPLE)
        assert [transport.call("GET", "/_ping").status for dummy in range(3)] == [200] * 3
    assert len(server.requests) == 3


def test_calls_share_a_connection(tmp_path: Path) -> None:
    targets: List[bytes] = []

    def respond(connection: socket.socket) -> None:
        for _call in range(2):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            targets.append(_read_request(connection).split()[1])
        gives()(connection)

    with unix_server(tmp_path, respond) as (server, address):
        transport = Transport(address, AMPLE)
        for number in range(3):
            transport.call("GET", f"/{number}")
    assert len(server.requests) == 1
    assert targets == [b"/1", b"/2"]


def test_a_redirect_is_not_followed() -> None:
    with tcp_server(gives("301 Moved Permanently", b"", "Location: http://127.0.0.1:1/")) as (server, port):
        answer = Transport(Address.parse(f"tcp://127.0.0.1:{port}"), AMPLE).call("POST", "/x", body=b"{}")
    assert answer.status == 301
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_asked(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with tcp_server(gives()) as (_server, port):
        assert Transport(Address.parse(f"tcp://127.0.0.1:{port}"), AMPLE).call("GET", "/_ping").status == 200


START = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(silent, id="no-answer"),
        pytest.param(drips(b"", b"H"), id="status-line-in-drops"),
        pytest.param(drips(START + b"X-A: ", b"a"), id="header-in-drops"),
        pytest.param(drips(START, b"X-A: a\r\n"), id="headers-in-drops"),
        pytest.param(drips(START + b"\r\n", b"a"), id="body-in-drops"),
    ],
)
def test_the_whole_call_is_bounded(respond: Respond, tmp_path: Path) -> None:
    with unix_server(tmp_path, respond) as (_server, address):
        begun = time.monotonic()
        message = caught(AnswerLost, Transport(address, SHORT), "POST")
        assert time.monotonic() - begun < SHORT + 1
    assert message == f"POST /v1.45/services: no complete answer from {address.text} within 0.3 seconds."


def test_sending_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()  # and read nothing
        begun = time.monotonic()
        with pytest.raises(AnswerLost, match=r"^POST /x: no complete answer from unix:///.* within 0.3 seconds.$"):
            Transport(Address.parse(f"unix://{path}"), SHORT).call("POST", "/x", body=b"x" * 10_000_000)
        assert time.monotonic() - begun < SHORT + 1


def test_each_call_has_its_own_time(tmp_path: Path) -> None:
    def respond(connection: socket.socket) -> None:
        time.sleep(SHORT / 2)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        time.sleep(SHORT)
        _read_request(connection)
        gives()(connection)

    with unix_server(tmp_path, respond) as (server, address):
        transport = Transport(address, AMPLE)
        transport.limit = SHORT
        assert transport.call("GET", "/1").status == 200
        transport.limit = AMPLE
        assert transport.call("POST", "/2", body=b"x" * 10_000_000).status == 200
    assert len(server.requests) == 1, "both over one connection"


def test_a_call_out_of_time_does_not_spoil_the_next(tmp_path: Path) -> None:
    answers = iter([silent, gives(body=b"[]")])

    def respond(connection: socket.socket) -> None:
        next(answers)(connection)

    with unix_server(tmp_path, respond) as (_server, address):
        transport = Transport(address, SHORT)
        caught(AnswerLost, transport)
        assert transport.call("GET", "/v1.45/services").body == b"[]"


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


BOMB = gzip.compress(b"x" * 4 * 2**20)


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(endless, id="endless"),
        pytest.param(gives("200 OK", BOMB, "Content-Encoding: gzip"), id="compressed"),
    ],
)
def test_the_size_is_bounded(respond: Respond, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BODY", 2**20)
    with unix_server(tmp_path, respond) as (_server, address):
        message = caught(BadAnswer, Transport(address, AMPLE))
    assert "larger than 1 MiB" in message


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(lambda _connection: None, id="nothing"),
        pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 20"), id="half-a-status-line"),
        pytest.param(lambda connection: connection.sendall(START), id="half-a-header"),
        pytest.param(gives(body=b'{"ID":', length=100), id="half-a-body"),
        pytest.param(gives("200 OK", BOMB[:100], "Content-Encoding: gzip", length=200), id="half-a-compressed-body"),
        pytest.param(gives("200 OK", b"plain", "Content-Encoding: gzip"), id="not-what-it-says-it-is"),
        pytest.param(
            lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"),
            id="half-a-chunk",
        ),
    ],
)
@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_an_answer_that_breaks_off_is_lost(family: str, respond: Respond, tmp_path: Path) -> None:
    if family == "unix":
        with unix_server(tmp_path, respond) as (_server, address):
            message = caught(AnswerLost, Transport(address, AMPLE), "POST")
    else:
        with tcp_server(respond) as (_server, port):
            address = Address.parse(f"tcp://127.0.0.1:{port}")
            message = caught(AnswerLost, Transport(address, AMPLE), "POST")
    assert message.startswith(f"POST /v1.45/services: the connection to {address.text} broke before")


def streams(*chunks: bytes, ends: bool = True) -> Respond:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return lambda connection: connection.sendall(head + b"".join(parts) + (b"0\r\n\r\n" if ends else b""))


def test_a_stream_is_given_line_by_line(tmp_path: Path) -> None:
    with unix_server(tmp_path, streams(b'{"a": 1}\n{"b"', b": 2}\n")) as (server, address):
        assert list(Transport(address, AMPLE).lines("/events", {"filters": "{}"})) == [b'{"a": 1}', b'{"b": 2}']
    assert server.requests[0].startswith(b"GET /events?filters=%7B%7D HTTP/1.1\r\n")


def test_the_first_line_of_a_stream_comes_before_its_end(tmp_path: Path) -> None:
    def respond(connection: socket.socket) -> None:
        streams(b"first\n", ends=False)(connection)
        silent(connection)

    with unix_server(tmp_path, respond) as (_server, address):
        lines = Transport(address, AMPLE).lines("/events")
        assert next(lines) == b"first"
        assert isinstance(lines, Generator)
        lines.close()


def test_a_stream_that_breaks_is_lost(tmp_path: Path) -> None:
    with unix_server(tmp_path, streams(b"first\n", ends=False)) as (_server, address):
        lines = Transport(address, AMPLE).lines("/events")
        assert next(lines) == b"first"
        with pytest.raises(AnswerLost, match=r"GET /events: the connection to unix:///.* broke"):
            next(lines)


def test_a_stream_that_is_refused_has_no_lines(tmp_path: Path) -> None:
    with unix_server(tmp_path, gives("500 Internal Server Error", b'{"message": "x"}\n')) as (_server, address):
        assert list(Transport(address, AMPLE).lines("/events")) == []


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_stream_is_handed_on_part_by_part(tmp_path: Path) -> None:
    taken: List[bytes] = []
    body = CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    with unix_server(tmp_path, lambda connection: connection.sendall(body)) as (server, address):
        answer = Transport(address, AMPLE).stream("/v1.45/tasks/x/logs", {"tail": "20"}, taken.append)
    assert server.requests[0].startswith(b"GET /v1.45/tasks/x/logs?tail=20 HTTP/1.1\r\n")
    assert (b"".join(taken), answer.status, answer.body) == (b"onetwo", 200, b"")


def test_a_stream_that_never_ends_is_cut_off_in_time_and_what_came_is_handed_on(tmp_path: Path) -> None:
    taken: List[bytes] = []

    def respond(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + b"3\r\none\r\n")
        silent(connection)

    with unix_server(tmp_path, respond) as (_server, address):
        transport = Transport(address, SHORT)
        began = time.monotonic()
        with pytest.raises(AnswerLost, match="no complete answer"):
            transport.stream("/v1.45/tasks/x/logs", {}, taken.append)
        assert SHORT <= time.monotonic() - began < AMPLE
    assert taken == [b"one"]


def test_a_refused_stream_is_a_whole_answer(tmp_path: Path) -> None:
    taken: List[bytes] = []
    with unix_server(tmp_path, gives("404 Not Found", b'{"message": "no"}')) as (_server, address):
        answer = Transport(address, AMPLE).stream("/v1.45/tasks/x/logs", {}, taken.append)
    assert (answer.status, answer.body, taken) == (404, b'{"message": "no"}', [])


def test_a_stream_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_BODY", 100_000)
    taken: List[bytes] = []
    server = unix_server(tmp_path, drips(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"))
    with server as (_server, address), pytest.raises(BadAnswer, match="not read to its end"):
        Transport(address, AMPLE).stream("/v1.45/tasks/x/logs", {}, taken.append)
    assert len(b"".join(taken)) < 300_000


def test_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "none.sock"
    message = caught(EngineUnreachable, Transport(Address.parse(f"unix://{path}"), AMPLE))
    assert message.startswith(f"There is no socket at {path}: does the engine run here")


def test_no_folder_of_a_socket(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = caught(EngineUnreachable, Transport(Address.parse(f"unix://{tmp_path}/file/engine.sock"), AMPLE))
    assert message.startswith("There is no socket at ")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_not_a_socket(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    path.touch() if kind == "file" else path.mkdir()
    message = caught(EngineUnreachable, Transport(Address.parse(f"unix://{path}"), AMPLE))
    assert message == f"{path} is not a socket: set docker_host to the socket of an engine."


def test_a_socket_that_an_engine_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    message = caught(EngineUnreachable, Transport(Address.parse(f"unix://{path}"), AMPLE))
    assert message == f"Nothing listens on the socket {path}: does the engine run?"


def test_a_socket_that_takes_no_more_connections(tmp_path: Path) -> None:
    path = tmp_path / "full.sock"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(path))
        listener.listen(0)
        waiting.connect(str(path))
        message = caught(EngineUnreachable, Transport(Address.parse(f"unix://{path}"), AMPLE))
    assert str(path) in message


def test_a_path_too_long_for_a_socket() -> None:
    message = caught(EngineUnreachable, Transport(Address.parse(f"unix:///run/{'long' * 30}.sock"), AMPLE))
    assert "longer than the system allows" in message


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may open any socket; so be nobody for a while."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_no_permission(tmp_path: Path) -> None:
    with unix_server(tmp_path, gives()) as (_server, address):
        assert address.socket_path is not None
        os.chmod(address.socket_path, 0)
        with without_privileges():
            message = caught(EngineUnreachable, Transport(address, AMPLE))
        os.chmod(address.socket_path, 0o600)
    assert message.startswith(
        f"No permission to open the engine's socket {address.socket_path}: run the task with become"
    )


def test_nothing_listens_on_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    message = caught(EngineUnreachable, Transport(Address.parse(f"tcp://127.0.0.1:{port}"), AMPLE))
    assert message == f"No engine can be reached at tcp://127.0.0.1:{port} ({os.strerror(errno.ECONNREFUSED)})."


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64, "a..b", "ä" * 64])
@pytest.mark.parametrize("scheme", ["tcp", "https"])
def test_no_such_host(scheme: str, host: str) -> None:
    message = caught(EngineUnreachable, Transport(Address.parse(f"{scheme}://{host}:2375"), AMPLE))
    assert message.startswith(f"No engine can be reached at {scheme}://{host}:2375 (")


def test_an_address_of_ipv6_is_no_name() -> None:
    message = caught(EngineUnreachable, Transport(Address.parse("tcp://[::1]:1"), AMPLE))
    assert message.startswith("No engine can be reached at tcp://[::1]:1 (")
    assert os.strerror(errno.ECONNREFUSED) in message or "ddress" in message  # a machine may be without IPv6


def test_a_port_that_does_not_accept() -> None:
    with socket.socket() as listener, socket.socket() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting.connect(listener.getsockname())
        host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        message = caught(EngineUnreachable, Transport(Address.parse(host), SHORT))
    assert message == f"{host} does not accept a connection within 0.3 seconds."


def test_a_name_that_is_looked_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(*_arguments: object, **_options: object) -> List[object]:
        over.wait(AMPLE)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    begun = time.monotonic()
    message = caught(EngineUnreachable, Transport(Address.parse("tcp://manager1:2375"), SHORT))
    assert time.monotonic() - begun < SHORT + 1
    over.set()
    assert message == "tcp://manager1:2375 does not accept a connection within 0.3 seconds."


def test_a_host_that_the_system_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    message = caught(EngineUnreachable, Transport(Address.parse("tcp://manager1:2375"), AMPLE))
    texts = ["does not accept a connection within 10 seconds", os.strerror(errno.ETIMEDOUT)]  # by the Python's release
    assert "tcp://manager1:2375" in message
    assert any(text in message for text in texts)


@pytest.mark.parametrize("scheme", ["tcp", "https"])
def test_a_name_of_many_addresses_that_do_not_accept(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener, socket.socket() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting.connect(listener.getsockname())
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname())] * 8
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)
        begun = time.monotonic()
        message = caught(EngineUnreachable, Transport(Address.parse(f"{scheme}://manager1:2375"), SHORT))
        assert time.monotonic() - begun < SHORT + 1
    assert message == f"{scheme}://manager1:2375 does not accept a connection within 0.3 seconds."


@pytest.fixture(scope="module")
def stranger_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


@contextmanager
def tls_server(authority: trustme.CA, *names: str, expired: bool = False, asks: bool = False) -> Iterator[int]:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    until = past + datetime.timedelta(days=1) if expired else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_before=past, not_after=until).configure_cert(context)
    if asks:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    with tcp_server(gives(), context) as (_server, port):
        yield port


def test_tls_with_the_right_authority(authority: trustme.CA, ca_file: str) -> None:
    with tls_server(authority, "localhost") as port:
        assert (
            Transport(Address.parse(f"https://localhost:{port}", TLS(ca_path=ca_file)), AMPLE).call("GET", "/").status
            == 200
        )


def test_tls_to_an_ip_address(authority: trustme.CA, ca_file: str) -> None:
    with tls_server(authority, "127.0.0.1") as port:
        assert (
            Transport(Address.parse(f"tcp://127.0.0.1:{port}", TLS(ca_path=ca_file)), AMPLE).call("GET", "/").status
            == 200
        )


@pytest.mark.parametrize("hostname", [None, "other.example.com"])
def test_tls_unchecked(hostname: Optional[str], authority: trustme.CA) -> None:
    with tls_server(authority, "manager1.example.com", expired=True) as port:
        tls = TLS(verify=False, hostname=hostname)
        assert Transport(Address.parse(f"tcp://127.0.0.1:{port}", tls), AMPLE).call("GET", "/").status == 200


def test_tls_for_another_name(authority: trustme.CA, ca_file: str) -> None:
    with tls_server(authority, "manager1.example.com") as port:
        tls = TLS(ca_path=ca_file, hostname="manager1.example.com")
        assert Transport(Address.parse(f"tcp://127.0.0.1:{port}", tls), AMPLE).call("GET", "/").status == 200


@pytest.mark.parametrize(
    ("name", "hostname", "why"),
    [
        pytest.param("manager1.example.com", None, "manager1.example.com", id="name-of-another"),
        pytest.param("localhost", "manager1.example.com", "manager1.example.com", id="tls_hostname-of-another"),
    ],
)
def test_tls_with_a_wrong_name(
    name: str, hostname: Optional[str], why: str, authority: trustme.CA, ca_file: str
) -> None:
    with tls_server(authority, name) as port:
        host = f"https://localhost:{port}"
        message = caught(
            EngineUnreachable, Transport(Address.parse(host, TLS(ca_path=ca_file, hostname=hostname)), AMPLE)
        )
    assert message.startswith(f"No trusted TLS connection to {host}: ")
    assert why in message or "Hostname mismatch" in message


def test_tls_with_an_unknown_authority(authority: trustme.CA, stranger_file: str) -> None:
    with tls_server(authority, "localhost") as port:
        message = caught(
            EngineUnreachable, Transport(Address.parse(f"https://localhost:{port}", TLS(ca_path=stranger_file)), AMPLE)
        )
    assert "certificate verify failed" in message


def test_tls_with_the_systems_authorities(authority: trustme.CA) -> None:
    with tls_server(authority, "localhost") as port:
        message = caught(EngineUnreachable, Transport(Address.parse(f"https://localhost:{port}"), AMPLE))
    assert "certificate verify failed" in message


def test_tls_with_an_expired_certificate(authority: trustme.CA, ca_file: str) -> None:
    with tls_server(authority, "localhost", expired=True) as port:
        message = caught(
            EngineUnreachable, Transport(Address.parse(f"https://localhost:{port}", TLS(ca_path=ca_file)), AMPLE)
        )
    assert "certificate has expired" in message


def _speak_plainly(listener: socket.socket) -> None:
    with listener.accept()[0] as connection:
        connection.recv(1)
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


def test_tls_where_none_is_spoken(ca_file: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = threading.Thread(target=_speak_plainly, args=(listener,))
        plain.start()
        host = f"https://127.0.0.1:{listener.getsockname()[1]}"
        message = caught(EngineUnreachable, Transport(Address.parse(host, TLS(ca_path=ca_file)), AMPLE))
        plain.join()
    assert message.startswith(f"No trusted TLS connection to {host}: ")


def test_the_client_shows_its_certificate(authority: trustme.CA, ca_file: str, client_files: Tuple[str, str]) -> None:
    with tls_server(authority, "localhost", asks=True) as port:
        tls = TLS(ca_path=ca_file, client_cert=client_files[0], client_key=client_files[1])
        assert Transport(Address.parse(f"https://localhost:{port}", tls), AMPLE).call("GET", "/").status == 200


def test_a_server_that_wants_a_certificate_of_the_client(authority: trustme.CA, ca_file: str) -> None:
    with tls_server(authority, "localhost", asks=True) as port, pytest.raises(EngineError) as info:
        Transport(Address.parse(f"https://localhost:{port}", TLS(ca_path=ca_file)), AMPLE).call("GET", "/")
    assert f"https://localhost:{port}" in str(info.value)

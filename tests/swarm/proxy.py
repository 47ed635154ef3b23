# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy in front of an engine's socket that records what passes and lets a test break it where it wants.

    with Proxy(engine) as proxy:
        proxy.on("POST", r"/services/[^/]+/update", CutAfter())
        …                                     # a client of proxy.host
        assert len(proxy.posts) == 1

A rule counts for its first ``times`` requests; of several rules that match, the one that was added first is taken.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from types import TracebackType
from typing import Any, NoReturn

from .box import new_folder
from .wire import Head, ProtocolError, chunk, has_body, pieces, read_head


class Cut(Exception):
    """The connection to the client ends here."""


class Server:
    """Serves a unix socket in a fresh folder, one thread a connection; subclasses say how in :meth:`serve`."""

    def __init__(self) -> None:
        self.folder = new_folder()
        self.host = f"unix://{self.folder}/proxy.sock"
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{self.folder}/proxy.sock")
        self._listener.listen(64)
        self._start(self._accept)

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        raise NotImplementedError

    def close(self) -> None:
        """Cut all connections, wait for the threads and remove the socket."""
        self.closing.set()
        with self._lock:
            ending = [self._listener, *self._open]
        for connection in ending:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self, seconds: float) -> None:
        """Wait; raises :class:`Cut` when the server is closed meanwhile."""
        if self.closing.wait(seconds):
            raise Cut

    @contextlib.contextmanager
    def opened(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Keep a connection among those that :meth:`close` cuts, and close it at the end."""
        with self._lock:
            self._open.add(connection)
        try:
            with connection:
                if self.closing.is_set():
                    raise Cut
                yield connection
        finally:
            with self._lock:
                self._open.discard(connection)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self.closing.is_set():
                client, _address = self._listener.accept()
                self._start(self._connection, client)

    def _connection(self, client: socket.socket) -> None:
        with contextlib.suppress(Cut, OSError, ProtocolError), self.opened(client):
            self.serve(client)


@dataclass(frozen=True)
class Request:
    """A request as the client sent it; ``path`` has the version and the query."""

    method: str
    path: str
    head: Head
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers, their names in lower case."""
        return {name.lower(): value for name, value in self.head.headers}

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request on its way: what an action works with."""

    request: Request
    client: socket.socket
    engine: socket.socket
    answers: BufferedReader
    server: Server

    def forward(self, body: bytes | None = None) -> Head:
        """Send the request on (with another ``body`` where given) and return the head of the engine's answer."""
        content = self.request.body if body is None else body
        head = self.request.head
        if content or head.chunked or head.header("Content-Length"):
            head = head.with_length(len(content))
        self.engine.sendall(head.encode() + content)
        answer = read_head(self.answers)
        if answer is None:
            raise Cut
        return answer

    def body(self, answer: Head) -> Iterator[bytes]:
        """Yield the answer's body as it arrives."""
        return pieces(self.answers, answer, answer=True) if has_body(self.request.method, answer.status) else iter(())

    def relay(self, answer: Head) -> None:
        """Hand the answer to the client piece by piece, in the engine's own framing."""
        self.client.sendall(answer.encode())
        if answer.status == 101:
            self._tunnel()
        for piece in self.body(answer):
            self.client.sendall(chunk(piece) if answer.chunked else piece)
        if not has_body(self.request.method, answer.status):
            return
        if answer.chunked:
            self.client.sendall(chunk(b""))
        elif not answer.header("Content-Length"):
            raise Cut

    def whole(self) -> tuple[Head, bytes]:
        """Forward the request and return the whole answer, its length in its head."""
        answer = self.forward()
        content = b"".join(self.body(answer))
        return answer.with_length(len(content)), content

    def cut(self) -> NoReturn:
        """End the connection to the client."""
        raise Cut

    def _tunnel(self) -> None:
        """Pass bytes both ways after a switch of protocols, until either side ends."""
        self.server._start(_pump, self.client, self.engine)
        while True:
            piece = self.answers.read1(65536)
            if not piece:
                raise Cut
            self.client.sendall(piece)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            piece = source.recv(65536)
            if not piece:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(piece)


class Action:
    """What happens to a request; this one just passes it on."""

    def __call__(self, exchange: Exchange) -> None:
        """Handle one request; ``exchange.cut()`` ends the connection."""
        exchange.relay(exchange.forward())


@dataclass
class Before(Action):
    """Call ``what`` first (another writer, say), then pass the request on."""

    what: Callable[[], object]

    def __call__(self, exchange: Exchange) -> None:
        """Call, then pass on."""
        self.what()
        super().__call__(exchange)


@dataclass
class CutBefore(Action):
    """Close without passing the request on: the engine never hears of it."""

    def __call__(self, exchange: Exchange) -> None:
        """Close."""
        exchange.cut()


@dataclass
class CutAfter(Action):
    """Pass the request on, let the engine do it, and close without an answer."""

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then close."""
        exchange.whole()
        exchange.cut()


@dataclass
class CutDuring(Action):
    """Answer with the head and the first ``count`` bytes of the body, then close."""

    count: int

    def __call__(self, exchange: Exchange) -> None:
        """Answer in part, then close."""
        head, body = exchange.whole()
        exchange.client.sendall(head.encode() + body[: self.count])
        exchange.cut()


@dataclass
class Delay(Action):
    """Wait ``seconds``, then pass the request on."""

    seconds: float

    def __call__(self, exchange: Exchange) -> None:
        """Wait, then pass on."""
        exchange.server.pause(self.seconds)
        super().__call__(exchange)


@dataclass
class Counted(Action):
    """Do ``first``, pass the request on, and keep the status of the engine's answer."""

    first: Callable[[], object] = int
    statuses: list[int] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, and count."""
        self.first()
        answer = exchange.forward()
        self.statuses.append(answer.status)
        exchange.relay(answer)


@dataclass
class Reply(Action):
    """Answer in the engine's stead; a ``body`` that is not bytes goes as JSON."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, exchange: Exchange) -> None:
        """Answer."""
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        head = Head(f"HTTP/1.1 {self.status} Reply", tuple(headers.items())).with_length(len(content))
        exchange.client.sendall(head.encode() + content)


@dataclass
class Rewrite(Action):
    """Change the body of the engine's answer."""

    change: Callable[[bytes], bytes]

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer with the changed body."""
        head, body = exchange.whole()
        changed = self.change(body)
        exchange.client.sendall(head.with_length(len(changed)).encode() + changed)


@dataclass
class RewriteRequest(Action):
    """Change the body of the request before it is passed on."""

    change: Callable[[bytes], bytes]

    def __call__(self, exchange: Exchange) -> None:
        """Pass the changed request on."""
        exchange.relay(exchange.forward(self.change(exchange.request.body)))


@dataclass
class Drip(Action):
    """Answer so slowly that each byte of the body takes ``seconds``."""

    seconds: float

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer byte by byte."""
        head, body = exchange.whole()
        exchange.client.sendall(head.encode())
        for number in range(len(body)):
            exchange.server.pause(self.seconds)
            exchange.client.sendall(body[number : number + 1])


@dataclass
class Endless(Action):
    """Answer with a body that never ends, ``piece`` after ``piece``; the client's own pace bounds it."""

    piece: bytes = b" " * 65536
    seconds: float = 0.001

    def __call__(self, exchange: Exchange) -> None:
        """Answer until the client or the proxy closes."""
        headers = (("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))
        exchange.client.sendall(Head("HTTP/1.1 200 OK", headers).encode())
        while True:
            exchange.client.sendall(chunk(self.piece))
            exchange.server.pause(self.seconds)


@dataclass
class Rule:
    """An action for the next ``left`` requests (None: all) of a method whose path a pattern is found in."""

    method: str
    path: re.Pattern[str]
    action: Callable[[Exchange], None]
    left: int | None

    def takes(self, request: Request) -> bool:
        """Whether the rule is for this request; counts it when it is."""
        if self.left == 0 or request.method != self.method or not self.path.search(request.path):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Proxy(Server):
    """A proxy before the engine at ``host``; see the head of this file."""

    def __init__(self, host: str) -> None:
        self.requests: list[Request] = []
        self._rules: list[Rule] = []
        self._engine = host[len("unix://") :]
        super().__init__()

    @property
    def posts(self) -> list[Request]:
        """The requests whose method is POST."""
        return [request for request in self.requests if request.method == "POST"]

    def on(self, method: str, path: str, action: Callable[[Exchange], None], *, times: int | None = 1) -> None:
        """Have ``action`` handle the next ``times`` requests (None: all) of ``method`` whose path matches a pattern."""
        with self._lock:
            self._rules.append(Rule(method, re.compile(path), action, times))

    def clear(self) -> None:
        """Forget the recorded requests and the rules."""
        with self._lock:
            self.requests.clear()
            self._rules.clear()

    def serve(self, client: socket.socket) -> None:
        """Serve the requests of one connection, over one connection to the engine."""
        engine = socket.socket(socket.AF_UNIX)
        with self.opened(engine), client.makefile("rb") as asked, engine.makefile("rb") as answers:
            engine.connect(self._engine)
            while True:
                head = read_head(asked)
                if head is None:
                    return
                request = self._record(head, b"".join(pieces(asked, head, answer=False)))
                action = self._action(request)
                action(Exchange(request, client, engine, answers, self))
                if head.header("Connection").lower() == "close":
                    return

    def _record(self, head: Head, body: bytes) -> Request:
        method, path, _protocol = head.line.split(" ", 2)
        request = Request(method, path, head, body)
        with self._lock:
            self.requests.append(request)
        return request

    def _action(self, request: Request) -> Callable[[Exchange], None]:
        with self._lock:
            return next((rule.action for rule in self._rules if rule.takes(request)), Action())


class StubEngine(Server):
    """Not an engine: answers each connection's first request with the given bytes and closes.

    With ``endless`` it goes on sending that piece instead of closing. :func:`http_answer` makes proper HTTP of a body.
    """

    def __init__(self, answer: bytes, endless: bytes = b"") -> None:
        self._answer = answer
        self._endless = endless
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        """Read one request and answer."""
        with client.makefile("rb") as asked:
            head = read_head(asked)
            if head is None:
                return
            for _piece in pieces(asked, head, answer=False):
                pass
            client.sendall(self._answer)
            while self._endless:
                client.sendall(self._endless)
                self.pause(0.001)


def http_answer(body: bytes, status: int = 200, kind: str = "application/json", length: int | None = None) -> bytes:
    """Return an HTTP answer; a ``length`` greater than the body's makes it a truncated one."""
    head = Head(f"HTTP/1.1 {status} Stub", (("Content-Type", kind), ("Api-Version", "1.41")))
    return head.with_length(len(body) if length is None else length).encode() + body

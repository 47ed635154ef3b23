# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad weather before an engine: faults drawn from a seed, and a count of what the engine itself did in it.

    with Storm(engine.host, Weather(seed=1, number=17, timeout=2)) as storm:
        …                                     # a client of storm.host
        assert storm.updates[service_id] == 1

What happens to the third read of a service is drawn from the seed, the number, and "third read of a service". So it
does not hang on time, on threads, or on what happens to other requests: a number that went wrong goes wrong again.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .proxy import Action, CutAfter, CutBefore, CutDuring, Delay, Drip, Exchange, Proxy, Reply, Request
from .wire import Head, chunk

Act = Callable[[Exchange], None]

PLACES = {
    "ping": r"GET .*/_ping$",
    "update": r"POST .*/services/[^/?]+/update",
    "service": r"GET .*/services/[^/?]+$",
    "services": r"GET .*/services(\?|$)",
    "tasks": r"GET .*/tasks",
    "nodes": r"GET .*/nodes",
    "events": r"GET .*/events",
}
"""The kinds of requests, by method and path."""

DEADLINE = "rpc error: code = Unknown desc = context deadline exceeded"
NO_LEADER = (
    "rpc error: code = Unknown desc = The swarm does not have a leader. "
    "It's possible that too few managers are online. Make sure more than half of the managers are online."
)
UNAVAILABLE = "rpc error: code = Unavailable desc = connection error: desc = transport is closing"
OUT_OF_SEQUENCE = "rpc error: code = Unknown desc = update out of sequence"
LEGACY_NETWORKS = "rpc error: code = Unimplemented desc = networks must be migrated to TaskSpec before being changed"
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>\x1b[31mBad gateway</body></html>"

BROKEN = "broke before the answer was complete"
LATE = "no complete answer"
NOT_JSON = "the answer is not JSON"
NOT_AN_ENGINE = "is not a Docker engine"
WRONG_JSON = (
    "the answer is JSON, but not the",
    "holds a service without",
    "is not a list of objects",
    "holds an object without ID",
)


@dataclass
class Answered(Action):
    """Let the engine do it, and answer with ``reply`` in its stead; a refusal is never made a success."""

    reply: Reply

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer."""
        answer, body = exchange.whole()
        if self.reply.status == 200 and answer.status != 200:
            exchange.client.sendall(answer.encode() + body)
        else:
            self.reply(exchange)


@dataclass
class Silent(Action):
    """Let the engine do it, say nothing for ``seconds``, and close."""

    seconds: float

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then say nothing."""
        exchange.whole()
        exchange.server.pause(self.seconds)
        exchange.cut()


@dataclass
class Raw(Action):
    """Let the engine do it, answer with these very bytes, and close."""

    answer: bytes

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer."""
        exchange.whole()
        exchange.client.sendall(self.answer)
        exchange.cut()


@dataclass
class Pieces(Action):
    """Hand the answer on in ``count`` chunks, a pause before each; the last but one line is ``spoilt`` if so told."""

    count: int
    seconds: float = 0.0
    spoilt: bool = False
    preface: bytes = b""

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer piece by piece."""
        head, body = exchange.whole()
        headers = tuple(pair for pair in head.headers if pair[0].lower() != "content-length")
        chunked = Head(head.line, (*headers, ("Transfer-Encoding", "chunked")))
        exchange.client.sendall(self.preface + chunked.encode())
        size = max(1, len(body) // self.count)
        for start in range(0, len(body), size):
            exchange.server.pause(self.seconds)
            exchange.client.sendall(chunk(body[start : start + size]))
        if self.spoilt:
            exchange.client.sendall(b"neither a size\r\n")
            exchange.cut()
        exchange.client.sendall(chunk(b""))


@dataclass
class Truncated(Action):
    """Answer as a whole with the first part of the body only: JSON that does not end."""

    part: float

    def __call__(self, exchange: Exchange) -> None:
        """Pass on, then answer in part."""
        head, body = exchange.whole()
        kept = body[: int(len(body) * self.part)]
        exchange.client.sendall(head.with_length(len(kept)).encode() + kept)


@dataclass
class Refuse(Action):
    """Close, and accept no connection for ``seconds``; the request goes on to the engine first where ``after``."""

    seconds: float
    after: bool

    def __call__(self, exchange: Exchange) -> None:
        """Close and refuse."""
        if self.after:
            exchange.whole()
        assert isinstance(exchange.server, Storm)
        exchange.server.refuse(self.seconds)
        exchange.cut()


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what it does, and what an error that comes of it may say; ``()`` where it does no harm."""

    make: Callable[[random.Random, float], Act]
    says: tuple[str, ...] = ()


def _told(text: str, status: int = 500) -> Kind:
    return Kind(lambda _draw, _timeout: Reply(status, {"message": text}), (text[:60], NOT_AN_ENGINE))


def _told_after(text: str) -> Kind:
    return Kind(lambda _draw, _timeout: Answered(Reply(500, {"message": text})), (text[:60], NOT_AN_ENGINE))


def _said(body: Any, *says: str, status: int = 200) -> Kind:
    return Kind(lambda _draw, _timeout: Answered(Reply(status, body)), (*says, NOT_AN_ENGINE))


WRONG: Sequence[Any] = ([], {}, None, 7, "text", [1], [{}], [{"ID": "x"}], {"ID": 1, "Spec": [], "Version": None})

KINDS: dict[str, Kind] = {
    "cut before the engine hears of it": Kind(lambda _draw, _timeout: CutBefore(), (BROKEN,)),
    "cut within the head": Kind(
        lambda draw, _timeout: Raw(b"HTTP/1.1 200 OK\r\nConte"[: draw.randint(1, 22)]),
        (BROKEN, NOT_JSON, NOT_AN_ENGINE),
    ),
    "cut within the body": Kind(lambda draw, _timeout: CutDuring(draw.randint(0, 2000)), (BROKEN,)),
    "cut after the engine did it": Kind(lambda _draw, _timeout: CutAfter(), (BROKEN,)),
    "short delay": Kind(lambda draw, _timeout: Delay(draw.uniform(0.01, 0.2))),
    "delay beyond the time-out": Kind(lambda draw, timeout: Delay(timeout * draw.uniform(1.2, 1.6)), (LATE, BROKEN)),
    "done, but silent": Kind(lambda _draw, timeout: Silent(timeout * 1.5), (LATE, BROKEN)),
    "500 deadline exceeded, not done": _told(DEADLINE),
    "500 deadline exceeded, done": _told_after(DEADLINE),
    "500 no leader, not done": _told(NO_LEADER),
    "500 no leader, done": _told_after(NO_LEADER),
    "500 unavailable, not done": _told(UNAVAILABLE),
    "500 unavailable, done": _told_after(UNAVAILABLE),
    "500 out of sequence, not done": _told(OUT_OF_SEQUENCE),
    "501 legacy networks, not done": _told(LEGACY_NETWORKS, 501),
    "502 with a page, not done": Kind(lambda _draw, _timeout: Reply(502, HTML), ("502", NOT_AN_ENGINE)),
    "504 with a page, done": _said(HTML, "504", status=504),
    "redirect": Kind(lambda _draw, _timeout: Reply(307, b"", {"Location": "/elsewhere"}), ("307", NOT_AN_ENGINE)),
    "truncated JSON": Kind(lambda draw, _timeout: Truncated(draw.uniform(0, 0.99)), (NOT_JSON, NOT_AN_ENGINE)),
    "a page for JSON": _said(HTML, NOT_JSON),
    "bytes for JSON": _said(b"\x00\xff\xfe{\x1b[2J", NOT_JSON),
    "nothing for JSON": _said(b"", NOT_JSON),
    "deep nesting": _said(b"[" * 100_000, NOT_JSON),
    "other JSON": Kind(
        lambda draw, _timeout: Answered(Reply(200, draw.choice(WRONG))), (*WRONG_JSON, NOT_JSON, NOT_AN_ENGINE)
    ),
    "more than 64 MiB": _said(b" " * (65 * 2**20), "larger than 64 MiB"),
    "head of 100 kB": Kind(lambda _draw, _timeout: Raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), (BROKEN,)),
    "no HTTP": Kind(lambda _draw, _timeout: Raw(b"\x15\x03\x01\x00\x02\x02\x16 \x1b[31m\r\n\r\n"), (BROKEN,)),
    "other chunks": Kind(lambda draw, _timeout: Pieces(draw.randint(1, 40))),
    "other chunks after 100 Continue": Kind(
        lambda draw, _timeout: Pieces(draw.randint(1, 40), preface=b"HTTP/1.1 100 Continue\r\n\r\n")
    ),
    "spoilt chunks": Kind(lambda draw, _timeout: Pieces(draw.randint(1, 5), spoilt=True), (BROKEN,)),
    "drip within the time-out": Kind(lambda _draw, _timeout: Pieces(20, 0.01)),
    "drip beyond the time-out": Kind(lambda _draw, timeout: Drip(timeout / 20), (LATE, BROKEN)),
    "refused for a while": Kind(
        lambda draw, _timeout: Refuse(draw.uniform(0.05, 1.0), after=False), ("Nothing listens on the socket", BROKEN)
    ),
    "done, then refused for a while": Kind(
        lambda draw, _timeout: Refuse(draw.uniform(0.05, 1.0), after=True), ("Nothing listens on the socket", BROKEN)
    ),
}
RARE = {"more than 64 MiB": 0.2}
"""Kinds that cost the test more than the rest, and their share of it."""


class Weather:
    """What one run goes through: ``number`` is the run's, ``timeout`` that of the client's calls, in seconds."""

    def __init__(self, seed: int, number: int, timeout: float) -> None:
        self._key = f"{seed}/{number}"
        self._timeout = timeout
        draw = self.draw("weather")
        self._chance = draw.choice((0.2, 0.5, 0.8))
        self._last = draw.randint(1, 3)

    def draw(self, purpose: str) -> random.Random:
        """Return the random numbers of this run for one purpose, always the same ones."""
        return random.Random(f"{self._key}/{purpose}")

    def fault(self, place: str, count: int) -> tuple[str, Act] | None:
        """Return the fault of the ``count``-th request of a place, from 0, and its kind; None where there is none.

        After one to three requests of a place the weather there is fine. Faults of a ping end a run, so they are few.
        """
        draw = self.draw(f"{place}/{count}")
        chance = self._chance / 5 if place == "ping" else self._chance
        if count >= self._last or draw.random() > chance:
            return None
        name = draw.choices(list(KINDS), [RARE.get(name, 1.0) for name in KINDS])[0]
        return name, KINDS[name].make(draw, self._timeout)


@dataclass
class Tallied(Exchange):
    """An exchange whose update is counted where the engine has accepted it."""

    def forward(self, body: bytes | None = None) -> Head:
        """Send the request on, and count."""
        answer = super().forward(body)
        assert isinstance(self.server, Storm)
        self.server.count(self.request, answer.status)
        return answer


class Storm(Proxy):
    """A proxy with :class:`Weather`; ``before`` is called first of all with the place and number of each request."""

    def __init__(self, host: str, weather: Weather, before: Callable[[str, int], object] | None = None) -> None:
        self.faults: list[tuple[str, str]] = []
        self.updates: Counter[str] = Counter()
        self.rollbacks: Counter[str] = Counter()
        self._weather = weather
        self._before = before
        self._seen: Counter[str] = Counter()
        super().__init__(host)

    def count(self, request: Request, status: int) -> None:
        """Take in the engine's own answer to a request."""
        written = re.match(r".*/services/([^/?]+)/update", request.path)
        if written and request.method == "POST" and status == 200:
            counts = self.rollbacks if "rollback=" in request.path else self.updates
            with self._lock:
                counts[written.group(1)] += 1

    def refuse(self, seconds: float) -> None:
        """Accept no connection for so many seconds; the socket's file stays."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._start(self._listen_again, seconds)

    def _listen_again(self, seconds: float) -> None:
        self.closing.wait(seconds)
        path = f"{self.folder}/proxy.sock"
        with self._lock, contextlib.suppress(OSError):
            if self.closing.is_set():
                return
            os.unlink(path)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen(64)
            self._start(self._accept)

    def _action(self, request: Request) -> Act:
        place = place_of(request)
        with self._lock:
            count = self._seen[place]
            self._seen[place] += 1
        return lambda exchange: self._weathered(exchange, place, count)

    def _weathered(self, exchange: Exchange, place: str, count: int) -> None:
        if self._before is not None:
            self._before(place, count)
        fault = self._weather.fault(place, count)
        action: Act = Action()
        if fault is not None:
            kind, action = fault
            with self._lock:
                self.faults.append((place, kind))
        action(Tallied(**vars(exchange)))


def place_of(request: Request) -> str:
    """Return the key of :data:`PLACES` that a request is of."""
    line = f"{request.method} {request.path}"
    return next((place for place, pattern in PLACES.items() if re.match(pattern, line)), "other")

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of HTTP/1.1 as a proxy needs: messages with a length, in chunks, until the end, or without a body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedReader

Headers = tuple[tuple[str, str], ...]
FRAMING = ("content-length", "transfer-encoding")


class ProtocolError(Exception):
    """The other side ended in the middle of a message, or does not speak HTTP."""


@dataclass(frozen=True)
class Head:
    """A message's first line and headers, their order and spelling kept."""

    line: str
    headers: Headers = ()

    def header(self, name: str) -> str:
        """Return a header's value, or an empty text where it is absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def with_length(self, length: int) -> Head:
        """Return the same head for a body of ``length`` bytes that goes in one piece."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in FRAMING)
        return replace(self, headers=(*kept, ("Content-Length", str(length))))

    def encode(self) -> bytes:
        """Return the bytes of the head, the empty line included."""
        lines = [self.line, *(f"{key}: {value}" for key, value in self.headers)]
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")

    @property
    def status(self) -> int:
        """An answer's status."""
        return int(self.line.split()[1])

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self.header("Transfer-Encoding").lower() == "chunked"


def read_head(stream: BufferedReader) -> Head | None:
    """Read a head; None where the other side has nothing more to say."""
    line = stream.readline()
    if not line:
        return None
    headers: list[tuple[str, str]] = []
    while True:
        text = stream.readline()
        if not text.endswith(b"\n"):
            raise ProtocolError("the message ends within its head")
        if not text.strip():
            return Head(line.decode("latin-1").strip(), tuple(headers))
        name, _colon, value = text.decode("latin-1").partition(":")
        headers.append((name.strip(), value.strip()))


def pieces(stream: BufferedReader, head: Head, *, answer: bool) -> Iterator[bytes]:
    """Yield a body as it arrives, without its framing: each chunk is one piece.

    An ``answer`` with neither length nor chunks goes on until the other side closes; a request has no body then.
    """
    if head.chunked:
        yield from _chunks(stream)
    elif head.header("Content-Length"):
        yield from _exactly(stream, int(head.header("Content-Length")))
    elif answer:
        while True:
            piece = stream.read1(65536)
            if not piece:
                return
            yield piece


def chunk(piece: bytes) -> bytes:
    """Return one chunk in its framing; an empty one is the end of the body."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def has_body(method: str, status: int) -> bool:
    """Whether an answer may have a body."""
    return method != "HEAD" and status >= 200 and status not in (204, 304)


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    while True:
        line = stream.readline()
        if not line.strip():
            raise ProtocolError("the message ends between two chunks")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            while stream.readline().strip():
                pass
            return
        yield from _exactly(stream, size)
        stream.readline()


def _exactly(stream: BufferedReader, length: int) -> Iterator[bytes]:
    piece = stream.read(length)
    if len(piece) < length:
        raise ProtocolError("the message ends within its body")
    if piece:
        yield piece

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last lines of a task's log, from the engine's stream (pure). Private to this collection.

A container with a terminal is streamed as it wrote. All others come in frames: one byte for the stream, three zeros,
the length in four bytes, big-endian, and that many bytes (moby, pkg/stdcopy). A failure to read the log comes within
the stream too, since the answer's status was sent before.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, List, NamedTuple, Set

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._service.scrub import printable

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.scrub import Scrubber

HEADER = 8  # bytes
OUTPUT, TROUBLE = 1, 3  # streams: standard output, and the engine's own errors; 2 is the standard error
TROUBLE_TEXT = "Error grabbing logs: "  # moby, api/server/httputils/write_log_stream.go
REASONS_TEXT = "for the following reasons: "  # swarmkit, manager/logbroker/subscription.go
PIECE = 16 * 1024  # bytes; engines store a longer line in pieces, so the last entries may begin within a line
LONGEST_LINE = 1000  # characters
GAP = "…"


class Shown(NamedTuple):
    """The lines of a log as they may be shown, and whether some had to be left out."""

    lines: List[str]
    is_short: bool


class _Line(NamedTuple):
    text: bytes
    is_cut: bool  # its beginning was dropped here
    is_first: bool  # of its stream


class LogTail:
    """The last lines of a stream that is taken part by part.

    It keeps about `most` bytes, however long the stream and its lines are. `trouble` is the engine's own error within
    the stream.
    """

    def __init__(self, has_terminal: bool, most: int) -> None:
        self._is_plain = has_terminal
        self._most = most
        self._longest = max(1, most // 4)  # bytes of a line that are kept: its end
        self._header = bytearray()
        self._stream = OUTPUT
        self._left = 0  # bytes until the frame ends
        self._begun: Dict[int, bytearray] = {}  # by stream: the line that has not ended
        self._cut: Set[int] = set()  # the streams whose begun lines have lost their beginnings
        self._continued: Set[int] = set()  # the streams that have had a line
        self._lines: Deque[_Line] = deque()
        self._size = 0  # bytes in `_lines`
        self._seen = 0  # bytes of text so far
        self.trouble = ""

    def take(self, part: bytes) -> None:
        """Take the next part of the stream."""
        rest = memoryview(part)
        while rest:
            if self._is_plain:
                self._add(OUTPUT, bytes(rest))
                return
            if not self._left:
                rest = self._read_header(rest)
                continue
            piece, rest = bytes(rest[: self._left]), rest[self._left :]
            self._left -= len(piece)
            self._add(self._stream, piece)

    def end(self) -> None:
        """Take the end of the stream, which also ends the last lines."""
        for stream, begun in sorted(self._begun.items()):
            if begun:
                self._end_line(stream, bytes(begun))
        self._begun.clear()
        last = printable(self._lines[-1].text.decode("utf-8", "replace")) if self._lines and self._is_plain else ""
        if last.startswith(TROUBLE_TEXT):
            self._lines.pop()
            self._take_trouble(last)

    def shown(self, count: int, most: int, scrubber: Scrubber) -> Shown:
        """The last lines: at most `count`, in at most `most` bytes, without secrets and control characters."""
        kept = list(self._lines)[-count:]
        text = scrubber.scrub("\n".join(self._readable(line, scrubber) for line in kept))
        lines = [_shortened(line) for line in text.split("\n")] if kept else []
        fitting = _last(lines, most)
        return Shown(fitting, len(fitting) < len(lines))

    def _readable(self, line: _Line, scrubber: Scrubber) -> str:
        """A line as text. One that may begin with the end of a secret loses as much."""
        text = printable(line.text.decode("utf-8", "replace"))
        is_whole = not line.is_cut and not (line.is_first and self._seen >= PIECE)
        return text if is_whole else GAP + scrubber.scrub(text)[scrubber.longest :]

    def _read_header(self, rest: memoryview) -> memoryview:
        """Read a frame's header. What does not begin with one is no stream of frames, but plain."""
        missing = HEADER - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == HEADER:
            self._stream, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
            if self._stream > TROUBLE or any(self._header[1:4]):
                self._is_plain = True
                self._add(OUTPUT, bytes(self._header))
            self._header.clear()
        return rest[missing:]

    def _add(self, stream: int, piece: bytes) -> None:
        """Add text to the line of its stream that has not ended; keep the lines that end in it."""
        begun = self._begun.setdefault(stream, bytearray())
        self._seen += len(piece)
        *ended, rest = piece.split(b"\n")
        for text in ended:
            self._end_line(stream, bytes(begun) + text)
            begun.clear()
        begun += rest
        if len(begun) > self._longest + PIECE:  # now and then only, since it copies the line
            del begun[: -self._longest]
            self._cut.add(stream)

    def _end_line(self, stream: int, text: bytes) -> None:
        if stream == TROUBLE:
            self._take_trouble(printable(text.decode("utf-8", "replace")))
            return
        is_cut = stream in self._cut or len(text) > self._longest
        self._lines.append(_Line(text[-self._longest :], is_cut, stream not in self._continued))
        self._size += len(self._lines[-1].text) + 1
        self._cut.discard(stream)
        self._continued.add(stream)
        while self._size > self._most and len(self._lines) > 1:
            self._size -= len(self._lines.popleft().text) + 1

    def _take_trouble(self, line: str) -> None:
        said = line[len(TROUBLE_TEXT) :] if line.startswith(TROUBLE_TEXT) else line
        self.trouble = errors.quote(said.rpartition(REASONS_TEXT)[2])


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + GAP


def _last(lines: List[str], most: int) -> List[str]:
    """The last lines that fit into so many bytes, with their line breaks."""
    size = 0
    for number, line in enumerate(reversed(lines)):
        size += len(line.encode()) + 1
        if size > most:
            return lines[len(lines) - number :]
    return lines

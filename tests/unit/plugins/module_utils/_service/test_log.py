# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks wrote, as real engines stream it (20.10.24 and 28.5.2 do so alike), and what no engine would send."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._service.log import LONGEST_LINE, PIECE, LogTail, Shown
from ansible_collections.swarmops.rollout.plugins.module_utils._service.scrub import Scrubber

OUT, ERR, TROUBLE = 1, 2, 3
MOST = 64 * 1024
NO_SECRETS = Scrubber([])
FATAL = (
    b"\x02\x00\x00\x00\x00\x00\x00*FATAL: cannot connect to database db:5432\n\x01\x00\x00\x00\x00\x00\x00\nhello out\n"
)
NODE_DOWN = (
    b"Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be "
    b"retrieved for the following reasons: node rpbbmcw8brqy51j36740k67lv is not available\n"
)


def frame(text: bytes, stream: int = OUT) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def tail_of(*parts: bytes, tty: bool = False, most: int = MOST) -> LogTail:
    tail = LogTail(tty, most)
    for part in parts:
        tail.take(part)
    tail.end()
    return tail


def lines_of(*parts: bytes, tty: bool = False, count: int = 100) -> List[str]:
    return tail_of(*parts, tty=tty).shown(count, MOST, NO_SECRETS).lines


def test_both_streams_of_a_container() -> None:
    assert lines_of(FATAL) == ["FATAL: cannot connect to database db:5432", "hello out"]


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 50])
def test_the_stream_may_come_in_any_parts(size: int) -> None:
    parts = [FATAL[start : start + size] for start in range(0, len(FATAL), size)]
    assert lines_of(*parts) == ["FATAL: cannot connect to database db:5432", "hello out"]


def test_a_terminal_has_one_stream() -> None:
    assert lines_of(b"one\r\ntwo\r\n", tty=True) == ["one", "two"]


def test_a_stream_without_frames_is_read_as_it_is() -> None:
    assert lines_of(b"it does not begin with a frame\nthat is seen\n") == [
        "it does not begin with a frame",
        "that is seen",
    ]


def test_a_last_line_without_an_end() -> None:
    assert lines_of(frame(b"first\n"), frame(b"no newline at end")) == ["first", "no newline at end"]


def test_a_line_in_pieces_between_those_of_the_other_stream() -> None:
    assert lines_of(frame(b"a" * 10), frame(b"oops\n", ERR), frame(b"b\n")) == ["oops", "a" * 10 + "b"]


@pytest.mark.parametrize("nothing", [b"", frame(b""), b"\x01\x00\x00"])
def test_no_log(nothing: bytes) -> None:
    assert lines_of(nothing) == []
    assert lines_of(b"", tty=True) == []


def test_no_more_lines_than_asked_for() -> None:
    assert lines_of(*(frame(b"line %d\n" % number) for number in range(9)), count=2) == ["line 7", "line 8"]


@pytest.mark.parametrize("tty", [False, True])
def test_an_error_within_the_stream(tty: bool) -> None:
    said = NODE_DOWN if tty else frame(NODE_DOWN, TROUBLE)
    tail = tail_of(said, tty=tty)
    assert tail.trouble == "node rpbbmcw8brqy51j36740k67lv is not available"
    assert tail.shown(9, MOST, NO_SECRETS).lines == []


def test_an_error_after_some_lines() -> None:
    tail = tail_of(frame(b"hello\n"), frame(b"Error grabbing logs: EOF\n", TROUBLE))
    assert (tail.trouble, tail.shown(9, MOST, NO_SECRETS).lines) == ("EOF", ["hello"])


def test_what_a_container_says_of_its_logs_is_no_error_of_the_engine() -> None:
    tail = tail_of(frame(NODE_DOWN))
    assert (tail.trouble, len(tail.shown(9, MOST, NO_SECRETS).lines)) == ("", 1)


def pieces(size: int) -> List[bytes]:
    """A long line as an engine streams its last part, with the end of it, and one more line."""
    return [frame(b"x" * PIECE) for _number in range(size // PIECE)] + [frame(b"\n"), frame(b"last\n")]


@pytest.mark.parametrize("tty", [False, True])
def test_ten_megabytes_in_one_line(tty: bool) -> None:
    size = 10 * 2**20
    parts = [b"x" * size + b"\nlast\n"] if tty else pieces(size)
    tail = tail_of(*parts, tty=tty)
    assert sum(len(line.text) for line in tail._lines) <= MOST
    long, last = tail.shown(9, MOST, NO_SECRETS).lines
    assert (long[:2], last) == ("…x", "last")
    assert len(long) == LONGEST_LINE + 1
    assert long.endswith("x…")


def test_a_line_that_does_not_end_takes_no_memory() -> None:
    tail = LogTail(False, 1000)
    for _number in range(100):
        tail.take(frame(b"x" * PIECE))
        assert sum(map(len, tail._begun.values())) <= 250 + 2 * PIECE
    tail.end()
    assert tail.shown(9, 500, NO_SECRETS) == Shown(["…" + "x" * 250], False)
    assert tail.shown(9, 100, NO_SECRETS) == Shown([], True)


def test_lines_that_do_not_fit_are_left_out_and_that_is_told() -> None:
    tail = tail_of(*(frame(b"%04d\n" % number) for number in range(100)))
    assert tail.shown(100, 12, NO_SECRETS) == Shown(["0098", "0099"], True)
    assert tail.shown(2, 12, NO_SECRETS) == Shown(["0098", "0099"], False)


def test_what_is_kept_is_bounded() -> None:
    tail = tail_of(*(frame(b"%09d\n" % number) for number in range(10_000)), most=1000)
    assert tail._size <= 1000
    assert tail.shown(1, MOST, NO_SECRETS).lines == ["000009999"]


@pytest.mark.parametrize(("most", "last"), [(9, ["0099"]), (10, ["0098", "0099"])])
def test_lines_fit_with_their_line_breaks(most: int, last: List[str]) -> None:
    tail = tail_of(*(frame(b"%04d\n" % number) for number in range(100)))
    assert tail.shown(2, most, NO_SECRETS).lines == last


def test_what_is_kept_is_counted() -> None:
    tail = tail_of(*(frame(b"%09d\n" % number) for number in range(500)), most=1000)
    assert tail._size == sum(len(line.text) + 1 for line in tail._lines) == 1000


def test_the_last_line_is_kept_however_little_that_may_be() -> None:
    assert tail_of(frame(b"a\nb\n"), most=1).shown(9, MOST, NO_SECRETS).lines == ["b"]


@pytest.mark.parametrize(("size", "shown"), [(250, "x" * 250), (251, "…" + "x" * 250)])
def test_a_line_that_is_kept_whole_is_shown_whole(size: int, shown: str) -> None:
    assert tail_of(frame(b"x" * size + b"\n"), most=1000).shown(9, MOST, NO_SECRETS).lines == [shown]


@pytest.mark.parametrize(("size", "shown"), [(1000, "x" * 1000), (1001, "x" * 1000 + "…")])
def test_a_long_line_is_shortened(size: int, shown: str) -> None:
    assert lines_of(frame(b"x" * size + b"\n")) == [shown]


@pytest.mark.parametrize(("size", "first"), [(16 * 1024 - 1, "first"), (16 * 1024, "…first")])
def test_a_log_as_long_as_a_piece_may_begin_within_a_line(size: int, first: str) -> None:
    begun = b"first\n"
    assert lines_of(frame(begun + b"x" * (size - len(begun) - 1) + b"\n"))[0] == first


def test_a_frame_of_many_megabytes() -> None:
    header = bytes([OUT, 0, 0, 0]) + (2**24 + 3).to_bytes(4, "big")
    assert lines_of(header + b"ab\ncd\n") == ["ab", "cd"]


def test_values_are_replaced() -> None:
    tail = tail_of(frame(b"login as app:correct horse failed\n"))
    assert tail.shown(9, MOST, Scrubber(["A=correct horse"])).lines == ["login as app:*** failed"]


def test_a_value_of_several_lines_is_replaced() -> None:
    key = "-----BEGIN KEY-----\nAAAAAAAAAAAA\nab\n-----END KEY-----"
    tail = tail_of(frame(b"the key is\n"), *(frame(line.encode() + b"\n") for line in key.split("\n")))
    assert tail.shown(9, MOST, Scrubber([f"A={key}"])).lines == ["the key is", "***"]
    assert tail.shown(3, MOST, Scrubber([f"A={key}"])).lines == ["***", "ab", "***"]


@pytest.mark.parametrize("end", [b"nter22-and-more then\n", b"hunter22-and-more then\n"])
def test_the_end_of_a_value_where_a_stream_begins_within_a_line(end: bytes) -> None:
    """The engine's last entries begin with the last piece of a long line, or with an earlier one."""
    secret = Scrubber(["PASSWORD=hunter22-and-more"])
    for first in (end, end[:-1] + b"x" * PIECE + b"\n"):
        tail = tail_of(frame(first), *pieces(PIECE))
        assert "ter22" not in "".join(tail.shown(9, MOST, secret).lines)
        assert "and-more" not in "".join(tail.shown(9, MOST, secret).lines)


def test_the_end_of_a_value_where_a_line_was_cut_here() -> None:
    secret = Scrubber(["PASSWORD=hunter22-and-more"])
    for number in range(len("hunter22-and-more") + 1):
        long = b"hunter22-and-more" + b"x" * (MOST - number) + b"\n"
        shown = tail_of(frame(b"before\n"), frame(long)).shown(9, MOST, secret).lines
        assert "ore" not in shown[-1]


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"10 %\r50 %\r100 %", "100 %"),
        (b"\xff\xfe\x00\x01binary", "\ufffdbinary"),
        (b"\ta\tb  ", "    a    b"),
        ("grün ✓".encode(), "grün ✓"),
        (b"\x1b]0;title\x07text\x1b", "text\ufffd"),
        (b"no\xa0break\xe2\x80\xae", "no\ufffdbreak\ufffd"),
    ],
)
def test_a_line_is_made_printable(written: bytes, line: str) -> None:
    assert lines_of(frame(written + b"\n")) == [line]


@given(st.lists(st.binary(max_size=200)), st.booleans(), st.integers(1, 50), st.integers(0, 300))
def test_any_bytes_are_read(parts: List[bytes], tty: bool, count: int, most: int) -> None:
    tail = tail_of(*parts, tty=tty, most=100)
    shown = tail.shown(count, most, Scrubber(["A=secret"]))
    assert len(shown.lines) <= count
    assert all(line.isprintable() for line in shown.lines)
    assert sum(len(line.encode()) + 1 for line in shown.lines) <= most


@given(st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.binary(max_size=50)), max_size=20), st.integers(1, 30))
def test_parts_make_no_difference(frames: List[Tuple[int, bytes]], size: int) -> None:
    whole = b"".join(frame(text, stream) for stream, text in frames)
    parts = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert lines_of(*parts) == lines_of(whole)

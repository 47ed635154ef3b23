# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from typing import List
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._service.scrub import Scrubber, printable


def scrub(text: str, *variables: str) -> str:
    return Scrubber(variables).scrub(text)


@pytest.mark.parametrize(
    ("variable", "text", "scrubbed"),
    [
        ("PASSWORD=hunter22", "bad password hunter22!", "bad password ***!"),
        ("PASSWORD=hunter22", "xhunter22x", "x***x"),
        ("DB=correct horse", "login correct horse failed", "login *** failed"),
        ("URL=postgres://app@db:5432/shop", "cannot open postgres://app@db:5432/shop", "cannot open ***"),
        ("URL=postgres://app:s3cr3t@db/shop", "password s3cr3t was refused", "password *** was refused"),
        ("MODE=calm", "mode calm, calmly", "mode ***, calmly"),
        ("PASSWORD=abc", "user abc, abcd", "user ***, abcd"),
        ("ADMIN_PIN=1234", "pin 1234, port 12345", "pin ***, port 12345"),
        ("CODE=123456", "code 123456, id 1234567", "code ***, id 1234567"),
        ("X=a=b=c", "got a=b=c here", "got *** here"),
        ("PASSWORD=staging", "as staging", "as ***"),
    ],
)
def test_values_are_replaced(variable: str, text: str, scrubbed: str) -> None:
    assert scrub(text, variable) == scrubbed


FATAL = "FATAL: cannot connect to database db:5432 (attempt 1 of 10, debug=true, env production, exit code 3)"


@pytest.mark.parametrize(
    "variable",
    [
        "DB_HOST=db",
        "DB_PORT=5432",
        "RETRIES=10",
        "DEBUG=true",
        "ATTEMPT=1",
        "LEVEL=fatal",
        "ENV=production",
        "EMPTY=",
        "SPACE=   ",
        "NO_SIGN",
        "TOKEN_TTL=10",
        "AUTH=true",
        "PW=db",
        "STARS=****",
        "SLASH=/",
        "",
    ],
)
def test_short_and_trivial_values_leave_the_log_readable(variable: str) -> None:
    assert scrub(FATAL, variable) == FATAL


def test_the_longest_value_comes_first() -> None:
    assert scrub("secret-and-more, secret-an", "A=secret-an", "B=secret-and-more") == "***, ***"


def test_a_value_is_found_as_json_and_urls_spell_it() -> None:
    value = 'pa"ss/wörd&1'
    for spelt in (json.dumps(value), json.dumps(value, ensure_ascii=False), quote(value), quote(value, "")):
        assert value[-3:] not in scrub(f"got {spelt} here", f"A={value}")
        assert "***" in scrub(f"got {spelt} here", f"A={value}")


def test_a_value_with_control_characters_is_found_in_printable_text() -> None:
    value = "\x1b[1mbold\tsecret\x1b[0m"
    assert scrub(printable(f"x {value} y"), f"A={value}") == "x *** y"


def test_lines_of_a_value_are_found_each_by_itself() -> None:
    key = "-----BEGIN-----\nMIIEvgIBADAN\n{\n-----END-----\n"
    assert scrub("MIIEvgIBADAN", f"KEY={key}") == "***"
    assert scrub("{ a }", f"A={key}") == "{ a }"


@pytest.mark.parametrize(
    ("value", "text", "scrubbed"),
    [
        ("abcd\nefgh", "it is\nabcd\nefgh\nno more", "it is\n***\nno more"),
        ("abcd\nefgh", "abcd alone", "abcd alone"),
        ("abcdefgh\nij", "abcdefgh alone", "*** alone"),
        ("abcdefg\nij", "abcdefg alone", "abcdefg alone"),
    ],
)
def test_a_value_of_several_lines_as_a_whole_and_its_long_lines(value: str, text: str, scrubbed: str) -> None:
    assert Scrubber([f"A={value}"]).scrub(text) == scrubbed


def test_the_length_of_the_longest() -> None:
    assert Scrubber(["A=12345678"]).longest == 8
    assert Scrubber([]).longest == 0


def test_many_values_in_a_large_text_take_no_time() -> None:
    variables = [f"NAME{number}=value of {number} & more" for number in range(500)]
    text = "value of nothing " * 4000
    began = time.process_time()
    assert scrub(text, *variables) == text
    assert time.process_time() - began < 2


WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126, blacklist_characters="*"), max_size=20)


@given(WORDS, WORDS, WORDS.filter(lambda word: len(word.strip()) >= 8), st.lists(WORDS))
def test_no_value_is_left(before: str, after: str, value: str, others: List[str]) -> None:
    variables = [f"NAME={value}", *(f"OTHER={other}" for other in others)]
    assert value.strip() not in scrub(before + value + after, *variables)

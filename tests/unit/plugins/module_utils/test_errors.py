# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import inspect
from typing import List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    LONGEST_QUOTE,
    ApiError,
    RolloutError,
    ServiceNotFound,
    quote,
)


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        pytest.param("plain", [], "plain", id="plain"),
        pytest.param("", [], "", id="empty"),
        pytest.param("a\n b\t\r\nc", [], "a b c", id="one-line"),
        pytest.param("a\x00b\x07c", [], "a b c", id="control-characters"),
        pytest.param("\x1b[1;31mred\x1b[0m", [], "red", id="colours"),
        pytest.param("a\u202eb\u200bc", [], "a b c", id="invisible-characters"),
        pytest.param("a\ud800b", [], "a b", id="lone-surrogate"),
        pytest.param("größe", [], "größe", id="letters-of-all-languages"),
        pytest.param("pw=hunter2!", ["hunter2"], "pw=***!", id="secret"),
        pytest.param("hunter22 hunter2", ["hunter2", "hunter22"], "*** ***", id="longest-secret-first"),
        pytest.param("text", [""], "text", id="empty-secret"),
        pytest.param("a.c abc", ["a.c"], "*** abc", id="secret-is-no-pattern"),
        pytest.param("key: one\ntwo", ["one\ntwo"], "key: ***", id="secret-of-two-lines"),
        pytest.param("x" * LONGEST_QUOTE, [], "x" * LONGEST_QUOTE, id="as-long-as-may-be"),
        pytest.param("x" * (LONGEST_QUOTE + 1), [], "x" * (LONGEST_QUOTE - 1) + "…", id="too-long"),
    ],
)
def test_quote(text: str, secrets: List[str], expected: str) -> None:
    assert quote(text, secrets) == expected


@given(st.text())
def test_a_quote_is_one_short_printable_line(text: str) -> None:
    assert quote(text).isprintable()
    assert len(quote(text)) <= LONGEST_QUOTE


@given(st.text(alphabet="ab \x1b[m", max_size=30), st.lists(st.text(alphabet="ab", min_size=2, max_size=4)))
def test_a_quote_holds_no_secret(text: str, secrets: List[str]) -> None:
    assert not any(secret in quote(text, secrets) for secret in secrets)


def test_there_is_one_family() -> None:
    found = [kind for dummy, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert len(found) > 10
    assert all(issubclass(kind, RolloutError) for kind in found)


def test_an_api_error_says_call_status_and_reason() -> None:
    error = ApiError("GET /services/x", 500, "it burns.")
    assert str(error) == "GET /services/x: the engine answered 500: it burns."
    assert (error.call, error.status, error.reason) == ("GET /services/x", 500, "it burns.")


@pytest.mark.parametrize(
    ("near", "hint", "expected"),
    [
        ([], "", "There is no service 'web' in this swarm."),
        (["webs", "web2"], "", "There is no service 'web' in this swarm. Did you mean webs, web2?"),
        ([], "It was removed.", "There is no service 'web' in this swarm. It was removed."),
    ],
)
def test_a_service_not_found_names_what_comes_near(near: List[str], hint: str, expected: str) -> None:
    error = ServiceNotFound("web", near, hint)
    assert str(error) == expected
    assert error.near == near

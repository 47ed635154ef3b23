# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._service.moment import moment_of

NOON = "2026-11-23T12:00:00Z"
SECONDS = 1795435200.0  # from 1970 to then


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (NOON, 0.0),
        ("2026-11-23T12:00:01.5Z", 1.5),
        ("2026-11-23T12:00:00.000000001Z", 0.0),
        ("2026-11-23T11:59:59.75Z", -0.25),
        ("2026-11-23T13:00:00+01:00", 0.0),
        ("2026-11-23T06:30:00-05:30", 0.0),
        ("2026-11-24T12:00:00Z", 86400.0),
        ("Mon, 23 Nov 2026 12:00:09 GMT", 9.0),
    ],
)
def test_the_seconds_of_a_moment(text: str, seconds: float) -> None:
    assert moment_of(text) == pytest.approx(SECONDS + seconds, abs=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-45T12:00:00Z",
        "2026-11-23",
        "12:00",
        "Mon, 99 Nov 2026 12:00:09 GMT",
        "٢٠٢٦-11-23T12:00:00Z",
    ],
)
def test_unreadable(text: str) -> None:
    assert moment_of(text) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    moment: Optional[float] = moment_of(text)
    assert moment is None or isinstance(moment, float)

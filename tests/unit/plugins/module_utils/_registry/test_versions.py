# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any, Optional, Tuple

import pytest
from ansible.module_utils.compat.version import LooseVersion, StrictVersion

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.versions import Range, Version


def read(tag: str) -> Version:
    version = Version.parse(tag)
    assert version is not None, tag
    return version


@pytest.mark.parametrize(
    ("tag", "numbers", "is_prerelease", "suffix"),
    [
        ("1.2.3", (1, 2, 3), False, ""),
        ("v1.2.3", (1, 2, 3), False, ""),
        ("V2", (2,), False, ""),
        ("7.2", (7, 2), False, ""),
        ("16", (16,), False, ""),
        ("22.04", (22, 4), False, ""),
        ("2024.01.15", (2024, 1, 15), False, ""),
        ("1.43.3.10896", (1, 43, 3, 10896), False, ""),
        ("2.4.1-alpine", (2, 4, 1), False, "-alpine"),
        ("2.4.1-alpine3.19", (2, 4, 1), False, "-alpine3.19"),
        ("2.4.1-debian-12-r5", (2, 4, 1), False, "-debian-12-r5"),
        ("2.4.1-1", (2, 4, 1), False, "-1"),
        ("1.2.3.Final", (1, 2, 3), False, ".Final"),
        ("1.2_a", (1, 2), False, "_a"),
        ("2.5.0-rc1", (2, 5, 0), True, ""),
        ("2.5.0-rc.1", (2, 5, 0), True, ""),
        ("2.5.0-RC1", (2, 5, 0), True, ""),
        ("2.5.0-rc1-alpine", (2, 5, 0), True, "-alpine"),
        ("3.14-rc-slim", (3, 14), True, "-slim"),
        ("3.13.0a1", (3, 13, 0), True, ""),
        ("3.13.0rc2-slim-bookworm", (3, 13, 0), True, "-slim-bookworm"),
        ("1.0.0-beta.2.1", (1, 0, 0), True, ""),
        ("1.0.0-preview", (1, 0, 0), True, ""),
        ("1.0.0-alphabet", (1, 0, 0), False, "-alphabet"),
        ("1.0.0-SNAPSHOT", (1, 0, 0), True, ""),
        ("20240115.1", (20240115, 1), False, ""),
    ],
)
def test_what_is_a_version(tag: str, numbers: Tuple[int, ...], is_prerelease: bool, suffix: str) -> None:
    version = read(tag)
    assert (version.numbers, bool(version.prerelease), version.suffix) == (numbers, is_prerelease, suffix)


@pytest.mark.parametrize(
    "tag",
    [
        "latest",
        "alpine",
        "stable-1.2",
        "1234567",  # a git hash of digits
        "0123456789012345678901234567890123456789",
        "12a3456",  # one that looks like 12 and a pre-release
        "1b23456-alpine",
        "20240115",
        "v20240115",
        "1.1.1w",
        "3.11alpine",
        "1.2.3-",
        "1.2.",
        "v",
        "",
        "sha256-0123.sig",
    ],
)
def test_what_is_no_version(tag: str) -> None:
    assert Version.parse(tag) is None


ASCENDING = [
    "0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc1",
    "1.0.0-rc2",
    "1.0.0-rc10",
    "1.0.0",
    "1.0.0.1",
    "1.0.9",
    "1.0.10",
    "1.2-rc1",
    "1.2",
    "1.10",
    "2.0.0-dev",
    "2",
    "10",
]


@pytest.mark.parametrize(("earlier", "later"), list(itertools.combinations(ASCENDING, 2)))
def test_the_order(earlier: str, later: str) -> None:
    assert read(earlier).key < read(later).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("7.2", "7.2.0"), ("v1.2.3", "1.2.3"), ("7", "7.0.0.0"), ("22.04", "22.4"), ("3.0a1", "3.0.0-alpha.1")],
)
def test_one_version_in_two_spellings(one: str, other: str) -> None:
    assert read(one).key == read(other).key


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=2.4 <3", "2.4 2.4.0 2.4.1 2.99.9 2.5.0-rc1", "2.3.9 2.4.0-rc1 3 3.0.0-rc1 10.0"),
        (">=2.4, <3", "2.4.1", "3.0.0"),
        ("~2.4", "2.4.0 2.4.9 2.4.1-rc1", "2.3.9 2.5.0 2.5.0-rc1 3.0"),
        ("~2", "2.0 2.9", "1.9 3.0"),
        ("~2.4.1", "2.4.1 2.4.9", "2.4.0 2.5.0"),
        ("^2.4.1", "2.4.1 2.5 2.99", "2.4.0 3.0.0 3.0.0-rc1"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0 1.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0.9", "0.1"),
        ("^0", "0.9", "1.0"),
        ("2.x", "2.0.0 2.0.0-rc1 2.9.9 v2.1", "1.9 3.0.0 3.0.0-rc1 20.1"),
        ("2.X.X", "2.9", "3.0"),
        ("2.4.*", "2.4.0 2.4.7", "2.3 2.5"),
        ("2.4", "2.4.0 2.4.7", "2.3 2.5"),
        ("=2.4.1", "2.4.1 v2.4.1 2.4.1.0", "2.4.2 2.4.1-rc1 2.4.1.1"),
        ("2.4.1", "2.4.1", "2.4.2"),
        ("2.5.0-rc1", "2.5.0-rc1", "2.5.0 2.5.0-rc2"),
        ("v2.4.1", "2.4.1", "2.4.2"),
        (">2.4", "2.5 3.0", "2.4 2.4.9"),
        (">2.4.1", "2.4.2", "2.4.1 2.4.0"),
        ("<=2.4", "2.4.9 2.3", "2.5 2.5.0-rc1"),
        ("<=2.4.1", "2.4.1 2.4.0", "2.4.2"),
        ("<2.4.1-rc2", "2.4.1-rc1 2.4.0", "2.4.1-rc2 2.4.1"),
        (">= 2.4   < 3", "2.5", "3.1"),
        (">=2.x", "2.0 5", "1.9"),
        ("*", "0.1 99", ""),
        ("x", "0.1 99", ""),
        (">=3 <2", "", "1 2 3 2.5"),
    ],
)
def test_ranges(text: str, inside: str, outside: str) -> None:
    wanted = Range.parse(text)
    assert [tag for tag in inside.split() if not wanted.holds(read(tag))] == []
    assert [tag for tag in outside.split() if wanted.holds(read(tag))] == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        ("  ", "'"),
        ("latest", "'latest'"),
        (">=", "'>='"),
        ("2.4 || 3", "'|| 3'"),
        ("1.2 - 2.3", "'- 2.3'"),
        ("^2.4-alpine", "'^2.4-alpine'"),
        (">*", "'>*'"),
        ("=>2", "'=>2'"),
        ("!=2.4", "'!=2.4'"),
        ("1234567", "'1234567'"),
        ("2.x.1", "'2.x.1'"),
    ],
)
def test_what_is_no_range(text: str, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Range.parse(text)
    assert "cannot be read" in str(caught.value)
    assert part in str(caught.value)


def compared(kind: Any, one: str, other: str) -> Optional[int]:
    """How another library compares two versions: -1, 0 or 1; None if it cannot."""
    try:
        mine, theirs = kind(one), kind(other)
        return 0 if mine == theirs else -1 if mine < theirs else 1
    except (ValueError, TypeError):
        return None


@pytest.mark.parametrize(
    ("kind", "one", "other", "right"),
    [
        (StrictVersion, "v1.2.3", "1.2.3", 0),
        (StrictVersion, "1.2.3.4", "1.2.3.5", -1),
        (StrictVersion, "2.4.1-alpine", "2.4.2-alpine", -1),
        (LooseVersion, "v1.2.3", "1.2.3", 0),
        (LooseVersion, "7.2", "7.2.0", 0),
        (LooseVersion, "2.5.0-rc1", "2.5.0", -1),
    ],
)
def test_ansible_cores_own_versions_fail_the_traps(kind: Any, one: str, other: str, right: int) -> None:
    """If this ever fails, the docstring of versions.py is out of date."""
    assert compared(kind, one, other) != right
    mine, theirs = read(one).key, read(other).key
    assert (0 if mine == theirs else -1 if mine < theirs else 1) == right

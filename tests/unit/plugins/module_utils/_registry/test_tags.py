# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.tags import (
    PRERELEASE,
    ByPattern,
    ByVersion,
    Place,
    check_suffix,
    is_known,
    later_tags,
    suffix_of,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.versions import Range


def by_version(text: str = "*", suffix: str = "", prerelease: bool = False) -> ByVersion:
    return ByVersion(Range.parse(text), suffix, prerelease)


def later(tags: str, rule: ByVersion, current: str = "") -> List[str]:
    """The candidates, and those that are passed over in brackets."""
    places = later_tags(tags.split(), rule, current)
    return [f"({place.tag})" if place.passed_over else place.tag for place in places]


@pytest.mark.parametrize(
    ("tags", "current", "expected"),
    [
        ("1.0 1.1 1.2", "1.1", "1.2"),
        ("1.0 1.1 1.2", "1.2", ""),
        ("1.0 1.1 1.2", "2.0", ""),
        ("1.2 1.10 1.9", "1.2", "1.10 1.9"),
        ("1.2 1.10 1.9", "", "1.10 1.9 1.2"),
        # one version in two spellings never alternates
        ("7.2 7.2.0", "7.2", ""),
        ("7.2 7.2.0", "7.2.0", ""),
        ("v1.2.3 1.2.3", "1.2.3", ""),
        ("v1.2.3 1.2.3", "v1.2.3", ""),
        # of several spellings, that of the tag in use
        ("7.3 7.3.0 v7.3", "7.2", "7.3"),
        ("7.3 7.3.0 v7.3", "7.2.0", "7.3.0"),
        ("7.3 7.3.0 v7.3", "v7.2", "v7.3"),
        ("7.3 7.3.0 v7.3.0", "", "7.3.0"),
        ("v8 8 8.0", "7.0.1", "8.0"),
        # no versions
        ("1.0 latest 1234567 12a3456 20240115 deadbeef stable-2", "1.0", ""),
        ("alpine3.20 20240329 3.19 3.20 edge", "3.19", "3.20"),
        # other lines
        ("2.4.1 2.5.0 2.5.0-alpine 2.6.0-alpine 2.6.0-slim", "2.4.1-alpine", "2.6.0-alpine 2.5.0-alpine"),
        ("2.4.1 2.5.0-alpine 2.5.0", "2.4.1", "2.5.0"),
        # pre-releases
        ("2.5.0-rc1 2.5.0 2.6.0-rc1 2.4", "2.4", "(2.6.0-rc1) 2.5.0 (2.5.0-rc1)"),
        ("2.5.0-rc1 2.5.0-rc2 2.5.0", "2.5.0-rc1", "2.5.0 (2.5.0-rc2)"),
        ("2.5.0-rc1-alpine 2.5.0-alpine", "2.5.0-rc1-alpine", "2.5.0-alpine"),
    ],
)
def test_what_is_later(tags: str, current: str, expected: str) -> None:
    assert later(tags, by_version(suffix=suffix_of(current)), current) == expected.split()


def test_whatever_the_order_of_the_list() -> None:
    tags = ["7.2.0", "v7.2", "7.2", "7.2.1", "1.0"]
    expected = later(" ".join(tags), by_version())
    assert [later(" ".join(tags[at:] + tags[:at]), by_version()) for at in range(5)] == [expected] * 5


def test_a_range() -> None:
    assert later("1.9 2.0 2.9 3.0", by_version("2.x"), "2.0") == ["(3.0)", "2.9"]
    [place] = later_tags(["3.0"], by_version("2.x"), "2.0")
    assert place.passed_over == "It is not in the range 2.x."


def test_prereleases() -> None:
    [place] = later_tags(["2.0-rc1"], by_version(), "1.0")
    assert place.passed_over == PRERELEASE
    assert later("2.0-rc1 2.0-rc2", by_version(prerelease=True), "1.0") == ["2.0-rc2", "2.0-rc1"]
    assert later("3.0-rc1", by_version("<3", prerelease=True), "1.0") == ["(3.0-rc1)"]


def test_another_suffix_than_that_of_the_tag_in_use() -> None:
    assert later("2.0-alpine 2.1-alpine 2.2", by_version(suffix="-alpine"), "2.0") == ["2.1-alpine"]


@pytest.mark.parametrize("current", ["latest", "1234567", "alpine", "20240115"])
def test_a_current_tag_that_is_no_version(current: str) -> None:
    with pytest.raises(InvalidInput, match=f"The current tag '{current}' is no version"):
        later("1.0", by_version(), current)


def by_pattern(pattern: str, order: str, text: Optional[str] = None) -> ByPattern:
    return ByPattern.parse(pattern, order, Range.parse(text) if text else None, False)


@pytest.mark.parametrize(
    ("pattern", "order", "tags", "current", "expected"),
    [
        (r"main-(\d+)-[0-9a-f]{7}", "numeric", "main-9-aaaaaaa main-10-bbbbbbb", "", "main-10-bbbbbbb main-9-aaaaaaa"),
        (r"main-(\d+)-.*", "numeric", "main-9-a main-10-b main-8-c x", "main-9-a", "main-10-b"),
        (r"(.*)", "numeric", "1.5 1.25 1.50 7 x 1.2.3", "1.25", "7 1.5"),
        (r"(\d{8})", "numeric", "20240115 20231231 1234567", "20231231", "20240115"),
        (r"r(.+)", "alphabetical", "rb ra r10 r9", "", "rb ra r9 r10"),
        (r"release-(.*)", "semver", "release-2.10 release-2.9 release-2.9-alpine 3.0", "", "release-2.10 release-2.9"),
        (r"1\.43\.3\.(\d+)-.*", "numeric", "1.43.3.10896-cb 1.43.3.10861-07", "1.43.3.10896-cb", ""),
        (r"a(b)?", "alphabetical", "a ab", "", "ab"),
    ],
)
def test_patterns(pattern: str, order: str, tags: str, current: str, expected: str) -> None:
    found = later_tags(tags.split(), by_pattern(pattern, order), current)
    assert [place.tag for place in found] == expected.split()


def test_a_pattern_with_a_range() -> None:
    found = later_tags(["r1.0", "r2.0", "r2.1-rc1"], by_pattern("r(.*)", "semver", "<2"), "")
    assert [place.tag for place in found] == ["r2.1-rc1", "r2.0", "r1.0"]
    assert [bool(place.passed_over) for place in found] == [True, True, False]


@pytest.mark.parametrize(
    ("pattern", "order", "text", "says"),
    [
        ("(", "numeric", None, "pattern is no regular expression: "),
        (r"main-\d+", "numeric", None, "pattern has 0 groups; it needs one"),
        (r"(a)(\d+)", "numeric", None, "pattern has 2 groups"),
        (r"(\d+)", "numeric", "2.x", "semver goes with order=semver, not with order=numeric."),
    ],
)
def test_what_is_no_pattern(pattern: str, order: str, text: Optional[str], says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        by_pattern(pattern, order, text)
    assert says in str(caught.value)


@pytest.mark.parametrize(("current", "order"), [("other", "numeric"), ("main-x", "numeric"), ("main-x", "semver")])
def test_a_current_tag_without_a_place(current: str, order: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be ordered: pattern must match all of it"):
        later_tags([], by_pattern("main-(.*)", order), current)


def test_whether_any_tag_has_a_place() -> None:
    assert is_known(["x", "1.0"], by_version("2.x"))
    assert not is_known(["x", "1.0"], by_version(suffix="-alpine"))
    assert not is_known([], by_version())


@pytest.mark.parametrize("suffix", ["", "-alpine", "_1", ".Final", "-alpine3.19"])
def test_suffixes(suffix: str) -> None:
    assert check_suffix(suffix) == suffix


@pytest.mark.parametrize("suffix", ["alpine", "- x", "-ä", "+b"])
def test_what_is_no_suffix(suffix: str) -> None:
    with pytest.raises(InvalidInput, match="as in -alpine"):
        check_suffix(suffix)


class Counting:
    """A rule that counts how often it is asked."""

    def __init__(self, rule: ByVersion) -> None:
        self.rule, self.count = rule, 0

    def place(self, tag: str) -> Optional[Place]:
        self.count += 1
        return self.rule.place(tag)

    def place_of_current(self, tag: str) -> Place:
        return self.rule.place_of_current(tag)


def test_each_of_many_tags_is_read_once() -> None:
    tags = [f"{number // 1000}.{number % 1000}" for number in range(20_000)]
    rule = Counting(by_version())
    assert [place.tag for place in later_tags(tags, rule, "19.990")] == [f"19.{minor}" for minor in range(999, 990, -1)]
    assert rule.count == len(tags)

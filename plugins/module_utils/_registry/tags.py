# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tags come later than the one in use, and why one is passed over (pure). Private to this collection."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.versions import Range, Version

if TYPE_CHECKING:
    from typing import Iterable, Protocol

    class Rule(Protocol):
        """What orders the tags of a repository."""

        def place(self, tag: str) -> Optional[Place]:
            """Where a tag stands; None if it does not belong to the tags that are compared."""

        def place_of_current(self, tag: str) -> Place:
            """Where the tag in use stands. Raises InvalidInput if that cannot be told."""


NUMERIC, ALPHABETICAL, SEMVER = "numeric", "alphabetical", "semver"
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)
_SEPARATED = re.compile(r"|[-._][\w.-]*", re.ASCII)
PRERELEASE = "It is a pre-release."


class Place(NamedTuple):
    """Where a tag stands in the order; `passed_over` says why it is no candidate all the same, else it is empty."""

    tag: str
    key: Any
    passed_over: str = ""


@dataclass(frozen=True)
class ByVersion:
    """Orders the tags that are versions and have this suffix."""

    range: Range
    suffix: str = ""
    prerelease: bool = False

    def place(self, tag: str) -> Optional[Place]:
        """Where a tag stands; None if it is no version, or has another suffix."""
        version = Version.parse(tag)
        if version is None or version.suffix != self.suffix:
            return None
        return Place(tag, version.key, _why_not(version, self.range, self.prerelease))

    def place_of_current(self, tag: str) -> Place:
        """Where the tag in use stands, whatever its suffix. Raises InvalidInput."""
        version = Version.parse(tag)
        if version is None:
            raise errors.InvalidInput(
                f"The current tag {errors.quote(tag)!r} is no version, so it is not known what is newer. Give the "
                "version that is in use as current, or use pattern and order."
            )
        return Place(tag, version.key)


@dataclass(frozen=True)
class ByPattern:
    """Orders the tags that a regular expression matches as a whole, by what its one group holds."""

    pattern: re.Pattern[str]
    order: str
    range: Optional[Range] = None
    prerelease: bool = False

    @classmethod
    def parse(cls, pattern: str, order: str, range_: Optional[Range], prerelease: bool) -> ByPattern:
        """Read the options. Raises InvalidInput."""
        try:
            compiled = re.compile(pattern, re.ASCII)
        except (re.error, RecursionError, OverflowError) as error:
            raise errors.InvalidInput(f"pattern is no regular expression: {error}.") from None
        if compiled.groups != 1:
            raise errors.InvalidInput(
                f"pattern has {compiled.groups} groups; it needs one, around what the tags are ordered by. A group "
                "that only holds together is written as (?:…)."
            )
        if range_ is not None and order != SEMVER:
            raise errors.InvalidInput(f"semver goes with order=semver, not with order={order}.")
        return cls(compiled, order, range_, prerelease)

    def place(self, tag: str) -> Optional[Place]:
        """Where a tag stands; None if the pattern does not match, or its group has no place in this order."""
        found = self.pattern.fullmatch(tag)
        part = found.group(1) if found else None
        if part is None:
            return None
        if self.order == ALPHABETICAL:
            return Place(tag, part)
        if self.order == NUMERIC:
            number = _NUMBER.fullmatch(part)
            return Place(tag, _numeric_key(number)) if number else None
        version = Version.parse(part)
        if version is None or version.suffix:
            return None
        return Place(tag, version.key, _why_not(version, self.range, self.prerelease))

    def place_of_current(self, tag: str) -> Place:
        """Where the tag in use stands. Raises InvalidInput."""
        place = self.place(tag)
        if place is None:
            raise errors.InvalidInput(
                f"The current tag {errors.quote(tag)!r} cannot be ordered: pattern must match all of it, and its "
                f"group must hold what order={self.order} can compare."
            )
        return place


def later_tags(tags: Iterable[str], rule: Rule, current: str = "") -> List[Place]:
    """The tags behind the one in use (all, without one), the last first. Raises InvalidInput.

    Of those with the same place (`7.2`, `v7.2`, `7.2.0`) one is left: it is written like the one in use, and otherwise
    has the most numbers.
    """
    base = rule.place_of_current(current) if current else None
    best: Dict[Any, Place] = {}
    for tag in tags:
        place = rule.place(tag)
        if place is None or (base is not None and place.key <= base.key):
            continue
        other = best.get(place.key)
        if other is None or _likeness(tag, current) < _likeness(other.tag, current):
            best[place.key] = place
    return [best[key] for key in sorted(best, reverse=True)]


def is_known(tags: Iterable[str], rule: Rule) -> bool:
    """Whether at least one tag has a place in the order."""
    return any(rule.place(tag) is not None for tag in tags)


def check_suffix(suffix: str) -> str:
    """Return a suffix that can stand behind a version. Raises InvalidInput."""
    if not _SEPARATED.fullmatch(suffix):
        raise errors.InvalidInput(
            f"suffix is {errors.quote(suffix)!r}; it begins with what separates it from the version, as in -alpine."
        )
    return suffix


def suffix_of(current: str) -> str:
    """The suffix of a tag in use; empty for one that is no version."""
    version = Version.parse(current)
    return version.suffix if version else ""


def _why_not(version: Version, range_: Optional[Range], allows_prerelease: bool) -> str:
    if range_ is not None and not range_.holds(version):
        return f"It is not in the range {range_.text}."
    return PRERELEASE if version.prerelease and not allows_prerelease else ""


def _numeric_key(number: re.Match[str]) -> Tuple[int, str]:
    """A decimal number as it is compared, at any length."""
    whole, fraction = number.groups()
    return int(whole), (fraction or "").rstrip("0")


def _likeness(tag: str, current: str) -> Tuple[bool, int, str]:
    """How little a tag is written like the one in use; the least is the best."""
    dots, wanted = tag.count("."), current.count(".")
    is_alike = tag.lower().startswith("v") == current.lower().startswith("v")
    return not is_alike, abs(dots - wanted) if current else -dots, tag

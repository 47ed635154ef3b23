# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions in tags, and ranges of them (pure). Private to this collection.

Why they are written here: a managed node has no library for this but `ansible.module_utils.compat.version`, and it
fails every trap that tags set. Its `StrictVersion` refuses `v1.2.3`, `2.4.1-alpine` and `1.2.3.4`. Its `LooseVersion`
takes a git hash of digits for a version, holds `7.2` and `7.2.0` for two, puts `2.5.0-rc1` behind `2.5.0`, and raises
TypeError where it compares `v1.2.3` with `1.2.3` or `latest`. Neither has ranges, and the one that ansible-core has on
the controller (`SemanticVersion`) knows no suffix. `packaging` is not on every node, and its order is not this one.

The order is that of semver.org, with as many numbers as the tag has. The signs of a range mean what they mean for npm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

Identifier = Tuple[int, int, str]
"""A part of a pre-release, as it is compared: numbers before words."""
Key = Tuple[Tuple[int, ...], int, Tuple[Identifier, ...]]

LOWEST: Tuple[Identifier, ...] = ((0, -1, ""),)  # before every pre-release that can be written
FULL = 3  # numbers of a version that is not shortened

# Words that make a version a pre-release. Any other word behind the numbers is a suffix, so that an unknown one never
# becomes a candidate by mistake.
_WORDS = (
    "alpha|beta|canary|cr|dev|eap|ea|edge|experimental|insiders|milestone|next|nightly|preview|prerelease|pre|rc|"
    "snapshot|test|unstable"
)
_LETTERS = {"a": "alpha", "b": "beta", "c": "rc", "m": "milestone"}  # these only with a number: 3.13.0a1
_VERSION = re.compile(r"[vV]?(\d+(?:\.\d+)*)(.*)", re.ASCII | re.DOTALL)
_PRERELEASE = re.compile(
    rf"[-._]?(?:({_WORDS})|([abcm])(?=[-._]?\d))((?:[-._]?\d+)*)(?=[-._]|\Z)", re.ASCII | re.IGNORECASE
)
_SUFFIX = re.compile(r"(?:[-._][\w.-]+)?", re.ASCII)
# What git shortens a hash to, and a date of eight digits: no version, though both can be digits alone.
_HASH = re.compile(r"[vV]?[0-9a-fA-F]{7,}(?=[-_]|\Z)", re.ASCII)
_BOUND = re.compile(r"[\s,]*(>=|<=|>|<|=|~|\^)?\s*([^\s,<>=~^]+)[\s,]*", re.ASCII)
_WILDCARD = re.compile(r"[vV]?((?:\d+\.)*)[xX*](?:\.[xX*])*", re.ASCII)


@dataclass(frozen=True)
class Version:
    """A version as a tag has it. `suffix` is what stands behind it, with its separator: `-alpine`."""

    numbers: Tuple[int, ...]
    prerelease: Tuple[Identifier, ...] = ()
    suffix: str = ""

    @classmethod
    def parse(cls, tag: str) -> Optional[Version]:
        """Read a tag. Returns None if it is no version: a word, a git hash, a date without separators."""
        found = _VERSION.fullmatch(tag)
        if not found or _HASH.match(tag):
            return None
        numbers = tuple(int(number) for number in found.group(1).split("."))
        rest = found.group(2)
        ahead = _PRERELEASE.match(rest)
        suffix = rest[ahead.end() :] if ahead else rest
        if not _SUFFIX.fullmatch(suffix):
            return None
        return cls(numbers, _identifiers(ahead) if ahead else (), suffix)

    @property
    def key(self) -> Key:
        """What it is compared by, without the suffix: `7.2`, `v7.2` and `7.2.0` have the same."""
        length = len(self.numbers)
        while length and self.numbers[length - 1] == 0:
            length -= 1
        return self.numbers[:length], 0 if self.prerelease else 1, self.prerelease

    @property
    def is_full(self) -> bool:
        """Whether it has all its numbers. In a range `2.4` stands for each `2.4.x`."""
        return len(self.numbers) >= FULL

    def bumped(self, position: int) -> Version:
        """The place where all versions end that have the same numbers up to this position: `2.5` for `2.4.1` at 1."""
        return Version((*self.numbers[:position], self.numbers[position] + 1), LOWEST)

    def floor(self) -> Version:
        """The place where its own pre-releases begin."""
        return Version(self.numbers, self.prerelease or LOWEST)


class Bound(NamedTuple):
    """One end of a range: `sign` is `>=`, `>`, `<=` or `<`."""

    sign: str
    key: Key

    def admits(self, key: Key) -> bool:
        """Whether a version's key lies on the right side."""
        if self.sign[0] == ">":
            return key > self.key or (key == self.key and self.sign == ">=")
        return key < self.key or (key == self.key and self.sign == "<=")


@dataclass(frozen=True)
class Range:
    """A range of versions, as a person writes it: `>=2.4 <3`, `~2.4`, `^2.4.1`, `2.x`. All its parts must hold."""

    text: str
    bounds: Tuple[Bound, ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read a range. Raises InvalidInput."""
        bounds: List[Bound] = []
        position, end = 0, max(1, len(text))
        while position < end:
            found = _BOUND.match(text, position)
            read = _bounds(found.group(1) or "=", found.group(2)) if found else None
            if found is None or read is None:
                raise errors.InvalidInput(
                    f"semver is {errors.quote(text)!r}, and {errors.quote(text[position:])!r} in it cannot be read. A "
                    "range is made of versions with >=, >, <=, <, =, ~ or ^ before them, or of 2.x, with spaces "
                    "between them, and all of them must hold. A suffix goes into the option suffix."
                )
            bounds += read
            position = found.end()
        return cls(text, tuple(bounds))

    def holds(self, version: Version) -> bool:
        """Whether a version lies in the range. Its pre-releases come before it: `<3` has no `3.0.0-rc1`."""
        return all(bound.admits(version.key) for bound in self.bounds)


def _identifiers(found: re.Match[str]) -> Tuple[Identifier, ...]:
    """The parts of a pre-release as they are compared; a letter counts as its word."""
    word, letter, numbers = found.groups()
    name = word.lower() if word else _LETTERS[letter.lower()]
    return ((1, 0, name), *((0, int(number), "") for number in re.findall(r"\d+", numbers)))


def _bounds(sign: str, text: str) -> Optional[List[Bound]]:
    """The bounds of one part of a range; None if it cannot be read."""
    wildcard = _WILDCARD.fullmatch(text)
    if wildcard:
        if not wildcard.group(1):
            return [] if sign == "=" else None
        text = wildcard.group(1)[:-1]
    version = Version.parse(text)
    if version is None or version.suffix:
        return None
    return _expand("x" if wildcard and sign == "=" else sign, version)


def _expand(sign: str, version: Version) -> List[Bound]:
    """The two signs `<` and `>=`, for one that may be shorter to write."""
    low, end = Bound(">=", version.key), Bound("<", version.bumped(len(version.numbers) - 1).key)
    if sign == "~":
        return [low, Bound("<", version.bumped(min(1, len(version.numbers) - 1)).key)]
    if sign == "^":
        return [low, Bound("<", version.bumped(_first_that_counts(version.numbers)).key)]
    if sign in ("<", ">="):
        return [low if sign == ">=" else Bound("<", version.floor().key)]
    if sign == "x" or (sign == "=" and not version.is_full and not version.prerelease):
        return [Bound(">=", version.floor().key), end]
    if version.is_full or version.prerelease:
        return [Bound(each, version.key) for each in ((">=", "<=") if sign == "=" else (sign,))]
    return [end] if sign == "<=" else [Bound(">=", end.key)]


def _first_that_counts(numbers: Tuple[int, ...]) -> int:
    """The position of the first number that is not 0, else of the last one: what `^` does not let change."""
    return next((position for position, number in enumerate(numbers) if number), len(numbers) - 1)

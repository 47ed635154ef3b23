# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse, compare and write image references. Private to this collection.

The grammar is that of github.com/distribution/reference (`reference.go`, `regexp.go`), the normal form that of its
`normalize.go`: exactly what the Docker CLI and the engine accept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Dict, List, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

DEFAULT_DOMAIN = "docker.io"
LEGACY_DEFAULT_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
DEFAULT_TAG = "latest"
LONGEST_PATH = 255
PARSED_REFERENCES = 4096  # parsed references kept: a task meets the same few over and over
BRIEF_DIGEST = len("sha256:") + 12  # characters of a digest in a short form
DIGEST_HEX_LENGTH: Dict[str, int] = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_PATH_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_IDENTIFIER = re.compile(r"(?:sha256:)?[a-f0-9]{64}", re.ASCII)
_LOWER_HEX = re.compile(r"[a-f0-9]+", re.ASCII)


class InvalidReference(errors.InvalidInput):
    """The text is not a valid image reference; the message says which part is wrong, and why."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{errors.quote(text)!r} is not a valid image reference: {why}.")


@dataclass(frozen=True)
class Reference:
    """An image reference in parts, with Docker Hub's domain and `library/` filled in.

    `path` is the repository's path without the domain: `library/nginx` for `nginx`.
    """

    domain: str
    path: str
    tag: Optional[str] = None
    digest: Optional[str] = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference as an operator or a spec writes it. Raises InvalidReference."""
        return _parse(text)

    @property
    def repository(self) -> str:
        """Domain and path: `docker.io/library/nginx`."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_repository(self) -> str:
        """The repository as people write it: `nginx`, `user/app`, `host:5000/app`.

        It is written in full where the short form would mean another repository: `docker.io/foo.com/app`.
        """
        if self.domain != DEFAULT_DOMAIN:
            return self.repository
        is_official = self.path.count("/") == 1 and self.path.startswith(OFFICIAL_PREFIX)
        short = self.path[len(OFFICIAL_PREFIX) :] if is_official else self.path
        return short if _split_domain(short) == (self.domain, self.path) else self.repository

    @property
    def canonical(self) -> str:
        """The reference in full: `docker.io/library/nginx:1.27@sha256:…`."""
        return self.repository + self._suffix()

    @property
    def familiar(self) -> str:
        """The reference as the Docker CLI writes it into a spec: `nginx:1.27@sha256:…`."""
        short = self.familiar_repository + self._suffix()
        return self.canonical if _IDENTIFIER.fullmatch(short) else short

    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{tag}@{self.digest}" if self.digest else tag

    def with_default_tag(self) -> Reference:
        """The same reference, with the tag `latest` if it has neither a tag nor a digest."""
        return self if self.tag or self.digest else replace(self, tag=DEFAULT_TAG)

    def with_tag(self, tag: str) -> Reference:
        """The same repository with another tag, and without a digest. Raises InvalidReference."""
        if not _TAG.fullmatch(tag):
            raise InvalidReference(f"{self.familiar_repository}:{tag}", _tag_fault(tag))
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Optional[str]) -> Reference:
        """The same repository and tag at this digest. Raises InvalidReference."""
        if digest is not None:
            _check_digest(f"{self.familiar_repository}@{digest}", digest)
        return replace(self, digest=digest)

    def covers(self, other: Reference) -> bool:
        """Whether `other` has every part that this reference states (without tag and digest: `latest`)."""
        stated = self.with_default_tag()
        present = other.with_default_tag()
        return (
            stated.repository == present.repository
            and stated.tag in (None, present.tag)
            and stated.digest in (None, present.digest)
        )


def brief(image: str) -> str:
    """A stored image in a short form for people: without its digest beside a tag, else with the digest shortened."""
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return errors.quote(image)
    if reference.tag or not reference.digest:
        return reference.with_digest(None).familiar
    return f"{reference.familiar_repository}@{reference.digest[:BRIEF_DIGEST]}"


def short(image: str) -> str:
    """A stored image with its digest shortened."""
    name, digest = brief(image), image.partition("@")[2]
    return f"{name}@{digest[:BRIEF_DIGEST]}" if digest and "@" not in name else name


def told_apart(*images: str) -> List[str]:
    """Stored images in a short form for people, with digests only where the tags do not tell them apart."""
    briefs = [brief(image) for image in images]
    return briefs if len(set(briefs)) == len(set(images)) else [short(image) for image in images]


@lru_cache(maxsize=PARSED_REFERENCES)
def _parse(text: str) -> Reference:
    if not text.strip():
        raise InvalidReference(text, "it is empty")
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(text, "64 hexadecimal characters are an image's ID, which other nodes do not know")
    rest, digest = _split_digest(text)
    name, tag = _split_tag(text, rest)
    domain, path = _split_domain(name)
    _check_domain(text, domain)
    _check_path(text, path)
    return Reference(domain, path, tag, digest)


def _split_digest(text: str) -> Tuple[str, Optional[str]]:
    rest, at, digest = text.partition("@")
    if not at:
        return text, None
    _check_digest(text, digest)
    return rest, digest


def _check_digest(text: str, digest: str) -> None:
    algorithm, encoded = digest.partition(":")[::2]
    length = DIGEST_HEX_LENGTH.get(algorithm)
    if length is None:
        known = ", ".join(sorted(DIGEST_HEX_LENGTH))
        raise InvalidReference(text, f"the digest {errors.quote(digest)!r} names no known algorithm ({known})")
    if len(encoded) != length or not _LOWER_HEX.fullmatch(encoded):
        raise InvalidReference(
            text, f"a {algorithm} digest has {length} lower-case hexadecimal characters after the colon"
        )


def _split_tag(text: str, rest: str) -> Tuple[str, Optional[str]]:
    slash = rest.rfind("/")
    colon = rest.find(":", slash + 1)
    if colon < 0:
        return rest, None
    name, tag = rest[:colon], rest[colon + 1 :]
    if not _TAG.fullmatch(tag):
        raise InvalidReference(text, _tag_fault(tag))
    return name, tag


def _tag_fault(tag: str) -> str:
    if not tag:
        return "the tag after the colon is empty"
    if len(tag) > 128:
        return f"the tag has {len(tag)} characters; at most 128 are allowed"
    return (
        f"the tag {errors.quote(tag)!r} may hold letters, digits, '_', '.' and '-' and does not begin with '.' or '-'"
    )


def _split_domain(name: str) -> Tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not _is_domain(first):
        domain, path = DEFAULT_DOMAIN, name
    else:
        domain, path = first, rest
    if domain == LEGACY_DEFAULT_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and path and "/" not in path:
        path = OFFICIAL_PREFIX + path
    return domain, path


def _is_domain(first: str) -> bool:
    return "." in first or ":" in first or first == "localhost" or first.lower() != first


def _check_domain(text: str, domain: str) -> None:
    if not _DOMAIN.fullmatch(domain):
        raise InvalidReference(
            text, f"{errors.quote(domain)!r} is not a registry's host name or address with an optional port"
        )


def _check_path(text: str, path: str) -> None:
    if not path:
        raise InvalidReference(text, "the repository is empty")
    if path.lower() != path:
        raise InvalidReference(text, "a repository must be in lower case")
    if len(path) > LONGEST_PATH:
        raise InvalidReference(text, f"the repository has {len(path)} characters; at most {LONGEST_PATH} are allowed")
    for component in path.split("/"):
        if not component:
            raise InvalidReference(text, "a part between two slashes is empty")
        if not _PATH_COMPONENT.fullmatch(component):
            shown = errors.quote(component)
            raise InvalidReference(
                text, f"{shown!r} may hold lower-case letters and digits, with '.', '_', '__' or '-' between them"
            )

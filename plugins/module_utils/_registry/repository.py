# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One repository of a registry: its tags, and what one of them holds. Private to this collection.

The API is that of github.com/opencontainers/distribution-spec.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Set
from urllib.parse import quote_plus

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.access import Access
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import (
    ACCEPTED,
    Document,
    checked_digest,
    config_of,
    created_at,
    digest_of,
    document,
    image_of_index,
    is_index,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    AUTHORIZATION,
    ENCRYPTED,
    OVERDUE,
    PLAIN,
    UNTRUSTED,
    Answer,
    RegistryError,
    Unanswered,
    Web,
    joined,
    origin_of,
    parts_of,
    shown,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference

HUB, HUB_HOST = "docker.io", "registry-1.docker.io"
PAGE = 1000  # tags asked for at a time; Amazon ECR allows no more
MOST_PAGES = 10_000
MOST_BARREN_PAGES = 10  # pages without a new tag, one after the other
LARGEST_LIST = 32 * 2**20  # bytes, all pages together
LARGEST_DOCUMENT = 8 * 2**20  # bytes of a manifest or a config
SHORT_LIMIT = 5.0  # seconds in which a registry that may speak plainly has to answer an encrypted call
DIGEST_HEADER = "docker-content-digest"
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*\"?next\b", re.IGNORECASE)


class Image(NamedTuple):
    """What a tag holds now. `created` is in seconds since 1970; None if it is not known."""

    digest: str
    created: Optional[float] = None


class Repository:
    """Reads one repository. `domain` and `path` of the reference say which."""

    def __init__(self, web: Web, access: Access, reference: Reference) -> None:
        self._web = web
        self._access = access
        self._domain = reference.domain
        self._path = reference.path
        self._name = reference.familiar_repository
        self._base = ""

    def tags(self) -> List[str]:
        """All tags. Raises RegistryError, also if the list has no end or breaks off: no part of it is returned."""
        found: Dict[str, None] = {}
        pages = _Pages(f"{self._find_base()}/v2/{self._path}/tags/list?n={PAGE}")
        while pages.url:
            try:
                answer = self._get(pages.url, pages.room)
                if answer.status != 200:
                    raise self._refusal(answer)
                self._add(answer, found, pages)
            except RegistryError as error:
                if not found:
                    raise
                raise RegistryError(
                    f"The list of tags of {self._name} broke off after {len(found)} tags, and a part of it is not "
                    f"used. {error}"
                ) from None
        return list(found)

    def _add(self, answer: Answer, found: Dict[str, None], pages: _Pages) -> None:
        """Add the tags of a page, and turn to the next one."""
        tags = self._document(answer).get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise RegistryError(f"The answer of {shown(answer.url)} is no list of tags.")
        before = len(found)
        found.update(dict.fromkeys(tags))
        pages.turn(answer, tags[-1] if len(tags) == PAGE else "", len(found) > before)

    def image(self, tag: str) -> Optional[Image]:
        """What a tag holds; None if the registry has no such tag. Raises RegistryError."""
        url = f"{self._find_base()}/v2/{self._path}"
        answer = self._get(f"{url}/manifests/{tag}", LARGEST_DOCUMENT)
        if answer.status == 404:
            return None
        manifest = self._verified(answer)
        image = Image(self._digest(answer, manifest))
        if is_index(manifest):
            inner = image_of_index(manifest)
            if inner is None:
                return image
            manifest = self._verified(self._get(f"{url}/manifests/{inner}", LARGEST_DOCUMENT), inner)
        config = config_of(manifest)
        if config is None:
            return image
        content = self._verified(self._get(f"{url}/blobs/{config}", LARGEST_DOCUMENT), config)
        return image._replace(created=created_at(content))

    def _find_base(self) -> str:
        """The URL that all others begin with: with TLS, but for a registry that may do without, and does."""
        if not self._base:
            host = HUB_HOST if self._domain == HUB else self._domain
            self._base = f"{ENCRYPTED}://{host}"
            if self._web.allows_plain and not self._speaks_tls():
                self._base = f"{PLAIN}://{host}"
        return self._base

    def _speaks_tls(self) -> bool:
        try:
            self._web.ask("GET", f"{self._base}/v2/", LARGEST_DOCUMENT, limit=SHORT_LIMIT)
        except Unanswered as error:
            if error.kind == UNTRUSTED:
                raise self._silence(error) from None
            return False
        return True

    def _get(self, url: str, most: int) -> Answer:
        """Ask for a URL; after a challenge once more, with what the registry wants to see."""
        try:
            answer = self._ask(url, most)
            is_own = origin_of(answer.url) == origin_of(self._base)
            if answer.status == 401 and is_own and self._access.renew(answer):
                answer = self._ask(url, most)
        except Unanswered as error:
            raise self._silence(error) from None
        return answer

    def _ask(self, url: str, most: int) -> Answer:
        is_own = origin_of(url) == origin_of(self._base)
        shows = {AUTHORIZATION: self._access.authorization} if is_own and self._access.authorization else {}
        return self._web.ask("GET", url, most, {"Accept": ACCEPTED, **shows})

    def _digest(self, answer: Answer, manifest: Document) -> str:
        """The digest of a tag's manifest. Docker's first form has another than its bytes, which include signatures."""
        told = answer.headers.get(DIGEST_HEADER, "")
        if checked_digest({"digest": told}) is None:
            return digest_of(answer.body)
        if manifest.get("schemaVersion") != 1:
            self._verified(answer, told)
        return told

    def _verified(self, answer: Answer, digest: str = "") -> Document:
        """Read a document, and check that it is the one that was asked for. Raises RegistryError."""
        if answer.status != 200:
            raise self._refusal(answer)
        read = self._document(answer)
        if digest and digest_of(answer.body) != digest:
            raise RegistryError(f"The answer of {shown(answer.url)} does not have the digest {digest}; it is not used.")
        return read

    def _document(self, answer: Answer) -> Document:
        read = document(answer.body)
        if read is None:
            kind = answer.headers.get("content-type", "nothing that it names").partition(";")[0]
            raise RegistryError(
                f"The answer of {shown(answer.url)} is no JSON object ({kind[:80]}). Is {self._domain} a registry?"
            )
        return read

    def _refusal(self, answer: Answer) -> RegistryError:
        said = f"{answer.status}{self._web.reason(answer)}"
        if answer.status in (401, 403):
            return RegistryError(
                f"The registry {self._domain} does not let {self._name} be read ({said}).{self._access.hint()}"
            )
        if answer.status == 404:
            return RegistryError(f"The registry {self._domain} has no repository {self._name} ({said}).")
        return RegistryError(f"The registry {self._domain} answered {said}, to {shown(answer.url)}.")

    def _silence(self, error: Unanswered) -> RegistryError:
        """The error where nothing answered."""
        if error.kind == UNTRUSTED:
            return RegistryError(
                f"The registry {self._domain} is not trusted: {error}. Set ca_path to the authority that signed its "
                "certificate."
            )
        if error.kind == OVERDUE:
            return RegistryError(
                f"The registry {self._domain} returned no complete answer in time: timeout seconds for a call, and ten "
                "times that for all of them."
            )
        return RegistryError(f"The registry {self._domain} cannot be reached, or breaks off: {error}.")


class _Pages:
    """Turns the pages of a list, by the links that the registry gives, and sees that it ends.

    `url` is that of the next page, empty at the end; `room` is how many bytes it may have.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.room = LARGEST_LIST
        self._first = url
        self._seen: Set[str] = {url}
        self._barren = 0

    def turn(self, answer: Answer, last: str, is_new: bool) -> None:
        """Turn to the next page. `last` is the last tag of a full page, `is_new` whether the page had a new tag.

        A full page without a link may not be the last one: the specification leaves links to the registry. It is then
        asked for what comes behind the last tag, and a page without a new one is the end. Raises RegistryError.
        """
        link = _next_of(answer.headers.get("link", ""))
        self.room -= len(answer.body)
        self._barren = 0 if is_new else self._barren + 1
        if not link:
            self.url = f"{self._first}&last={quote_plus(last)}" if last and is_new else ""
            return
        self.url = self._resolve(answer.url, link)
        if self.url in self._seen or self._barren > MOST_BARREN_PAGES or len(self._seen) >= MOST_PAGES:
            raise RegistryError("The registry's pages of tags have no end: their links lead back, or to no new tag.")
        self._seen.add(self.url)

    def _resolve(self, asked: str, link: str) -> str:
        """The URL of a link. Behind some proxies it has the wrong scheme, so that only its path counts."""
        target, base = parts_of(joined(asked, link)), parts_of(asked)
        if target.hostname != base.hostname:
            raise RegistryError(f"The next page of tags is on another host, {shown(target.geturl())}; it is not asked.")
        return target._replace(scheme=base.scheme, netloc=base.netloc, fragment="").geturl()


def _next_of(header: str) -> str:
    """The link to the next page; empty without one."""
    return next((target for target, rest in _LINK.findall(header) if _NEXT.search(rest)), "")

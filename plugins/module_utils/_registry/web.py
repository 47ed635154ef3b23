# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a registry over HTTP, bounded in time and size. Private to this collection.

What opens URLs is handed in. Redirects are followed here, since credentials must not follow them to another host.
"""

from __future__ import annotations

import re
import time
from email.utils import mktime_tz, parsedate_tz
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, NamedTuple, Optional
from urllib.parse import SplitResult, urljoin, urlsplit

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import error_text

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock

MOST_REDIRECTS = 5
MOST_TIMEOUTS = 10  # the whole task takes at most so many times the limit of one call
FIRST_PAUSE = 1.0  # seconds
REDIRECTS = (301, 302, 303, 307, 308)
TOO_MANY_REQUESTS = 429
PASSING_STATUSES = (TOO_MANY_REQUESTS, 502, 503, 504)
LOOPBACK = re.compile(r"localhost|::1|127(?:\.\d{1,3}){3}", re.ASCII)
AUTHORIZATION = "Authorization"
PLAIN, ENCRYPTED = "http", "https"

UNTRUSTED, OVERDUE, BROKEN = "untrusted", "overdue", "broken"


class RegistryError(errors.RolloutError):
    """A registry returned no usable answer."""


class Unanswered(errors.RolloutError):
    """No complete answer came back. `kind` says why: UNTRUSTED, OVERDUE or BROKEN; the text is the reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Trust(NamedTuple):
    """How certificates are checked: at all, and by the authorities in which PEM file (None: the system's)."""

    validate_certs: bool = True
    ca_path: Optional[str] = None


class Question(NamedTuple):
    """One HTTP request. It may take `seconds`, and its answer's body may have `most` bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Optional[bytes]
    seconds: float
    most: int
    trust: Trust
    use_proxy: bool


class Answer(NamedTuple):
    """A complete HTTP answer, as `url` gave it in the end. The names in `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""


Send = Callable[[Question], Answer]
"""Sends one request, follows no redirect, and returns at most one byte more than is allowed. Raises Unanswered."""


class Web:
    """Asks one registry, and what it refers to.

    `timeout` is the limit of a call in seconds, with the repetitions after a passing failure. `is_local` says that the
    registry is on this machine. `secrets` are never part of an error.
    """

    def __init__(self, send: Send, clock: Clock, timeout: float, trust: Trust, is_local: bool = False) -> None:
        self._send = send
        self._clock = clock
        self._timeout = timeout
        self._trust = trust
        self._is_local = is_local
        self._end = clock.now() + MOST_TIMEOUTS * timeout
        self.secrets: List[str] = []

    @property
    def allows_plain(self) -> bool:
        """Whether a registry may be asked without TLS, as the engine allows it: on this machine, or unchecked."""
        return self._is_local or not self._trust.validate_certs

    def ask(
        self,
        method: str,
        url: str,
        most: int,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[bytes] = None,
        limit: Optional[float] = None,
    ) -> Answer:
        """Make a call, again after a passing failure, and follow its redirects. `limit` replaces a longer timeout.

        An `Authorization` among the headers goes to the URL's own host alone. Raises RegistryError, and Unanswered
        where nothing answered.
        """
        end = min(self._clock.now() + min(self._timeout, limit or self._timeout), self._end)
        pause = FIRST_PAUSE
        while True:
            question = Question(method, url, headers or {}, body, 0, most, self._trust, not self._is_local)
            answer = self._follow(question, end)
            if answer.status not in PASSING_STATUSES:
                return answer
            asked = _retry_after(answer.headers.get("retry-after", ""))
            pause = pause if asked is None else asked
            if self._clock.now() + pause >= end:
                raise self._give_up(answer, asked)
            self._clock.sleep(pause)
            pause = 2 * pause + FIRST_PAUSE

    def _follow(self, question: Question, end: float) -> Answer:
        origin = origin_of(question.url)
        for _hop in range(MOST_REDIRECTS + 1):
            self._check(question.url)
            answer = self._once(question, end)
            target = answer.headers.get("location", "") if answer.status in REDIRECTS else ""
            if not target:
                return answer
            if question.body is not None:
                raise RegistryError(f"{shown(question.url)} redirects a request that carries a credential.")
            url = joined(question.url, target)
            kept = question.headers if origin_of(url) == origin else _without_authorization(question.headers)
            question = question._replace(url=url, headers=kept)
        raise RegistryError(f"{shown(question.url)}: more than {MOST_REDIRECTS} redirects, one after the other.")

    def _once(self, question: Question, end: float) -> Answer:
        left = end - self._clock.now()
        if left <= 0:
            raise Unanswered(OVERDUE, "timed out")
        answer = self._send(question._replace(seconds=left))
        if len(answer.body) > question.most:
            raise RegistryError(
                f"The answer of {shown(question.url)} is larger than {question.most / 2**20:.3g} MiB; it was not read "
                "to its end."
            )
        return answer._replace(url=question.url)

    def _check(self, url: str) -> None:
        """Check that a URL may be asked at all. Raises RegistryError."""
        parts = parts_of(url)
        is_http = parts.scheme == ENCRYPTED or (parts.scheme == PLAIN and self.allows_plain)
        if not is_http or not parts.hostname or "@" in parts.netloc or not _is_clean(url):
            raise RegistryError(
                f"The registry refers to {shown(url)}, which is not asked: only https:// is, without a user in it."
            )

    def _give_up(self, answer: Answer, asked: Optional[float]) -> RegistryError:
        host = host_of(answer.url)
        wish = "" if asked is None else f" and asks to wait {asked:.0f} seconds"
        if answer.status == TOO_MANY_REQUESTS:
            return RegistryError(
                f"{host} limits how often it is asked (429){wish}, which is more than timeout={self._timeout:.3g} "
                "leaves. Ask with credentials, or less often, or set a longer timeout."
            )
        said = f"{answer.status}{self.reason(answer)}"
        return RegistryError(f"{host} is not ready ({said}){wish}. It was asked for {self._timeout:.3g} seconds.")

    def reason(self, answer: Answer) -> str:
        """What an answer says of an error, as it stands behind a status; empty if it says nothing."""
        text = errors.quote(error_text(answer.body), self.secrets).rstrip(".")
        return f": {text}" if text else ""


def parts_of(url: str) -> SplitResult:
    """Split a URL; one that is none has no scheme and no host."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def joined(base: str, target: str) -> str:
    """A URL that may be relative to another, as a whole; empty for one that is none."""
    try:
        return urljoin(base, target)
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """The scheme, the host and the port of a URL."""
    parts = parts_of(url)
    try:
        port = parts.port or (443 if parts.scheme == ENCRYPTED else 80)
    except ValueError:
        port = -1
    return f"{parts.scheme}://{parts.hostname}:{port}"


def host_of(url: str) -> str:
    """The host of a URL with its port, as the URL has it, without a user."""
    return errors.quote(parts_of(url).netloc.rpartition("@")[2])


def shown(url: str) -> str:
    """A URL without what may be a secret: a user, and the query, which can be a signature."""
    parts = parts_of(url)
    return errors.quote(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


def is_loopback(domain: str) -> bool:
    """Whether a registry's domain is this machine, as the engine sees it: it is asked without TLS if need be."""
    return LOOPBACK.fullmatch(parts_of(f"//{domain}").hostname or "") is not None


def _is_clean(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _without_authorization(headers: Mapping[str, str]) -> Dict[str, str]:
    return {name: value for name, value in headers.items() if name != AUTHORIZATION}


def _retry_after(text: str) -> Optional[float]:
    """The seconds that Retry-After asks to wait, as a number or a date; None if it says nothing of use."""
    if text.isdigit() and len(text) < 10:
        return float(text)
    date = parsedate_tz(text) if text else None
    return max(0.0, mktime_tz(date) - time.time()) if date and date[9] is not None else None

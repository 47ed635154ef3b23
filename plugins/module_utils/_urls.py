# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open a URL through Ansible, with its proxies and certificates, bounded in time and size.

Private to this collection. Only the module that needs it imports it, so that it is not sent along with the others.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import signal
import socket
import ssl
import urllib.error
from typing import Any, Dict, Iterator, List

from ansible.module_utils.urls import open_url

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    BROKEN,
    OVERDUE,
    UNTRUSTED,
    Answer,
    Question,
    Unanswered,
)

AGENT = "swarmops.rollout"
AGAIN = 1.0  # seconds after which a time-out that was swallowed is raised once more
_SOURCE_LINE = re.compile(r" \(_ssl\.c:\d+\)")
FAILURES = (OSError, http.client.HTTPException, ValueError)


class _TimeIsUp(Exception):
    """The time of a call is over, wherever it is."""


def send(question: Question) -> Answer:
    """Send one request, and read its answer up to one byte more than is allowed. Raises Unanswered."""
    try:
        with _limit(question.seconds):
            return _send(question)
    except _TimeIsUp:
        raise Unanswered(OVERDUE, "timed out") from None
    except FAILURES as error:
        raise _explain(error) from None


def _send(question: Question) -> Answer:
    try:
        response: Any = open_url(
            question.url,
            data=question.body,
            headers=dict(question.headers),
            method=question.method,
            use_proxy=question.use_proxy,
            timeout=question.seconds,
            validate_certs=question.trust.validate_certs,
            ca_path=question.trust.ca_path,
            http_agent=AGENT,
            follow_redirects="none",
            decompress=False,
            use_netrc=False,
        )
    except urllib.error.HTTPError as error:
        response = error
    with contextlib.closing(response):
        body = _read(response, question.most + 1)
        return Answer(response.code, _headers(response.headers), body)


def _read(response: Any, most: int) -> bytes:
    """Read the body. Raises IncompleteRead where it ends early, which `read` with a size does not say itself."""
    body: bytes = response.read(most) or b""
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(body) < min(int(length), most):
        raise http.client.IncompleteRead(body, int(length) - len(body))
    return body


def _headers(message: Any) -> Dict[str, str]:
    """The headers by their names in lower case; those of the same name as one, as HTTP has it."""
    return {name.lower(): ", ".join(message.get_all(name)) for name in message}


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise _TimeIsUp in what is done inside after so many seconds, also while a name is looked up or bytes trickle."""

    def ring(*_signal: Any) -> None:
        raise _TimeIsUp

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _explain(error: BaseException) -> Unanswered:
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, (_TimeIsUp, socket.timeout)):
            return Unanswered(OVERDUE, "timed out")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unanswered(UNTRUSTED, errors.quote(cause.verify_message.rstrip(".")))
    innermost = causes[-1]
    if isinstance(innermost, OSError) and innermost.strerror:
        return Unanswered(BROKEN, errors.quote(_SOURCE_LINE.sub("", innermost.strerror)))
    return Unanswered(BROKEN, type(innermost).__name__)


def _causes(error: BaseException) -> List[BaseException]:
    """The error, and what it carries: urllib wraps the system's own."""
    found = [error]
    while True:
        reason = getattr(found[-1], "reason", None)
        if not isinstance(reason, BaseException):
            return found
        found.append(reason)

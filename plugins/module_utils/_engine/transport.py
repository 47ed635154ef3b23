# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP call to an engine, bounded in time and size. Private to this collection.

It uses `requests-unixsocket`. Every failure becomes one of three errors: never received (EngineUnreachable), perhaps
received (AnswerLost), not an engine's answer (BadAnswer).
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import stat
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.pool import Deadline, open_pool, require_library

with contextlib.suppress(ImportError):  # require_library reports it
    import urllib3

LARGEST_BODY = 64 * 1024 * 1024  # bytes; the list of a thousand services takes some five million
CHUNK = 64 * 1024  # bytes
_SOURCE_LINE = re.compile(r" \(_ssl\.c:\d+\)")
TLS_ADVICE = tuple(
    (re.compile(known, re.IGNORECASE), advice)
    for known, advice in (
        (
            "alert.*(certificate|unknown ca)",
            "Set client_cert and client_key: the engine wants a certificate that its own authority has signed.",
        ),
        ("has expired", "Renew the engine's certificate."),
        ("mismatch|doesn't match", "Set tls_hostname to a name that the engine's certificate carries."),
        ("verify failed", "Set ca_path to the authority that signed the engine's certificate."),
        ("wrong.version.number", "What listens there speaks no TLS: is the port right?"),
    )
)
LONGEST_SILENCE = 300.0  # seconds of silence after which a stream counts as dead


class Answer(NamedTuple):
    """A complete HTTP answer. The case of the names in `headers` does not matter."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


Take = Callable[[bytes], None]

if TYPE_CHECKING:
    from typing import Protocol

    class Carrier(Protocol):
        """What carries calls to an engine, as a Transport does."""

        address: Address
        timeout: float
        limit: float

        def call(
            self,
            method: str,
            path: str,
            *,
            params: Optional[Dict[str, str]] = None,
            body: Optional[bytes] = None,
            headers: Optional[Dict[str, str]] = None,
        ) -> Answer:
            """Send one request and read its whole answer."""

        def stream(self, path: str, params: Dict[str, str], take: Take) -> Answer:
            """Send a GET and hand on the parts of its answer as they come."""

        def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
            """Open a stream and return its lines as they come."""


class Transport:
    """Sends HTTP calls to one address.

    `timeout` is the limit in seconds of a whole call: connecting, sending, and reading the last byte. Raises
    LibraryMissing, and InvalidInput for TLS files that cannot be read.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        require_library()
        self.address = address
        self.timeout = timeout
        self.limit = timeout  # seconds that the next calls may take; `timeout` or less
        self._deadline = Deadline()
        self._pool: Any = None

    def call(
        self,
        method: str,
        path: str,
        params: Optional[Dict[str, str]] = None,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Answer:
        """Send one request and read its complete answer. Raises EngineUnreachable, AnswerLost, BadAnswer."""
        with self._explained(f"{method} {path}"):
            with self._asked(method, path, params, body, headers) as response:
                content = _read_body(response)
            return Answer(response.status, content, response.headers)

    def stream(self, path: str, params: Dict[str, str], take: Take) -> Answer:
        """Send a GET and hand on each part of its answer as it comes. Returns the answer, then without a body.

        The answer to a refusal is returned whole, and nothing is handed on. Raises EngineUnreachable, AnswerLost (what
        has come until then was handed on), BadAnswer.
        """
        with self._explained(f"GET {path}"), self._asked("GET", path, params) as response:
            content = b"" if response.status == 200 else _read_body(response)
            for part in _parts(response) if response.status == 200 else ():
                take(part)
            return Answer(response.status, content, response.headers)

    @contextlib.contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        params: Optional[Dict[str, str]] = None,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Iterator[Any]:
        """Send a request, and yield the response with its body still unread."""
        self._pool = self._pool or open_pool(self.address, self._deadline)
        self._deadline.set(self.limit)
        response = _send(self._pool, method, self.address.target(path, params), self.limit, body, headers)
        with contextlib.closing(response):
            yield response

    @contextlib.contextmanager
    def _explained(self, call: str) -> Iterator[None]:
        """Turn the library's errors into those of the collection."""
        try:
            yield
        except urllib3.exceptions.HTTPError as error:
            raise self._overdue(call, error) or self._explain(call, error) from None

    def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
        """Open an endless stream and yield its lines as they come. Raises AnswerLost when it breaks."""
        timeout = urllib3.Timeout(connect=self.timeout, read=LONGEST_SILENCE)
        target = self.address.target(path, params)
        try:
            with contextlib.closing(open_pool(self.address)) as pool:
                response = _send(pool, "GET", target, timeout)
                with contextlib.closing(response):
                    if response.status == 200:
                        for line in response:
                            yield line.rstrip(b"\n")
        except urllib3.exceptions.HTTPError as error:
            raise self._lost(f"GET {path}", error) from None

    def _overdue(self, call: str, error: Exception) -> Optional[errors.EngineError]:
        """The error for a call that timed out, by how far it had come; None if it did not time out."""
        if _has_timed_out_connecting(error):
            return errors.EngineUnreachable(
                f"{self.address.text} does not accept a connection within {self.limit:.3g} seconds."
            )
        if _has_timed_out(error):
            return errors.AnswerLost(
                f"{call}: no complete answer from {self.address.text} within {self.limit:.3g} seconds."
            )
        return None

    def _explain(self, call: str, error: Exception) -> errors.EngineError:
        cause = _os_error(error)
        if self.address.socket_path and cause is not None:
            return _socket_error(self.address.socket_path, cause) or self._lost(call, error)
        if self.address.socket_path and any("path too long" in str(cause) for cause in _causes(error)):
            return errors.EngineUnreachable(
                f"The path of the socket {self.address.socket_path} is longer than the system allows."
            )
        if isinstance(error, urllib3.exceptions.SSLError):
            reason = _tls_reason(error)
            return errors.EngineUnreachable(
                f"No trusted TLS connection to {self.address.text}: {reason}.{_tls_advice(reason)}"
            )
        if isinstance(cause, ConnectionRefusedError) or _never_connected(error):
            return errors.EngineUnreachable(f"No engine can be reached at {self.address.text} ({_reason(error)}).")
        return self._lost(call, error)

    def _lost(self, call: str, error: Exception) -> errors.AnswerLost:
        return errors.AnswerLost(
            f"{call}: the connection to {self.address.text} broke before the answer was complete ({_reason(error)})."
        )


def _send(
    pool: Any,
    method: str,
    target: str,
    timeout: Any,
    body: Optional[bytes] = None,
    headers: Optional[Dict[str, str]] = None,
) -> Any:
    """Send a request once, and return the response with its body still unread."""
    return pool.request(
        method,
        target,
        body=body,
        headers=headers,
        timeout=timeout,
        retries=False,
        redirect=False,
        preload_content=False,
        enforce_content_length=True,  # off by default in urllib3 1: a truncated body would pass as complete
    )


def _read_body(response: Any) -> bytes:
    return b"".join(_parts(response))


def _parts(response: Any) -> Iterator[bytes]:
    """The parts of a body as they come. Raises BadAnswer if it is too large."""
    size = 0
    for chunk in response.stream(CHUNK):
        yield chunk
        size += len(chunk)
        if size > LARGEST_BODY:
            raise errors.BadAnswer(
                f"The answer is larger than {LARGEST_BODY // 2**20} MiB; it was not read to its end."
            )


def _causes(error: BaseException) -> List[BaseException]:
    """The error and all errors that it carries: libraries wrap the operating system's own error in arguments."""
    found: List[BaseException] = []
    waiting: List[Any] = [error]
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or any(item is known for known in found):
            continue
        found.append(item)
        waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _os_error(error: BaseException) -> Optional[OSError]:
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno is not None:
            return cause
    return None


def _has_timed_out_connecting(error: BaseException) -> bool:
    no_connection = urllib3.exceptions.NewConnectionError  # a subclass of the other one in urllib3 1
    return isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not isinstance(error, no_connection)


def _has_timed_out(error: BaseException) -> bool:
    """Whether our own limit ended the sending or the reading; the system's ETIMEDOUT does not count."""
    is_read = isinstance(error, urllib3.exceptions.ReadTimeoutError)
    return is_read or any(isinstance(cause, socket.timeout) and cause.errno is None for cause in _causes(error))


def _never_connected(error: BaseException) -> bool:
    return isinstance(error, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.LocationValueError))


def _reason(error: Exception) -> str:
    cause = _os_error(error)
    if cause is not None and cause.strerror:
        return cause.strerror
    innermost = _causes(error)[-1]
    return errors.quote(str(innermost) or type(innermost).__name__)


def _tls_reason(error: Exception) -> str:
    texts = [
        str(cause) for cause in _causes(error) if type(cause).__module__ in ("ssl", "urllib3.util.ssl_match_hostname")
    ]
    return errors.quote(_SOURCE_LINE.sub("", texts[-1]) if texts else _reason(error))


def _tls_advice(reason: str) -> str:
    """What to do about a failed handshake, by the words of OpenSSL."""
    return next((f" {advice}" for known, advice in TLS_ADVICE if known.search(reason)), "")


def _socket_error(path: str, cause: OSError) -> Optional[errors.EngineUnreachable]:
    """The error for a Unix socket that cannot be used; None if the connection was made and broke later."""
    if cause.errno in (errno.EACCES, errno.EPERM):
        return errors.EngineUnreachable(
            f"No permission to open the engine's socket {path}: run the task with become, "
            "or as a user of the group that owns the socket."
        )
    if cause.errno in (errno.ENOENT, errno.ENOTDIR):
        return errors.EngineUnreachable(
            f"There is no socket at {path}: does the engine run here, and is docker_host right?"
        )
    if cause.errno == errno.EAGAIN:
        return errors.EngineUnreachable(f"What listens on the socket {path} accepts no further connection now.")
    if cause.errno in (errno.ECONNREFUSED, errno.ENOTSOCK, errno.EPROTOTYPE):
        if not _is_socket(path):
            return errors.EngineUnreachable(f"{path} is not a socket: set docker_host to the socket of an engine.")
        return errors.EngineUnreachable(f"Nothing listens on the socket {path}: does the engine run?")
    return None


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP call to an engine, bounded in time and size. Private to this collection.

Over `requests-unixsocket`; what goes wrong comes out as one of three errors: never received
(EngineUnreachable), perhaps received (AnswerLost), not an engine's answer (BadAnswer).
"""

from __future__ import annotations

import errno
import os
import ssl
import stat
import threading
import time
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import (
    AnswerLost,
    BadAnswer,
    EngineError,
    EngineUnreachable,
    InvalidInput,
    LibraryMissing,
    quote,
)

try:
    import requests
    import requests_unixsocket

    IMPORT_TRACEBACK = None
except ImportError:
    IMPORT_TRACEBACK = traceback.format_exc()

LARGEST_BODY = 64 * 1024 * 1024  # bytes; a swarm of a thousand services lists in some five million
CHUNK = 64 * 1024  # bytes
GRACE = 0.25  # seconds after a call's time in which the library's own time-out may tell more
LONGEST_SILENCE = 300.0  # seconds after which a stream that says nothing is taken for dead


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole. `headers` have lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport:
    """Carries calls to one address.

    `timeout` is the limit in seconds of a whole call: connecting, sending, and reading the last byte.
    Raises LibraryMissing, and InvalidInput for TLS files that cannot be read.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        if IMPORT_TRACEBACK is not None:
            raise LibraryMissing(IMPORT_TRACEBACK)
        self.address = address
        self.timeout = timeout
        self._session: Any = None

    def call(
        self,
        method: str,
        path: str,
        params: Optional[Dict[str, str]] = None,
        body: Optional[bytes] = None,
        headers: Optional[Dict[str, str]] = None,
    ) -> Answer:
        """Send one request and read its whole answer. Raises EngineUnreachable, AnswerLost, BadAnswer."""
        try:
            session = self._session = self._session or self._open()
            return _within(self.timeout, lambda: self._exchange(session, method, path, params, body, headers))
        except _OutOfTime:
            self._session = None  # its thread still holds it
            raise AnswerLost(
                f"{method} {path}: no whole answer from {self.address.text} within {self.timeout:g} seconds."
            ) from None
        except requests.exceptions.ConnectTimeout:
            raise EngineUnreachable(
                f"{self.address.text} does not accept a connection within {self.timeout:g} seconds."
            ) from None
        except requests.exceptions.RequestException as error:
            raise self._explain(f"{method} {path}", error) from None

    def lines(self, path: str, params: Optional[Dict[str, str]] = None) -> Iterator[bytes]:
        """Open a stream that has no end and give its lines as they come. Raises AnswerLost when it breaks."""
        try:
            session = self._open()
            with session.get(
                self.address.base_url + path,
                params=params,
                timeout=(self.timeout, LONGEST_SILENCE),
                stream=True,
                allow_redirects=False,
            ) as response:
                if response.status_code == 200:
                    yield from response.iter_lines(chunk_size=1)
        except requests.exceptions.RequestException as error:
            raise self._lost(f"GET {path}", error) from None

    def _exchange(
        self,
        session: Any,
        method: str,
        path: str,
        params: Optional[Dict[str, str]],
        body: Optional[bytes],
        headers: Optional[Dict[str, str]],
    ) -> Answer:
        give_up = time.monotonic() + self.timeout
        response = session.request(
            method,
            self.address.base_url + path,
            params=params,
            data=body,
            headers=headers,
            timeout=self.timeout,
            stream=True,
            allow_redirects=False,
        )
        with response:
            response.raw.enforce_content_length = True  # off by default in urllib3 1: a cut body would pass for whole
            content = _read_body(response, give_up)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, content, names)

    def _open(self) -> Any:
        tls = self.address.tls
        session = requests_unixsocket.Session() if self.address.socket_path else requests.Session()
        session.trust_env = False
        if tls is not None:
            _check_files(tls)
            if not tls.verify:
                warnings.filterwarnings("ignore", message="Unverified HTTPS request")
            session.mount("https://", _hostname_adapter(tls))
            session.verify = (tls.ca_path or True) if tls.verify else False
            session.cert = (tls.client_cert, tls.client_key) if tls.client_key else tls.client_cert
        return session

    def _explain(self, call: str, error: Exception) -> EngineError:
        cause = _os_error(error)
        if self.address.socket_path and cause is not None:
            return _socket_error(self.address.socket_path, cause) or self._lost(call, error)
        if self.address.socket_path and any("path too long" in str(cause) for cause in _causes(error)):
            return EngineUnreachable(
                f"The path of the socket {self.address.socket_path} is longer than the system allows."
            )
        if isinstance(error, requests.exceptions.SSLError):
            return EngineUnreachable(f"No trusted TLS connection to {self.address.text}: {_tls_reason(error)}.")
        if isinstance(cause, ConnectionRefusedError) or _never_connected(error):
            return EngineUnreachable(f"No engine can be reached at {self.address.text} ({_reason(error)}).")
        return self._lost(call, error)

    def _lost(self, call: str, error: Exception) -> AnswerLost:
        return AnswerLost(
            f"{call}: the connection to {self.address.text} broke before the whole answer was there ({_reason(error)})."
        )


class _OutOfTime(Exception):
    pass


def _within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """Bound a blocking call, drip-fed answers included: a socket's own time-out bounds one read only."""
    outcome: List[Union[Answer, BaseException]] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # carried over to the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds + GRACE)
    if not outcome:
        raise _OutOfTime
    if isinstance(outcome[0], requests.exceptions.ReadTimeout):
        raise _OutOfTime
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _read_body(response: Any, give_up: float) -> bytes:
    parts: List[bytes] = []
    size = 0
    for chunk in response.iter_content(CHUNK):
        parts.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            raise BadAnswer(f"The answer is larger than {LARGEST_BODY // 2**20} MiB; it was not read to its end.")
        if time.monotonic() > give_up:
            raise _OutOfTime
    return b"".join(parts)


def _check_files(tls: TLS) -> None:
    """Raises InvalidInput for a file that cannot be read or is not what it should be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if tls.ca_path and tls.verify:
            option, path = "ca_path", tls.ca_path
            context.load_verify_locations(cafile=path)
        if tls.client_cert:
            option, path = "client_cert and client_key", f"{tls.client_cert} and {tls.client_key}"
            context.load_cert_chain(tls.client_cert, tls.client_key)
    except ssl.SSLError:
        raise InvalidInput(
            f"{option}: {path} cannot be used, is it PEM, and do certificate and key belong together?"
        ) from None
    except OSError as error:
        raise InvalidInput(f"{option}: {path} cannot be read: {error.strerror}.") from None


def _hostname_adapter(tls: TLS) -> Any:
    class HostnameAdapter(requests.adapters.HTTPAdapter):
        """Checks the certificate against the name given instead of the address's."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            if tls.hostname and tls.verify:
                kwargs.update(assert_hostname=tls.hostname, server_hostname=tls.hostname)
            super().init_poolmanager(*args, **kwargs)

    return HostnameAdapter()


def _causes(error: BaseException) -> List[BaseException]:
    """The error and all that it carries: libraries wrap the operating system's own error in arguments."""
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


def _never_connected(error: BaseException) -> bool:
    return any(
        type(cause).__name__ in ("NewConnectionError", "NameResolutionError", "gaierror") for cause in _causes(error)
    )


def _reason(error: Exception) -> str:
    cause = _os_error(error)
    if cause is not None and cause.strerror:
        return cause.strerror
    innermost = _causes(error)[-1]
    return quote(str(innermost) or type(innermost).__name__)


def _tls_reason(error: Exception) -> str:
    texts = [
        str(cause) for cause in _causes(error) if type(cause).__module__ in ("ssl", "urllib3.util.ssl_match_hostname")
    ]
    return quote(texts[-1] if texts else _reason(error))


def _socket_error(path: str, cause: OSError) -> Optional[EngineUnreachable]:
    """Say what is wrong with a Unix socket; None where the connection stood and broke later."""
    if cause.errno in (errno.EACCES, errno.EPERM):
        return EngineUnreachable(
            f"No permission to open the engine's socket {path}: run the task with become, "
            "or as a user of the group that owns the socket."
        )
    if cause.errno in (errno.ENOENT, errno.ENOTDIR):
        return EngineUnreachable(f"There is no socket at {path}: does the engine run here, and is docker_host right?")
    if cause.errno == errno.EAGAIN:
        return EngineUnreachable(f"What listens on the socket {path} accepts no further connection now.")
    if cause.errno in (errno.ECONNREFUSED, errno.ENOTSOCK, errno.EPROTOTYPE):
        if not _is_socket(path):
            return EngineUnreachable(f"{path} is not a socket: set docker_host to the socket of an engine.")
        return EngineUnreachable(f"Nothing listens on the socket {path}: does the engine run?")
    return None


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections to an engine, over `requests-unixsocket`. Private to this collection.

Calls use the connection pool directly. What a `requests` session adds (cookies, redirects, proxies and other settings
of the environment) has no place between a module and an engine, and takes longer than the call.

The connections of requests-unixsocket 0.2 and 0.3, which are all that Python 3.8 and older can install, do not work
with urllib3 2. What they lack is added here, so that any release works with any other.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
import traceback
import warnings
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address

try:
    import requests
    import requests_unixsocket.adapters
    import urllib3

    IMPORT_TRACEBACK = None
except ImportError:
    IMPORT_TRACEBACK = traceback.format_exc()


def require_library() -> None:
    """Check that requests-unixsocket can be imported. Raises LibraryMissing."""
    if IMPORT_TRACEBACK is not None:
        raise errors.LibraryMissing(IMPORT_TRACEBACK)


def open_pool(address: Address, deadline: Optional[Deadline] = None) -> Any:
    """Make a `urllib3` pool for one address, which connects on first use.

    With a deadline, no call lasts longer. Raises InvalidInput for TLS files that cannot be used.
    """
    if address.socket_path:
        pool = _socket_pool(address.socket_path)
    elif address.tls is None:
        pool = urllib3.HTTPConnectionPool(address.host, address.port)
    else:
        pool = urllib3.HTTPSConnectionPool(address.host, address.port, **_secured(address.tls))
    if deadline is not None:
        pool.ConnectionCls = _bounded(pool.ConnectionCls, deadline)
    return pool


class Deadline:
    """The moment by which the current call must be over."""

    def __init__(self) -> None:
        self._moment = 0.0

    def set(self, seconds: float) -> None:
        """Allow the next call so many seconds from now."""
        self._moment = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds left. Raises socket.timeout if there are none."""
        seconds = self._moment - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("timed out")
        return seconds


class _BoundedFile(io.RawIOBase):
    """A file that reads from a socket until the deadline.

    A socket's own timeout bounds one read only, and an answer that trickles in has many.
    """

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._file = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        self._socket.settimeout(self._deadline.left())
        return self._file.readinto(buffer)

    def close(self) -> None:
        super().close()
        self._file.close()


def _bounded(connection_class: Any, deadline: Deadline) -> Any:
    """A connection class that connects, sends and reads until the deadline, and no longer."""

    class BoundedResponse(http.client.HTTPResponse):
        def __init__(self, connected: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(connected, *args, **kwargs)
            self.fp.close()
            self.fp = io.BufferedReader(_BoundedFile(connected, deadline))

    class BoundedConnection(connection_class):
        response_class = BoundedResponse

        def connect(self) -> None:
            _within(deadline.left(), super().connect)

        def send(self, data: Any) -> None:
            if self.sock is not None:
                self.sock.settimeout(deadline.left())
            super().send(data)

    return BoundedConnection


def _within(seconds: float, connect: Callable[[], None]) -> None:
    """Connect in a thread that can be abandoned: a name look-up, or trying several addresses, has no overall limit.

    Raises what `connect` raises, and ConnectTimeoutError.
    """
    failures: List[BaseException] = []

    def run() -> None:
        try:
            connect()
        except BaseException as error:  # raised in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise urllib3.exceptions.ConnectTimeoutError
    if failures:
        raise failures[0]


def _socket_pool(path: str) -> Any:
    class SocketConnection(urllib3.connection.HTTPConnection):
        """A connection to the socket."""

        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            try:
                self.sock.connect(path)
            except OSError:
                self.sock.close()
                raise

    class SocketPool(requests_unixsocket.adapters.UnixHTTPConnectionPool):
        """Makes such connections."""

        ConnectionCls = SocketConnection

        def _new_conn(self) -> Any:
            return self.ConnectionCls(self.host)

    return SocketPool(path)


def _secured(tls: TLS) -> Dict[str, Any]:
    """The pool arguments for TLS. Raises InvalidInput."""
    _check_files(tls)
    files = {"cert_file": tls.client_cert, "key_file": tls.client_key}
    if not tls.verify:
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
        return {"cert_reqs": "CERT_NONE", **files}
    names = {"assert_hostname": tls.hostname, "server_hostname": tls.hostname} if tls.hostname else {}
    return {
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": tls.ca_path or requests.utils.DEFAULT_CA_BUNDLE_PATH,
        **files,
        **names,
    }


def _check_files(tls: TLS) -> None:
    """Check the TLS files. Raises InvalidInput for one that cannot be read or is of the wrong kind."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_path and tls.verify:
        _check_file(f"ca_path: {tls.ca_path}", partial(context.load_verify_locations, cafile=tls.ca_path))
    if tls.client_cert:
        given = f"client_cert and client_key: {tls.client_cert} and {tls.client_key}"
        _check_file(given, partial(context.load_cert_chain, tls.client_cert, tls.client_key))


def _check_file(given: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError:
        raise errors.InvalidInput(
            f"{given} cannot be used: is it PEM, and do certificate and key belong together?"
        ) from None
    except OSError as error:
        raise errors.InvalidInput(f"{given} cannot be read: {error.strerror}.") from None

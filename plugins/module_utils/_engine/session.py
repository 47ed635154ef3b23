# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP session with an engine, over `requests-unixsocket`. Private to this collection.

requests-unixsocket 0.2 and 0.3, which are all that Python 3.8 and older can install, do not work together with
urllib3 2 or requests 2.32. What they lack is given here, so that any release goes with any other.
"""

from __future__ import annotations

import socket
import ssl
import traceback
import warnings
from functools import partial
from typing import Any, Callable

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address

try:
    import requests
    import requests_unixsocket
    import urllib3

    IMPORT_TRACEBACK = None
except ImportError:
    IMPORT_TRACEBACK = traceback.format_exc()


def require_library() -> None:
    """Raises LibraryMissing where requests-unixsocket cannot be imported."""
    if IMPORT_TRACEBACK is not None:
        raise errors.LibraryMissing(IMPORT_TRACEBACK)


def open_session(address: Address) -> Any:
    """A `requests` session for one address, deaf to proxies and other settings of the environment.

    Raises InvalidInput for TLS files that cannot be used.
    """
    if address.socket_path:
        session = requests_unixsocket.Session()
        session.mount("http+unix://", _socket_adapter(address.socket_path))
    else:
        session = requests.Session()
    session.trust_env = False
    if address.tls is not None:
        _secure(session, address.tls)
    return session


def _socket_adapter(path: str) -> Any:
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

    class SocketPool(urllib3.connectionpool.HTTPConnectionPool):
        """Keeps one connection for all URLs."""

        ConnectionCls = SocketConnection

    class SocketAdapter(requests_unixsocket.UnixAdapter):
        """Sends every request to the socket, whichever hook its release of requests calls."""

        pool = SocketPool("localhost")

        def get_connection(self, url: str, proxies: Any = None) -> SocketPool:
            del url, proxies
            return self.pool

        def get_connection_with_tls_context(
            self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
        ) -> SocketPool:
            del request, verify, proxies, cert
            return self.pool

        def close(self) -> None:
            self.pool.close()

    return SocketAdapter()


def _secure(session: Any, tls: TLS) -> None:
    _check_files(tls)
    if not tls.verify:
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    session.mount("https://", _hostname_adapter(tls))
    session.verify = (tls.ca_path or True) if tls.verify else False
    session.cert = (tls.client_cert, tls.client_key) if tls.client_key else tls.client_cert


def _check_files(tls: TLS) -> None:
    """Raises InvalidInput for a file that cannot be read or is not what it should be."""
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
            f"{given} cannot be used, is it PEM, and do certificate and key belong together?"
        ) from None
    except OSError as error:
        raise errors.InvalidInput(f"{given} cannot be read: {error.strerror}.") from None


def _hostname_adapter(tls: TLS) -> Any:
    class HostnameAdapter(requests.adapters.HTTPAdapter):
        """Checks the certificate against the name given instead of the address's."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            if tls.hostname and tls.verify:
                kwargs.update(assert_hostname=tls.hostname, server_hostname=tls.hostname)
            super().init_poolmanager(*args, **kwargs)

    return HostnameAdapter()

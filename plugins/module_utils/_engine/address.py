# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an engine listens. Private to this collection."""

from __future__ import annotations

from typing import NamedTuple, Optional
from urllib.parse import quote as quote_url
from urllib.parse import urlsplit

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors

PLAIN_PORT = 2375
TLS_PORT = 2376


class TLS(NamedTuple):
    """How a TLS connection is made and whom it trusts.

    `verify` off accepts any certificate; `ca_path` is a PEM file (default: the system's authorities);
    `hostname` is the name that the certificate must carry (default: the one in the address).
    """

    verify: bool = True
    ca_path: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    hostname: Optional[str] = None


class Address(NamedTuple):
    """An engine's address: a Unix socket's path, or a URL with, where it is secured, its TLS."""

    text: str
    base_url: str
    socket_path: Optional[str] = None
    tls: Optional[TLS] = None

    @classmethod
    def parse(cls, docker_host: str, tls: Optional[TLS] = None) -> Address:
        """Parse `unix://PATH`, `tcp://HOST[:PORT]`, `http://…` or `https://…`.

        `tls` secures `tcp://`; `https://` is always secured. Raises InvalidInput.
        """
        scheme, separator, rest = docker_host.partition("://")
        if scheme == "unix" and rest:
            path = "/" + rest.lstrip("/")
            return cls(docker_host, "http+unix://" + quote_url(path, safe=""), socket_path=path)
        if not separator or scheme not in ("tcp", "http", "https") or not rest:
            raise errors.InvalidInput(_unusable(docker_host))
        if scheme == "https" and tls is None:
            tls = TLS()
        return cls(docker_host, _url(docker_host, tls), tls=tls)

    @property
    def keeps_secrets(self) -> bool:
        """Whether what is sent cannot be read on the way: a socket, TLS, or the machine's own loopback."""
        return self.socket_path is not None or self.tls is not None or _is_loopback(urlsplit(self.base_url).hostname)


def _url(docker_host: str, tls: Optional[TLS]) -> str:
    try:
        parts = urlsplit(docker_host)
        port = parts.port
    except ValueError:
        raise errors.InvalidInput(_unusable(docker_host)) from None
    is_plain = docker_host.isprintable() and " " not in docker_host
    if not parts.hostname or port == 0 or parts.username is not None or not is_plain:
        raise errors.InvalidInput(_unusable(docker_host))
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    scheme, default_port = ("https", TLS_PORT) if tls else ("http", PLAIN_PORT)
    return f"{scheme}://{host}:{port or default_port}{parts.path.rstrip('/')}"


def _is_loopback(host: Optional[str]) -> bool:
    import ipaddress  # a socket does without it

    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(docker_host: str) -> str:
    shown = errors.quote(docker_host.rpartition("@")[2])
    return (
        f"docker_host {shown!r} is not the address of an engine: "
        "unix:///PATH, tcp://HOST:PORT and https://HOST:PORT are."
    )

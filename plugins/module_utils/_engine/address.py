# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of an engine. Private to this collection."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlencode, urlsplit

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

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
    """An engine's address: a Unix socket's path, or a host and a port, with TLS settings if it is secured.

    `base_path` is the prefix that a gateway puts before each path of the engine's API.
    """

    text: str
    host: str = ""
    port: int = 0
    base_path: str = ""
    socket_path: Optional[str] = None
    tls: Optional[TLS] = None

    @classmethod
    def parse(cls, docker_host: str, tls: Optional[TLS] = None) -> Address:
        """Parse `unix://PATH`, `tcp://HOST[:PORT]`, `http://…` or `https://…`.

        `tls` secures `tcp://`; `https://` is always secured. Raises InvalidInput.
        """
        scheme, separator, rest = docker_host.partition("://")
        if scheme == "unix" and rest:
            return cls(docker_host, socket_path="/" + rest.lstrip("/"))
        if not separator or scheme not in ("tcp", "http", "https") or not rest:
            raise errors.InvalidInput(_unusable(docker_host))
        if scheme == "https" and tls is None:
            tls = TLS()
        host, port, base_path = _parts(docker_host)
        return cls(docker_host, host, port or (TLS_PORT if tls else PLAIN_PORT), base_path, tls=tls)

    @property
    def keeps_secrets(self) -> bool:
        """Whether nobody else can read what is sent: over a socket, checked TLS, or the machine's own loopback."""
        is_checked = self.tls is not None and self.tls.verify
        return self.socket_path is not None or is_checked or _is_loopback(self.host)

    def target(self, path: str, params: Optional[Mapping[str, str]] = None) -> str:
        """The target in a request's first line, for a path of the engine's API."""
        return f"{self.base_path}{path}?{urlencode(params)}" if params else self.base_path + path


def _parts(docker_host: str) -> Tuple[str, Optional[int], str]:
    """The host, the port if there is one, and the path of a URL."""
    try:
        parts = urlsplit(docker_host)
        port = parts.port
    except ValueError:
        raise errors.InvalidInput(_unusable(docker_host)) from None
    is_plain = docker_host.isprintable() and " " not in docker_host
    if not parts.hostname or port == 0 or parts.username is not None or not is_plain:
        raise errors.InvalidInput(_unusable(docker_host))
    return parts.hostname, port, parts.path.rstrip("/")


def _is_loopback(host: str) -> bool:
    import ipaddress  # not needed for a socket

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unusable(docker_host: str) -> str:
    is_ssh = docker_host.startswith("ssh://")
    advice = " For ssh://, have Ansible connect to that machine and leave docker_host out." if is_ssh else ""
    return (
        f"docker_host {errors.quote(_without_secrets(docker_host))!r} is not the address of an engine: "
        f"use unix:///PATH, tcp://HOST:PORT or https://HOST:PORT.{advice}"
    )


def _without_secrets(docker_host: str) -> str:
    """An address without its password. Only with ssh:// is the text before it certainly a user name, and kept."""
    login, at, place = docker_host.rpartition("@")
    if not at:
        return docker_host
    scheme, separator, user = login.partition("://")
    if scheme != "ssh":
        return f"{scheme}://***@{place}" if separator else f"***@{place}"
    name, colon, _password = user.partition(":")
    return f"ssh://{name}{':***' if colon else ''}@{place}"

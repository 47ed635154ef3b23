# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry credentials, and where they come from. Private to this collection."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Tuple

RunProgram = Callable[[List[str], bytes], Tuple[int, bytes, bytes]]
"""Runs a program without a shell, with the given input; returns its exit status, its output and its errors."""

HUB_DOMAIN = "docker.io"
HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True)
class Credential:
    """The credential for one registry. An empty one makes the engine delete what it has stored.

    `server` is the registry's key in a config file.
    """

    server: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> List[str]:
        """The texts that must never be shown."""
        if not self.holds_secret:
            return []
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode() if self.password else ""
        texts = (self.password, self.identity_token, self.registry_token, pair, self.header())
        return [text for text in texts if text]

    @property
    def holds_secret(self) -> bool:
        """Whether it holds anything that must never be shown."""
        return bool(self.password or self.identity_token or self.registry_token)

    def header(self) -> str:
        """The value of X-Registry-Auth: padded base64url of JSON, as the engine reads it."""
        fields = {
            "username": self.username,
            "password": self.password,
            "identitytoken": self.identity_token,
            "registrytoken": self.registry_token,
            "serveraddress": self.server,
        }
        content = json.dumps({name: value for name, value in fields.items() if value})
        return base64.urlsafe_b64encode(content.encode()).decode()


class Keychain:
    """A source of credentials. This one has none, so that the engine keeps what is stored with the service.

    `inherits` says that this also goes for a service whose image moves to another registry, `is_given` that there is a
    credential for every registry.
    """

    inherits = True
    is_given = False

    def find(self, domain: str) -> Optional[Credential]:
        """The credential for a registry's domain (`docker.io`, `host:5000`), or None.

        Raises InvalidInput where a source cannot be used.
        """
        del domain
        return None


class GivenKeychain(Keychain):
    """The one user name and password that are given with the task."""

    inherits = False
    is_given = True

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password

    def find(self, domain: str) -> Optional[Credential]:
        """The given credential, whatever the registry."""
        return Credential(key_of(domain), self._username, self._password)


def key_of(domain: str) -> str:
    """A domain's key in a config file; Docker Hub's is a URL, for historical reasons."""
    return HUB_KEY if domain == HUB_DOMAIN else domain

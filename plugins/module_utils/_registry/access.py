# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authorization for one repository, by password or by token. Private to this collection.

How tokens are got: github.com/distribution/distribution, docs/content/spec/auth (token.md, oauth.md).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Dict, Optional
from urllib.parse import urlencode

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.challenge import BASIC, Challenge, choose
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import document
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    AUTHORIZATION,
    ENCRYPTED,
    Answer,
    RegistryError,
    Web,
    is_loopback,
    parts_of,
    shown,
)

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential

CLIENT = "swarmops.rollout"
LARGEST_TOKEN = 2**20  # bytes
FORM = "application/x-www-form-urlencoded"


class Access:
    """What a repository is asked with: at first nothing, and after a challenge a password or a token.

    `path` is the repository's. `verifies` says whether certificates are checked.
    """

    def __init__(self, web: Web, path: str, credential: Optional[Credential], verifies: bool) -> None:
        self._web = web
        self._path = path
        self._credential = credential
        self._verifies = verifies
        self.authorization = ""
        web.secrets += credential.secrets if credential else []

    @property
    def has_credential(self) -> bool:
        """Whether there is a credential for the registry."""
        return self._credential is not None

    def renew(self, refused: Answer) -> bool:
        """Answer the challenge of a 401. Returns whether there is something new to ask with.

        Raises RegistryError and Unanswered if the token service returns no token.
        """
        challenge = choose(refused.headers.get("www-authenticate", ""))
        before = self.authorization
        if challenge is None:
            return False
        if challenge.scheme == BASIC:
            self.authorization = self._basic()
        else:
            self.authorization = f"Bearer {self._token(challenge)}"
        return self.authorization not in ("", before)

    def _basic(self) -> str:
        """The header for user name and password; empty without them."""
        known = self._credential
        if known is None or not known.password:
            return ""
        pair = base64.b64encode(f"{known.username}:{known.password}".encode()).decode()
        self._keep_secret(pair)
        return f"Basic {pair}"

    def _token(self, challenge: Challenge) -> str:
        known = self._credential
        if known is not None and known.registry_token:
            return known.registry_token
        realm = challenge.parameters["realm"]
        if known is not None:
            self._check_realm(realm)
        fields = {"service": challenge.parameters.get("service", ""), "scope": self._scope(challenge)}
        answer = self._ask(realm, {name: value for name, value in fields.items() if value})
        read = document(answer.body) or {}
        token = read.get("token") or read.get("access_token")
        if answer.status != 200 or not isinstance(token, str) or not (token.isascii() and token.isprintable()):
            raise RegistryError(
                f"{shown(realm)}, the registry's token service, returned no token ({answer.status}"
                f"{self._web.reason(answer)}).{self.hint()}"
            )
        self._keep_secret(token)
        return token

    def _ask(self, realm: str, fields: Dict[str, str]) -> Answer:
        known = self._credential
        if known is not None and known.identity_token:
            grant = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": known.identity_token}
            body = urlencode({**fields, **grant}).encode()
            return self._web.ask("POST", realm, LARGEST_TOKEN, {"Content-Type": FORM}, body)
        url = f"{realm}{'&' if parts_of(realm).query else '?'}{urlencode(fields)}"
        basic = self._basic()
        return self._web.ask("GET", url, LARGEST_TOKEN, {AUTHORIZATION: basic} if basic else {})

    def _scope(self, challenge: Challenge) -> str:
        """What the token is for: to pull, whatever the registry asks for, unless its scopes have another form."""
        asked = challenge.parameters.get("scope", "")
        return asked if asked and not asked.startswith("repository:") else f"repository:{self._path}:pull"

    def _check_realm(self, realm: str) -> None:
        """Check that nobody else can read what is sent to the token service. Raises RegistryError."""
        parts = parts_of(realm)
        is_safe = (parts.scheme == ENCRYPTED and self._verifies) or is_loopback(parts.netloc)
        if not is_safe:
            raise RegistryError(
                f"The registry wants its credentials sent to {shown(realm)}, where others could read them. Nothing "
                "was sent."
            )

    def hint(self) -> str:
        """What to do about a refusal."""
        if self.has_credential:
            return " It was asked with credentials: are they right, and do they allow this repository?"
        return (
            " It was asked without credentials: give registry_username and registry_password, or "
            "registry_auth=docker_config."
        )

    def _keep_secret(self, text: str) -> None:
        if text not in self._web.secrets:
            self._web.secrets.append(text)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that wants tokens (``auth: token``), and the service that makes them; both beside an engine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import trustme

from .engine import Endpoint
from .program import Program
from .registry import Registry

PROGRAM = Path(__file__).with_name("_tokens.py")
SERVICE = "tests"
TOKEN_AUTH = """\
auth:
  token:
    realm: {realm}
    service: {service}
    issuer: {service}
    rootcertbundle: {folder}/ca.pem
"""


class TokenRegistry(Registry):
    """A registry to which only tokens lead. Its user may pull and push; others may pull what begins with ``public/``.

    The token service listens at the next port. ``identity`` is the user's identity token.
    """

    _status = 401  # without a token, which a request of the tests never has

    def __init__(self, engine: Endpoint, *, port: int, username: str, password: str) -> None:
        self.realm = f"http://127.0.0.1:{port + 1}/token"
        self.identity = f"identity-of-{username}"
        super().__init__(engine, port=port, username=username, password=password)
        known = {"port": port + 1, "folder": str(self.folder), "service": SERVICE}
        user = {"username": username, "password": password, "identity": self.identity}
        command = (sys.executable, "-I", str(PROGRAM), json.dumps({**known, **user}))
        self._service = Program(engine, self.folder / "tokens", *command)

    def __enter__(self) -> TokenRegistry:
        self.start()
        return self

    @property
    def visits(self) -> list[list[str]]:
        """What the token service was asked so far: how, for what, and by whom (``-`` where nobody was named)."""
        return [line.split() for line in self._lines("asked ")]

    @property
    def tokens(self) -> list[str]:
        """The tokens that were made so far."""
        return self._lines("made ")

    def start(self) -> None:
        """Start the token service and the registry."""
        self._service.start()
        super().start()

    def stop(self) -> None:
        """End both, and keep what the registry stores."""
        super().stop()
        self._service.stop()

    def _lines(self, start: str) -> list[str]:
        return [line[len(start) :] for line in self._service.printed if line.startswith(start)]

    def _configure(self) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert(SERVICE)
        authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "cert.pem"))
        issued.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        text = self._settings() + TOKEN_AUTH.format(realm=self.realm, service=SERVICE, folder=self.folder)
        (self.folder / "config.yml").write_text(text, encoding="utf-8")

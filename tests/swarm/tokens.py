# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that wants tokens (``auth: token``), and the service that makes them; both beside an engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import trustme

from .box import BoxError
from .engine import Endpoint, eventually
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

    def __init__(self, engine: Endpoint, *, port: int, username: str, password: str) -> None:
        self.realm = f"http://127.0.0.1:{port + 1}/token"
        self.identity = f"identity-of-{username}"
        self._service: subprocess.Popen[bytes] | None = None
        super().__init__(engine, port=port, username=username, password=password)

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
        known = {"port": int(self.realm.split(":")[2].split("/")[0]), "folder": str(self.folder), "service": SERVICE}
        user = {"username": self.username, "password": self.password, "identity": self.identity}
        command = f'echo $$ > {self.folder}/tokens.pid; exec "$@"'
        program = (sys.executable, "-I", str(PROGRAM), json.dumps({**known, **user}))
        self._service = self.engine.space.spawn("sh", "-c", command, "sh", *program, log=self._log)
        eventually(lambda: "ready" in self._log.read_text(encoding="utf-8"), "the token service listens")
        super().start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._service is not None:
            self.engine.space.run("sh", "-c", f'kill -KILL "$(cat {self.folder}/tokens.pid)"')
            self._service.wait()
        super().__exit__(kind, error, trace)

    @property
    def _log(self) -> Path:
        return self.folder / "tokens.log"

    def _lines(self, start: str) -> list[str]:
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [line[len(start) :] for line in lines if line.startswith(start)]

    def _answers(self) -> bool:
        """Whether the registry asks for a token, which is all that it says without one."""
        if self._process is None or self._process.poll() is not None:
            return False
        try:
            return self.request("GET", "/v2/").status == 401
        except BoxError:
            return False

    def _configure(self) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert(SERVICE)
        authority.cert_pem.write_to_path(str(self.folder / "ca.pem"))
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "cert.pem"))
        issued.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        text = self._settings() + TOKEN_AUTH.format(realm=self.realm, service=SERVICE, folder=self.folder)
        (self.folder / "config.yml").write_text(text, encoding="utf-8")

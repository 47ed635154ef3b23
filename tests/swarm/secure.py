# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that listens with TLS, at an address that is not the loopback's, and the certificates that go with it."""

from __future__ import annotations

import re
from pathlib import Path

import trustme

from .engine import Engine

ADDRESS = "192.0.2.1"
"""Of a range for documents, so nobody's; the engine has it in its own network."""
PORT = 2376
NAME = "manager1.example.com"
"""A second name in the engine's certificate; no resolver knows it."""


class Pki:
    """An authority, and what it has signed, as PEM files in a folder that must exist.

    ``authority`` is its certificate. ``client`` is a folder as the variable ``DOCKER_CERT_PATH`` names one.
    """

    def __init__(self, folder: Path) -> None:
        signer = trustme.CA()
        self.authority = str(folder / "authority.pem")
        signer.cert_pem.write_to_path(self.authority)
        self.server = self._signed(signer, folder / "server", ADDRESS, NAME)
        self.client = self._signed(signer, folder / "client", "operator@example.com")

    def _signed(self, signer: trustme.CA, folder: Path, *names: str) -> Path:
        folder.mkdir()
        issued = signer.issue_cert(*names)
        signer.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        return folder


CALL = re.compile(r'msg="Calling (\S+) (\S+)"|msg="handling \S+ request".* method=(\S+) .*request-url=(\S+)')
"""A request in the log of an engine; the second form is that of Engine 28 and newer."""


class SecureEngine(Engine):
    """An engine that also listens with TLS, at ``address``; with ``wants_client`` only to clients of its authority.

    What calls it must run in its box. ``calls`` are the requests that it has got.
    """

    def __init__(self, *, wants_client: bool) -> None:
        super().__init__("--debug", f"--host=tcp://{ADDRESS}:{PORT}")
        self.address = f"{ADDRESS}:{PORT}"
        folder = self.box.folder / "pki"
        folder.mkdir()
        self.pki = Pki(folder)
        files = {"cacert": self.pki.authority, "cert": self.pki.server / "cert.pem", "key": self.pki.server / "key.pem"}
        self.options += (
            "--tls",
            f"--tlsverify={str(wants_client).lower()}",
            *(f"--tls{key}={files[key]}" for key in files),
        )
        self.box.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")

    @property
    def calls(self) -> list[str]:
        """The requests so far, those of the tests themselves among them."""
        found = CALL.finditer(self.log.read_text(encoding="utf-8"))
        return [" ".join(filter(None, call.groups())) for call in found]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A token service for :class:`~tests.swarm.tokens.TokenRegistry`; run as a program, imports nothing of this package.

It makes tokens as github.com/distribution/distribution describes them, by password, by identity token or for nobody.
"""

from __future__ import annotations

import base64
import http.server
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import load_pem_x509_certificate

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])
FOLDER = Path(SETTINGS["folder"])
PUBLIC = "public/"


def encoded(content: bytes) -> str:
    """Return base64 as tokens have it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def token(scopes: list[str], is_user: bool) -> str:
    """Make a signed token for what of the scopes is allowed."""
    key = serialization.load_pem_private_key((FOLDER / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = load_pem_x509_certificate((FOLDER / "cert.pem").read_bytes())
    chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
    now, name = int(time.time()), SETTINGS["service"]
    allowed = [scope.split(":") for scope in scopes if is_user or scope.split(":")[1].startswith(PUBLIC)]
    claims = {
        "iss": name,
        "aud": name,
        "sub": SETTINGS["username"] if is_user else "",
        "exp": now + 300,
        "nbf": now - 10,
        "iat": now,
        "jti": str(uuid.uuid4()),
        "access": [{"type": kind, "name": name, "actions": actions.split(",")} for kind, name, actions in allowed],
    }
    parts = ({"typ": "JWT", "alg": "ES256", "x5c": chain}, claims)
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    pair = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{encoded(b''.join(number.to_bytes(32, 'big') for number in pair))}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers ``GET /token`` and ``POST /token``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Make a token by password, or for nobody."""
        given = base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()
        user = f"{SETTINGS['username']}:{SETTINGS['password']}"
        self.reply(parse_qs(urlsplit(self.path).query), given.partition(":")[0], given in ("", user), given == user)

    def do_POST(self) -> None:
        """Make a token by identity token."""
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_user = fields.get("refresh_token") == [SETTINGS["identity"]]
        self.reply(fields, "identity", is_user, is_user)

    def reply(self, fields: dict[str, list[str]], user: str, is_right: bool, is_user: bool) -> None:
        """Answer with a token, or with 401."""
        scopes = [scope for scope in fields.get("scope", []) if scope.count(":") == 2]
        print(f"asked {self.command} {','.join(scopes) or '-'} {user or '-'}", flush=True)
        made = token(scopes, is_user) if is_right else ""
        if made:
            print(f"made {made}", flush=True)
        body = {"access_token": made} if made else {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}
        content = json.dumps(body).encode()
        self.send_response(200 if made else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep the log to what the tests read."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", SETTINGS["port"]), Handler)
    print("ready", flush=True)
    server.serve_forever()

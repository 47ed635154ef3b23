# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests with registries share: images in them, what is asked of them, and a registry that misbehaves."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any
from uuid import uuid4

from tests.swarm import Endpoint, Proxy, Registry, services
from tests.swarm.program import Program
from tests.swarm.proxy import Request

DISTRIBUTION = r"/distribution/"
NOWHERE = "127.0.0.1:5999"
"""A registry that is down: nothing listens there."""

MISBEHAVE = r"""
import base64, http.server, json, sys, time

CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS", 500: "UNKNOWN"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        given = self.headers.get("Authorization", "")
        user = base64.b64decode(given.partition(" ")[2]).decode().partition(":")[0]
        print(f"{self.path} {user or '-'}", flush=True)
        if sys.argv[2] == "private" and not given:
            return self.answer(401, b"{}", "Basic realm=tests")
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        how = self.path.split("/")[2]
        if how == "slow":
            return self.connection.recv(1)
        if how == "html":
            return self.answer(200, b"<html>Welcome to the portal</html>", kind="text/html")
        if how == "garbage":
            manifest = "application/vnd.docker.distribution.manifest.v2+json"
            return self.answer(200, b"\x00\xff{{{", kind=manifest)
        secret = base64.b64decode(given.partition(" ")[2]).decode()
        said = f"{how} of a test {given} {secret}".strip()
        error = {"errors": [{"code": CODES[int(how)], "message": said}]}
        self.answer(int(how), json.dumps(error).encode())

    do_HEAD = do_GET

    def answer(self, status, body, challenge="", kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
print("ready", flush=True)
server.serve_forever()
"""


class Misbehaving(Program):
    """A registry beside an engine that answers as the first part of a repository says: ``401/app``, ``slow/app`` …

    A private one asks for a name and a password, and repeats them in the text of its errors. ``visits`` is what it was
    asked for, and by whom.
    """

    def __init__(self, engine: Endpoint, port: int, *, private: bool = False) -> None:
        self.address = f"127.0.0.1:{port}"
        files = engine.space.folder / f"misbehaving-{port}"
        how = "private" if private else "open"
        super().__init__(engine, files, sys.executable, "-I", "-c", MISBEHAVE, str(port), how)

    @property
    def visits(self) -> list[tuple[str, str]]:
        """The paths that were asked for so far, each with the user that was named; ``-`` where none was."""
        return [
            (path, user) for path, _space, user in (line.partition(" ") for line in self.printed) if path[:1] == "/"
        ]


def asked(proxy: Proxy) -> list[Request]:
    """Return the requests in which the engine was to ask a registry."""
    return [request for request in proxy.requests if DISTRIBUTION in request.path]


def credential(request: Request) -> Any:
    """Return the credential that a request carries, decoded as the engine does; None where it has no such header."""
    header = request.headers.get("x-registry-auth")
    return None if header is None else json.loads(base64.b64decode(header, altchars=b"-_", validate=True))


def push_again(registry: Registry, name_tag: str) -> tuple[str, str]:
    """Push ``whoami:0.6`` and then ``whoami:0.8`` at one tag; return the digest that it had and the one it has."""
    return registry.push("whoami:0.6", name_tag), registry.push("whoami:0.8", name_tag)


def push_unseen(registry: Registry, name_tag: str) -> str:
    """Push an image that no engine has pulled before, and return its reference with its digest.

    An engine that has pulled an image keeps its manifest, and asks no registry for it again, even where the image was
    removed.
    """
    engine = registry.engine
    body = {"Image": "whoami:0.6", "Labels": {"com.example.unseen": uuid4().hex}}
    container = engine.checked("POST", "/containers/create", json=body).json()["Id"]
    local = f"unseen:{container[:12]}"
    params = {"container": container, "repo": "unseen", "tag": container[:12]}
    engine.checked("POST", "/commit", params=params)
    engine.checked("DELETE", f"/containers/{container}")
    digest = registry.push(local, name_tag)
    engine.checked("DELETE", f"/images/{local}")
    return f"{registry.address}/{name_tag}@{digest}"


def page(engine: Endpoint, name: str, image: str) -> str:
    """Wait until a service's task runs ``image``, and return the page that its container has."""
    services.started(engine, name, image=image)
    [task] = [
        task
        for task in engine.get("/tasks", filters=json.dumps({"service": [name], "desired-state": ["running"]}))
        if task["Status"]["State"] == "running"
    ]
    container = task["Status"]["ContainerStatus"]["ContainerID"]
    archive = engine.checked("GET", f"/containers/{container}/archive", params={"path": "/www/index.html"}).content
    return archive[512 : archive.index(b"\0", 512)].decode()

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that lists its tags in bad ways; run as a program beside an engine by ``hostile.py``.

The first part of a repository says how: ``hang/app``, ``html/app`` … Each request is printed: its path, the host that
it was for, and the user that it named.
"""

from __future__ import annotations

import base64
import http.server
import json
import socket
import sys
import time
import urllib.request
from typing import Any
from urllib.parse import parse_qs, urlsplit

PORT, UPSTREAM = int(sys.argv[1]), sys.argv[2]
LARGE = 64 * 2**20
TLS_HANDSHAKE = b"\x16"
visits: dict[str, int] = {}


class Handler(http.server.BaseHTTPRequestHandler):
    """One method for each way."""

    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Hang up on TLS at once, as servers do that speak none."""
        if self.connection.recv(1, socket.MSG_PEEK) != TLS_HANDSHAKE:
            super().handle()

    def do_GET(self) -> None:
        """Answer as the path says."""
        parts = urlsplit(self.path)
        self.given = self.headers.get("Authorization", "")
        user = base64.b64decode(self.given.partition(" ")[2]).decode().partition(":")[0]
        host = self.headers["Host"].partition(":")[0]
        print(f"visit {parts.path} {host} {user or '-'}", flush=True)
        self.query = parse_qs(parts.query)
        visits[parts.path] = visits.get(parts.path, 0) + 1
        self.visit = visits[parts.path]
        how = parts.path.split("/")[2]
        if how in ("parrot", "moved") and not self.given and host != "localhost":
            self.answer({}, 401, {"WWW-Authenticate": 'Basic realm="tests"'})
        else:
            getattr(self, how or "root")()

    def root(self) -> None:
        self.answer({})

    def hang(self) -> None:
        self.connection.recv(1)

    def trickle(self) -> None:
        self.start(200, {"Content-Type": "application/json"})
        while True:
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)

    def html(self) -> None:
        self.start(200, {"Content-Type": "text/html", "Content-Length": "33"})
        self.wfile.write(b"<html>Welcome to the portal</html>"[:33])

    def moved(self) -> None:
        if self.headers["Host"].startswith("localhost"):
            self.tags("1.0", "1.1")
        else:
            self.answer({}, 307, {"Location": f"http://localhost:{PORT}{self.path}"})

    def busy(self) -> None:
        if self.visit > 1:
            self.tags("1.0", "1.1")
        else:
            self.answer({"errors": [{"code": "TOOMANYREQUESTS"}]}, 429, {"Retry-After": "1"})

    def wait(self) -> None:
        self.answer({"errors": [{"code": "TOOMANYREQUESTS"}]}, 429, {"Retry-After": "3600"})

    def circle(self) -> None:
        self.tags("1.0", "1.1", link=self.path)

    def endless(self) -> None:
        self.tags("1.0", "1.1", link=f"{urlsplit(self.path).path}?n=1000&last={self.visit}")

    def more(self) -> None:
        self.tags(*(f"1.{self.visit}.{number}" for number in range(1000)), link=f"?last={self.visit}")

    def elsewhere(self) -> None:
        self.tags("1.0", "1.1", link=f"http://localhost:{PORT}{self.path}")

    def cut(self) -> None:
        if "last" not in self.query:
            self.tags("1.0", "1.1", link=f"{self.path}&last=1.1")
        else:
            self.start(200, {"Content-Length": "1000"})
            self.wfile.write(b'{"tags": ["1.2"]}')
            self.close_connection = True

    def large(self) -> None:
        self.start(200, {"Content-Type": "application/json", "Content-Length": str(LARGE)})
        block = b'"1.0.0",' * 8192
        self.wfile.write(b'{"tags":[')
        for _count in range(LARGE // len(block)):
            self.wfile.write(block)

    def parrot(self) -> None:
        secret = base64.b64decode(self.given.partition(" ")[2]).decode()
        self.answer({"errors": [{"code": "DENIED", "message": f"not for {self.given} {secret}"}]}, 403)

    def pages(self) -> None:
        """Give out the list of another registry, which knows no pages, in pages, and send on for all else."""
        path = urlsplit(self.path).path.replace("/pages/", "/", 1)
        if not path.endswith("/tags/list"):
            self.answer({}, 307, {"Location": f"http://{UPSTREAM}{path}"})
            return
        with urllib.request.urlopen(f"http://{UPSTREAM}{path}") as answer:
            tags = sorted(json.load(answer)["tags"])
        start = tags.index(self.query["last"][0]) + 1 if "last" in self.query else 0
        size = int(self.query["n"][0])
        page = tags[start : start + size]
        more = start + size < len(tags)
        self.tags(*page, link=f"{urlsplit(self.path).path}?n={size}&last={page[-1]}" if more else "")

    def tags(self, *tags: str, link: str = "") -> None:
        """Answer with a page of tags."""
        self.answer({"name": "app", "tags": tags}, 200, {"Link": f'<{link}>; rel="next"'} if link else {})

    def answer(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON."""
        body = json.dumps(content).encode()
        self.start(status, {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def start(self, status: int, headers: dict[str, str]) -> None:
        """Begin an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep the log to what the tests read."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    server.daemon_threads = True
    print("ready", flush=True)
    server.serve_forever()

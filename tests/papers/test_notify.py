# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that tell what became of them: a chat that takes JSON, and a mail server."""

from __future__ import annotations

import email
import email.policy
import json
import re
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, ClassVar

import pytest

from tests.papers.shop import BROKEN, NEW, OLD, Shop
from tests.pythons import interpreters
from tests.swarm.collection import ROOT

GUIDE = ROOT / "docs/docsite/rst/notify.rst"


PLAY = """\
- hosts: manager1
  gather_facts: false
  vars:
    release: 2.4.2
    ansible_failed_result:
      msg: The release is broken.
  tasks:
"""


def mail_task() -> str:
    """Return the guide's task that sends a mail, as a task of a play."""
    blocks = re.findall(r"code-block:: yaml\+jinja\n\n((?: {3}.*\n|\n)+)", GUIDE.read_text(encoding="utf-8"))
    [task] = [block for block in blocks if "community.general.mail" in block]
    return indent(dedent(task), " " * 4)


class Chat(BaseHTTPRequestHandler):
    """Takes whatever is posted, and says yes."""

    told: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Note a message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append(json.loads(body)["text"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


class Mail(socketserver.StreamRequestHandler):
    """A mail server that takes all mail."""

    told: ClassVar[list[str]] = []

    def handle(self) -> None:
        """Take mails until the client has gone."""
        self._say("220 mail.example.com")
        for line in self.rfile:
            command = line.split()[0].upper() if line.split() else b""
            self._say({b"DATA": "354 go on", b"QUIT": "221 bye"}.get(command, "250 yes"))
            if command == b"DATA":
                self.told.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self._say("250 taken")
            if command == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Have a server serve, and yield its port."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def chat() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a chat, and what it was told."""
    Chat.told.clear()
    with serving(HTTPServer(("127.0.0.1", 0), Chat)) as port:
        yield f"http://127.0.0.1:{port}/", Chat.told


def test_notify_after_success(shop: Shop, chat: tuple[str, list[str]]) -> None:
    address, told = chat
    [name] = shop.stand({"web": shop.image("web", OLD)})
    done = shop.play("notify", "-e", f"release={NEW}", "-e", f"chat={address}")
    assert done.status == 0, done.text
    assert told == [f"manager1: {name} converged"]


def test_notify_after_failure(shop: Shop, chat: tuple[str, list[str]]) -> None:
    address, told = chat
    [name] = shop.stand({"web": shop.image("web", OLD)}, monitor=5)
    done = shop.play("notify", "-e", f"release={BROKEN}", "-e", f"chat={address}")
    assert done.status == 2, done.text
    failed, ended = told
    assert failed.startswith(f"manager1: release {BROKEN} failed. ")
    assert name in failed
    assert ended == f"manager1: {name} rolled_back"
    assert shop.has(name) == shop.image("web", OLD)


def test_a_chat_that_is_away_changes_nothing(shop: Shop) -> None:
    [name] = shop.stand({"web": shop.image("web", OLD)})
    done = shop.play("notify", "-e", f"release={NEW}", "-e", "chat=http://127.0.0.1:1/")
    assert done.status == 0, done.text
    assert shop.has(name) == shop.image("web", NEW)


def test_mail(shop: Shop) -> None:
    """Run the guide's own task, with the package ansible, which brings community.general."""
    here = interpreters.Interpreter(Path(sys.executable), sys.version.split()[0])
    programs = interpreters.environment(here, "ansible") / "bin"
    Mail.told.clear()
    with serving(socketserver.TCPServer(("127.0.0.1", 0), Mail)) as port:
        shop.write("mail.yml", PLAY + mail_task().replace("mail.example.com", "127.0.0.1").replace("25", str(port)))
        place = replace(shop.desk, environment={**shop.desk.environment, "PATH": f"{programs}:/usr/bin:/bin"})
        done = place.run("ansible-playbook", "mail.yml")
    assert done.status == 0, done.text
    [mail] = Mail.told
    message = email.message_from_string(mail, policy=email.policy.default)
    assert message["Subject"] == "manager1: release 2.4.2 failed"
    text = message.get_body()
    assert text is not None
    assert text.get_content().strip() == "The release is broken."

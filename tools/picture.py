# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.picture``: a real run in a terminal, drawn as the picture of the README and the guides."""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.swarm import Engine, Registry, images, services
from tests.swarm.collection import ROOT, collection_path
from tools.bench_page import licence_note
from tools.demo import EXAMPLES, MIRROR, ansible_settings, beside_python, say

PICTURE = ROOT / "docs" / "docsite" / "rst" / "images" / "progress.svg"
PLAYBOOK, SERVICE = "whoami.yml", "whoami"
REPOSITORY = "traefik/whoami"
BROKEN = f"{REPOSITORY}:v1.11.0-broken"
TAGS = {"v1.10.1": "whoami:0.7", "v1.11.0": "whoami:0.6", "v1.11.0-broken": "crash:1"}
"""What stands for each tag of the public repository, in a registry that stands for Docker Hub."""
WIDTH = 120
"""Columns: Ansible's recap of a play has 118."""
REPLICAS, DELAY = 5, 2.5
SUCCEEDS, FAILS = 0, 2
"""The exit statuses of ansible-playbook."""
RUNS = ((f"ansible-playbook {PLAYBOOK}", SUCCEEDS), (f"ansible-playbook {PLAYBOOK} -e image={BROKEN}", FAILS))
"""What is run, one after the other, and how it ends."""


class RunFailed(Exception):
    """A run ended in another way than the picture is to show."""


def run_in_terminal(command: list[str], environment: dict[str, str], status: int) -> str:
    """Run a command in a terminal of its own and return what it printed, colours included.

    Raises :class:`RunFailed` if it ends with another status.
    """
    ours, its = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=its, stdout=its, stderr=its) as running:
        os.close(its)
        printed = b""
        while chunk := _read(ours):
            printed += chunk
        os.close(ours)
    if running.returncode != status:
        raise RunFailed(f"{command} ended with {running.returncode}, not {status}:\n{printed.decode()}")
    return printed.decode().replace("\r\n", "\n").strip()


def _read(terminal: int) -> bytes:
    """Read on; a terminal that nobody has open any more is an error to Linux."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def record() -> str:
    """Change the image of a service of five tasks, then to one that crashes, and return what is seen of it."""
    with (
        Engine(f"--registry-mirror=http://{MIRROR}") as engine,
        Registry(engine) as registry,
        collection_path(engine.space.folder) as collections,
    ):
        images.load(engine, *TAGS.values())
        for tag, image in TAGS.items():
            registry.push(image, f"{REPOSITORY}:{tag}")
        create(engine)
        settings = {**ansible_settings(engine, collections), "ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
        programs = beside_python("ansible-playbook").parent
        screen = ""
        for command, status in RUNS:
            program, playbook, *options = command.split()
            words = [str(programs / program), str(EXAMPLES / playbook), *options]
            screen += f"$ {command}\n{run_in_terminal(words, settings, status)}\n\n"
        return screen


def create(engine: Engine) -> None:
    """Create the service of the README, with more tasks, so that there is something to see."""
    spec = services.simple(SERVICE, f"{REPOSITORY}:{next(iter(TAGS))}", replicas=REPLICAS)
    spec["UpdateConfig"].update(Delay=int(DELAY * services.SECOND), Monitor=3 * services.SECOND)
    services.post(engine, spec)
    services.started(engine, SERVICE, REPLICAS, timeout=60)


def readable(screen: str) -> list[Text]:
    """Return what was printed as the picture has it: no folder of this machine, and no lines that go on and on.

    Such a line is the result as JSON after a failure, whose message has a line of its own.
    """
    lines = []
    for line in screen.replace(f"{EXAMPLES}/", "").strip().splitlines():
        text = Text.from_ansi(line)
        if len(text) > 2 * WIDTH:
            text.truncate(WIDTH, overflow="ellipsis")
        lines.append(text)
    return lines


def draw(screen: str, file: Path) -> None:
    """Draw a terminal with what was printed in it."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(*readable(screen), sep="\n")
        drawn = console.export_svg(title="swarmops.rollout")
    drawn = re.sub(r"@font-face {[^}]*}\s*", "", drawn)  # a picture that fetches nothing from elsewhere
    lines = [line.rstrip() for line in drawn.strip().splitlines()]
    file.write_text(licence_note() + "\n" + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Record a run, draw it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.picture", description="Draw a real run.")
    parser.add_argument("--output", type=Path, default=PICTURE, help="the SVG file")
    file = parser.parse_args().output
    screen = record()
    file.parent.mkdir(parents=True, exist_ok=True)
    draw(screen, file)
    say(f"{file} shows:\n\n{screen}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

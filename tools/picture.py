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
from tools.demo import AFTER, BEFORE, EXAMPLES, MIRROR, PLAYBOOK, ansible_settings, beside_python, say

PICTURE = ROOT / "docs" / "docsite" / "rst" / "images" / "progress.svg"
WIDTH = 112
REPLICAS, DELAY = 5, 2.5
COMMAND = f"ansible-playbook {PLAYBOOK}"


def run_in_terminal(command: list[str], environment: dict[str, str]) -> str:
    """Run a command in a terminal of its own and return what it printed, colours included."""
    ours, its = pty.openpty()
    with subprocess.Popen(command, env=environment, stdin=its, stdout=its, stderr=its) as running:
        os.close(its)
        printed = b""
        while chunk := _read(ours):
            printed += chunk
        os.close(ours)
    if running.returncode:
        raise SystemExit(f"{COMMAND} failed ({running.returncode}):\n{printed.decode()}")
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Read on; a terminal that nobody has open any more is an error to Linux."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def record() -> str:
    """Change the image of a service of five tasks with the README's playbook, and return what is seen of it."""
    with (
        Engine(f"--registry-mirror=http://{MIRROR}") as engine,
        Registry(engine) as registry,
        collection_path(engine.space.folder) as collections,
    ):
        images.load(engine, BEFORE, AFTER)
        registry.push(AFTER, f"library/{AFTER}")
        spec = services.simple(services.STORY_SERVICE, BEFORE, replicas=REPLICAS)
        spec["UpdateConfig"]["Delay"] = int(DELAY * services.SECOND)
        services.post(engine, spec)
        services.started(engine, services.STORY_SERVICE, REPLICAS)
        settings = {**ansible_settings(engine, collections), "ANSIBLE_FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
        return run_in_terminal([str(beside_python("ansible-playbook")), str(EXAMPLES / PLAYBOOK)], settings)


def draw(printed: str, file: Path) -> None:
    """Draw a terminal with what was printed in it."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(f"$ {COMMAND}\n{printed.strip()}"))
        drawn = console.export_svg(title="swarmops.rollout")
    drawn = re.sub(r"@font-face {[^}]*}\s*", "", drawn)  # a picture that fetches nothing from elsewhere
    lines = [line.rstrip() for line in drawn.strip().splitlines()]
    file.write_text(licence_note() + "\n" + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Record a run, draw it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.picture", description="Draw a real run.")
    parser.add_argument("--output", type=Path, default=PICTURE, help="the SVG file")
    file = parser.parse_args().output
    printed = record()
    file.parent.mkdir(parents=True, exist_ok=True)
    draw(printed, file)
    say(f"{file} shows:\n\n{printed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

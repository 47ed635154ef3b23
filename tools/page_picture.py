# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.page_picture``: a picture of the page that docs/examples/image_report.yml writes."""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.swarm import Engine, Registry, eventually, images, packages, services
from tests.swarm.collection import ROOT, collection_path
from tools.bench_page import licence_note
from tools.demo import EXAMPLES, MIRROR, ansible_settings, beside_python, say

PICTURE = ROOT / "docs" / "docsite" / "rst" / "images" / "image_report.svg"
PLAYBOOK, PAGE = "image_report.yml", "images.html"
STACK = {"com.docker.stack.namespace": "shop"}
RUNS = "whoami:0.7"
IMAGES = {
    "api": "app:2.4.1",
    "cart": "app:2.4.1",
    "mailer": "mailer:1.9",
    "search": "search:8.2",
    "web": "web:stable",
    "worker": "app:2.4.1",
}
BEHIND = {"cart": "app:2.4.0"}
"""What the stack's file still states where that is not what runs."""
MOVED, BROKEN = "web:stable", "app:2.5.0"
BROWSER = {"chromium": "chromium"}
SVG = """{notice}
<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'>
<image width='{width}' height='{height}' href='data:image/png;base64,{pixels}'/>
</svg>
"""
"""The pixels in a text, like the other pictures: the checkers read each file as text."""
WIDTH, ABOVE, ROW = 720, 170, 35
"""Pixels: the page's width, what is above its rows, and a row."""


def stand(engine: Engine, registry: Registry) -> None:
    """Have the stack run: one tag moves afterwards, and one service stops in the middle of its rollout."""
    images.load(engine, RUNS, "whoami:0.8", "crash:1")
    for name in set(IMAGES.values()):
        registry.push(RUNS, f"shop/{name}")
    registry.push("crash:1", f"shop/{BROKEN}")
    for name, image in IMAGES.items():
        digest = registry.digest(f"shop/{image.partition(':')[0]}", image.partition(":")[2])
        labels = {**STACK, "com.docker.stack.image": f"shop/{BEHIND.get(name, image)}"}
        services.create(engine, f"shop_{name}", f"shop/{image}@{digest}", monitor=5, Labels=labels)
        services.started(engine, f"shop_{name}")
    registry.push("whoami:0.8", f"shop/{MOVED}")
    for name in ("cart", "worker"):
        update(engine, f"shop_{name}", name == "worker", registry)


def update(engine: Engine, name: str, fails: bool, registry: Registry) -> None:
    """Roll a service out, and wait until the swarm has come to its end."""
    service = services.inspect(engine, name)
    spec = service["Spec"]
    spec["TaskTemplate"]["ForceUpdate"] = 1  # so that the swarm rolls, whatever the image
    if fails:
        image = f"shop/{BROKEN}@{registry.digest('shop/app', BROKEN.partition(':')[2])}"
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = image
    services.update(engine, service, spec)
    end = "paused" if fails else "completed"
    eventually(lambda: state_of(engine, name) == end, f"{name} is {end}", timeout=60)


def state_of(engine: Engine, name: str) -> str:
    """Return how a service's rollout stands; empty where there was none."""
    return str(services.inspect(engine, name).get("UpdateStatus", {}).get("State", ""))


def record(folder: Path) -> None:
    """Write the page of a stack into a folder."""
    with (
        Engine(f"--registry-mirror=http://{MIRROR}") as engine,
        Registry(engine) as registry,
        collection_path(engine.space.folder) as collections,
    ):
        stand(engine, registry)
        command = [str(beside_python("ansible-playbook")), str(EXAMPLES / PLAYBOOK), "-e", f"report={folder}"]
        subprocess.run(command, env=ansible_settings(engine, collections), check=True)


def draw(page: Path, file: Path) -> None:
    """Draw a page with a browser that has no window and asks nobody for anything."""
    height, pixels = ABOVE + ROW * len(IMAGES), page.with_suffix(".png")
    size = f"--window-size={WIDTH},{height}"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
    command = [str(packages.which("chromium")), *options, size, f"--screenshot={pixels}", page.as_uri()]
    with tempfile.TemporaryDirectory() as left:  # the browser leaves files there
        settings = {**os.environ, "TMPDIR": left}
        subprocess.run(command, env=settings, check=True, capture_output=True, timeout=120)
    encoded = base64.b64encode(pixels.read_bytes()).decode()
    file.write_text(SVG.format(notice=licence_note(), width=WIDTH, height=height, pixels=encoded), encoding="utf-8")


def main() -> int:
    """Have the page written, draw it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.page_picture", description="Draw the page of a real swarm.")
    parser.add_argument("--output", type=Path, default=PICTURE, help="the SVG file")
    file = parser.parse_args().output.resolve()
    packages.ensure(BROWSER)
    folder = ROOT / "build" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    record(folder)
    draw(folder / PAGE, file)
    say(f"Drawn: {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.screenshots``: the site as a browser shows it, on a desk and on a telephone.

The browser is Debian's Chromium without a window. A page that is wider than its screen is an error: its reader would
have to scroll sideways.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "docs"
PICTURES = ROOT / "build" / "screenshots"
WIDTHS = {1280: False, 400: True}
"""How wide the screens are in pixels, and whether it is a telephone's."""
HIGHEST = 6000
"""What is further down a page than so many pixels is not in its picture."""
TOO_WIDE = """
(() => {
  const screen = document.documentElement.clientWidth;
  const scrolls = node => node && (getComputedStyle(node).overflowX !== "visible" || scrolls(node.parentElement));
  return [...document.querySelectorAll(".wy-nav-content *")]
    .filter(node => node.getBoundingClientRect().right > screen + 1 && !scrolls(node.parentElement))
    .map(node => node.tagName + ": " + node.textContent.trim().slice(0, 60)).slice(0, 5);
})()
"""
"""Returns what stands out of the screen and is in no box that scrolls by itself."""
CHROMIUM = (
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """A running browser, told by its debugging protocol what to do: JSON, a zero byte after each message."""

    def __init__(self, questions: int, answers: int) -> None:
        self._questions = os.fdopen(questions, "wb")
        self._answers = answers
        self._read_already = b""
        self._number = 0
        self._page: dict[str, str] = {}

    def open(self) -> None:
        """Open a page of its own; all commands after it are for that page."""
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self._page = {"sessionId": self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self.tell("Page.enable")

    def tell(self, method: str, **parameters: Any) -> Any:
        """Give a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._page}
        self._questions.write(json.dumps(message).encode() + b"\0")
        self._questions.flush()
        answer = self._await(lambda message: message.get("id") == self._number)
        if "error" in answer:
            raise SystemExit(f"The browser refuses {method}: {answer['error']}")
        return answer["result"]

    def visit(self, page: Path) -> None:
        """Go to a page and wait until it is shown."""
        self.tell("Page.navigate", url=page.as_uri())
        self._await(lambda message: message.get("method") == "Page.loadEventFired")

    def evaluate(self, script: str) -> Any:
        """Return what a script in the page returns."""
        return self.tell("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def _await(self, is_it: Any) -> Any:
        while True:
            message = json.loads(self._read())
            if is_it(message):
                return message

    def _read(self) -> bytes:
        """Return the next message; what comes after it is kept."""
        while b"\0" not in self._read_already:
            chunk = os.read(self._answers, 1 << 20)
            if not chunk:
                raise SystemExit("The browser has ended.")
            self._read_already += chunk
        message, _zero, self._read_already = self._read_already.partition(b"\0")
        return message


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    its_questions, our_questions = os.pipe()
    our_answers, its_answers = os.pipe()
    with tempfile.TemporaryDirectory() as home:
        command = [*CHROMIUM, f"--user-data-dir={home}"]
        script = 'in=$1; out=$2; shift 2; eval "exec \\"\\$@\\" 3<&$in 4>&$out"'
        with subprocess.Popen(
            ["bash", "-c", script, "-", str(its_questions), str(its_answers), *command],
            pass_fds=(its_questions, its_answers),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": home},  # it leaves files there
        ) as running:
            os.close(its_questions)
            os.close(its_answers)
            started = Browser(our_questions, our_answers)
            try:
                started.open()
                yield started
            finally:
                running.terminate()


def shoot(browser: Browser, page: Path, width: int, picture: Path) -> list[str]:
    """Take the picture of a page, and return what stands out of the screen."""
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": WIDTHS[width]}
    browser.tell("Emulation.setDeviceMetricsOverride", **screen)
    browser.visit(page)
    height = min(int(browser.evaluate("document.querySelector('.wy-nav-content').scrollHeight + 120")), HIGHEST)
    clip = {"x": 0, "y": 0, "width": width, "height": max(height, 900), "scale": 1}
    shot = browser.tell("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
    picture.write_bytes(base64.b64decode(shot["data"]))
    return list(browser.evaluate(TOO_WIDE))


def shoot_all(site: Path, pictures: Path) -> Mapping[str, list[str]]:
    """Take the pictures of all pages, and return what stands out, by picture."""
    pictures.mkdir(parents=True, exist_ok=True)
    wide = {}
    with browser() as started:
        for page in sorted(site.rglob("*.html")):
            for width in WIDTHS:
                name = f"{page.relative_to(site).with_suffix('').as_posix().replace('/', '-')}-{width}.png"
                wide[name] = shoot(started, page, width, pictures / name)
    return {name: found for name, found in wide.items() if found}


def main() -> int:
    """Take the pictures and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description="Show the site in a browser.")
    parser.add_argument("--site", type=Path, default=SITE, help="the site's folder")
    parser.add_argument("--output", type=Path, default=PICTURES, help="the pictures' folder")
    given = parser.parse_args()
    wide = shoot_all(given.site.resolve(), given.output)
    for name, found in wide.items():
        print(f"{name}: wider than the screen: {'; '.join(found)}", file=sys.stderr)
    print(f"The pictures are in {given.output}")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())

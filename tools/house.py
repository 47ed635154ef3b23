# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.house``: the picture of the code in the contributor guide, drawn from what each file imports.

A row is a part of the plugins, and its files stand by floors: each imports only from further down.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ROOT / "plugins"
PACKAGE = "ansible_collections.swarmops.rollout.plugins."
PICTURE = ROOT / "docs/docsite/rst/images/house.svg"
LICENCE = "<!--\n" + "".join(f"{line[2:]}\n" for line in Path(__file__).read_text("utf-8").splitlines()[:3]) + "-->"

PARTS = {
    "modules": "documents, argument spec, one call",
    "action": "what Ansible starts on the controller",
    "plugin_utils": "what the controller shows; the job that it watches",
    "_module": "the Ansible side; errors become failed tasks",
    "_urls": "opens URLs through Ansible",
    "_commands": "one file per module: from its options to its result",
    "_rollout": "what acts: write, wait, roll back, report",
    "_service": "what decides, without any request (pure)",
    "_registry": "credentials, tags, and a registry's answers",
    "_engine": "the engine's API, one method per endpoint",
    "_image": "the grammar of image references",
    "_errors": "all errors",
}
"""The parts from top to bottom, and what each is for."""
BOX, GAP, LEFT, TOP, HEIGHT = 158, 8, 260, 20, 26
STYLE = "font-family='sans-serif' font-size='11'"


def name_of(path: Path) -> str:
    """Return a file's name as the guide has it: ``_service/plan``."""
    return path.relative_to(PLUGINS).with_suffix("").as_posix().replace("module_utils/", "")


def part_of(name: str) -> str:
    """Return the part that a file belongs to."""
    return name.partition("/")[0]


def imported(path: Path, names: Mapping[str, Path]) -> Iterator[str]:
    """Return the files of the collection that a file imports, lazy and type-checking imports among them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            module = str(node.module)[len(PACKAGE) :].replace(".", "/")
            for alias in node.names:
                found = [each.replace("module_utils/", "") for each in (f"{module}/{alias.name}", module)]
                yield from [name for name in found if name in names][:1]


def house() -> dict[str, set[str]]:
    """Return each file of the plugins, and what it imports of the others."""
    paths = [path for path in sorted(PLUGINS.rglob("*.py")) if path.stem != "__init__"]
    names = {name_of(path): path for path in paths if part_of(name_of(path)) in PARTS}
    return {name: set(imported(path, names)) - {name} for name, path in names.items()}


def floor(uses: Mapping[str, set[str]], name: str) -> int:
    """Return how many files of the same part a file stands on."""
    below = [used for used in uses[name] if part_of(used) == part_of(name)]
    return 1 + max((floor(uses, used) for used in below), default=-1)


def picture(uses: Mapping[str, set[str]]) -> str:
    """Return the picture."""
    shapes: list[str] = []
    middle: dict[str, float] = {}
    top, widest = TOP, 0
    for part, purpose in PARTS.items():
        files = [name for name in uses if part_of(name) == part]
        rows = max(floor(uses, name) for name in files) + 1
        bottom = top + rows * (HEIGHT + GAP)
        middle[part] = (top + bottom - GAP) / 2
        for row in range(rows):
            own = [name for name in files if floor(uses, name) == rows - 1 - row]
            for column, name in enumerate(own):
                left, up = LEFT + column * (BOX + GAP), top + row * (HEIGHT + GAP)
                widest = max(widest, left + BOX)
                shapes.append(f"<rect x='{left}' y='{up}' width='{BOX}' height='{HEIGHT}' rx='4' class='file'/>")
                text = escape(name.partition("/")[2] or name)
                shapes.append(f"<text x='{left + BOX / 2}' y='{up + 17}' text-anchor='middle'>{text}</text>")
        shapes.append(f"<text x='10' y='{middle[part] - 1}' font-weight='bold'>{part}</text>")
        shapes.append(f"<text x='10' y='{middle[part] + 14}' class='purpose'>{escape(purpose)}</text>")
        shapes.append(f"<line x1='10' x2='{{width}}' y1='{bottom + GAP / 2}' y2='{bottom + GAP / 2}' class='line'/>")
        top = bottom + 2 * GAP
    return _svg(shapes, widest + 10, top)


def _svg(shapes: list[str], width: int, height: int) -> str:
    style = (
        ".file{fill:#eef4fb;stroke:#5b7fa6}.purpose{fill:#555;font-size:10px}.line{stroke:#ccc}"
        "text{fill:#222}rect.page{fill:#fff}"
    )
    body = "\n".join(shape.replace("{width}", str(width - 10)) for shape in shapes)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {STYLE}>\n{LICENCE}\n"
        f"<style>{style}</style>\n<rect class='page' width='{width}' height='{height}'/>\n{body}\n</svg>\n"
    )


def main() -> int:
    """Draw it."""
    PICTURE.write_text(picture(house()), encoding="utf-8")
    print(f"Drawn: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

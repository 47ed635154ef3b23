# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the plugins are built: short functions, and layers that import only from below."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median
from typing import Iterator, List, Tuple

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PACKAGE = "ansible_collections.swarmops.rollout.plugins."
MOST_LINES = 40
MOST_MEDIAN_LINES = 12
LAYERS = {
    "_engine/errors": (),
    "_engine": ("_engine",),
    "_image": ("_engine/errors",),
    "_service": ("_service", "_rollout/writer", "_image", "_engine"),
    "_rollout": ("_rollout", "_service", "_image", "_engine"),
    "_module": ("_rollout", "_service", "_image", "_engine"),
    "modules": ("_module", "_service"),
    "plugin_utils": ("plugin_utils", "_service/outcome"),
    "action": ("plugin_utils",),
    "doc_fragments": (),
}
"""What each part may import of this collection; the longest name that fits counts."""
KNOW_ANSIBLE = ("_module", *(f"plugin_utils/_{name}" for name in ("command", "farewell", "job", "watched")), "action")


def part_of(path: Path) -> str:
    name = path.relative_to(PLUGINS).with_suffix("").as_posix()
    return name[len("module_utils/") :] if name.startswith("module_utils/") else name


def is_within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}/")


SOURCES = {part_of(path): path for path in sorted(PLUGINS.rglob("*.py"))}
FILES = {path.relative_to(PLUGINS).with_suffix("").as_posix() for path in SOURCES.values()}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                module = f"{node.module}.{name.name}"
                yield module if module[len(PACKAGE) :].replace(".", "/") in FILES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def lengths() -> List[Tuple[int, str]]:
    found = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                found += [(lines, f"{name}: {node.name}")]
    return found


def test_functions_are_short() -> None:
    found = lengths()
    assert [each for each in found if each[0] > MOST_LINES] == []
    assert median(lines for lines, _name in found) <= MOST_MEDIAN_LINES


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_layers_import_only_from_below(name: str) -> None:
    allowed = LAYERS[max((part for part in LAYERS if is_within(name, part)), key=len)]
    for module in imports(TREES[name]):
        if module.startswith(PACKAGE):
            used = module[len(PACKAGE) :].replace(".", "/")
            used = used[len("module_utils/") :] if used.startswith("module_utils/") else used
            assert any(is_within(used, part) for part in allowed), f"{name} imports {used}"


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_core_knows_no_ansible(name: str) -> None:
    if not any(is_within(name, part) for part in KNOW_ANSIBLE):
        assert not [module for module in imports(TREES[name]) if module.partition(".")[0] == "ansible"]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the plugins are built: short functions, and layers that import only from below."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median
from typing import Iterator, List, Set, Tuple

import pytest

from tools import house

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
TESTS = Path(__file__).resolve().parent / "plugins"
HOLD_DOCUMENTS = ("modules", "action", "doc_fragments")
PACKAGE = "ansible_collections.swarmops.rollout.plugins."
MOST_LINES = 40
MOST_MEDIAN_LINES = 12
CONTENTS = [
    "modules/swarm_service_image",
    "modules/swarm_service_image_info",
    "modules/swarm_service_wait",
    "modules/swarm_service_rollback",
    "modules/swarm_service_credentials",
    "modules/image_tags_info",
    "action/swarm_service_image",
    "action/swarm_service_wait",
    "action/swarm_service_rollback",
    "plugin_utils/_watched",
    "plugin_utils/_job",
    "plugin_utils/_board",
    "plugin_utils/_command",
    "plugin_utils/_farewell",
    "plugin_utils/_garbage",
    "_module",
    "_urls",
    "_commands/swarm_service_image",
    "_commands/swarm_service_image_info",
    "_commands/swarm_service_wait",
    "_commands/swarm_service_rollback",
    "_commands/swarm_service_credentials",
    "_commands/image_tags_info",
    "_commands/options",
    "_commands/nodes",
    "_commands/services",
    "_rollout/job",
    "_rollout/background",
    "_rollout/progress",
    "_rollout/progress_file",
    "_rollout/rollout",
    "_rollout/logs",
    "_rollout/member",
    "_rollout/waiter",
    "_rollout/observer",
    "_rollout/renewal",
    "_rollout/writer",
    "_service/status",
    "_service/tally",
    "_service/platforms",
    "_service/renewal",
    "_service/plan",
    "_service/attempt",
    "_service/result",
    "_service/evidence",
    "_service/explanation",
    "_service/tasks",
    "_service/log",
    "_service/scrub",
    "_service/selection",
    "_service/managers",
    "_service/placement",
    "_service/spec",
    "_service/moment",
    "_service/outcome",
    "_service/stage",
    "_registry/resolver",
    "_registry/repository",
    "_registry/access",
    "_registry/challenge",
    "_registry/web",
    "_registry/manifest",
    "_registry/tags",
    "_registry/versions",
    "_registry/distribution",
    "_registry/docker_config",
    "_registry/credentials",
    "_engine/client",
    "_engine/transport",
    "_engine/pool",
    "_engine/address",
    "_engine/retry",
    "_engine/types",
    "_image",
    "_errors",
    "doc_fragments/_attributes",
    "doc_fragments/_engine",
    "doc_fragments/_registry",
    "doc_fragments/_rollout",
    "doc_fragments/_selection",
]
"""All files, top to bottom: each imports of this collection only what is further down."""
LAYERS = {
    "modules": ("_module", "_urls", "_commands"),
    "action": ("plugin_utils",),
    "plugin_utils": ("plugin_utils", "_service/outcome", "_service/stage"),
    "_module": ("_commands/options", "_rollout", "_service/result", "_engine", "_errors"),
    "_urls": ("_registry/web", "_errors"),
    "_commands": ("_commands", "_rollout", "_service", "_registry", "_engine", "_image", "_errors"),
    "_rollout": ("_rollout", "_service", "_registry", "_engine", "_image", "_errors"),
    "_service": ("_service", "_registry/distribution", "_engine/types", "_image", "_errors"),
    "_registry": ("_registry", "_engine", "_image", "_errors"),
    "_engine": ("_engine", "_errors"),
    "_image": ("_errors",),
    "_errors": (),
    "doc_fragments": (),
}
"""What each part may import, type-checking and lazy imports among it."""
MOST_FLOORS = 12
MOST_FLOORS_WITHIN = 5
KNOW_ANSIBLE = (
    "_module",
    "_urls",
    *(f"plugin_utils/_{name}" for name in ("command", "farewell", "job", "watched")),
    "action",
)


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


def used_by(name: str) -> Set[str]:
    """Return the files of this collection that a file imports."""
    found = {module[len(PACKAGE) :].replace(".", "/") for module in imports(TREES[name]) if module.startswith(PACKAGE)}
    return {used[len("module_utils/") :] if used.startswith("module_utils/") else used for used in found}


USED = {name: used_by(name) for name in SOURCES}


def floors(name: str, within: str = "") -> int:
    """Return how many floors a file stands on, itself included; only those of a folder where one is given."""
    return 1 + max((floors(used, within) for used in USED[name] if not within or is_within(used, within)), default=0)


def test_the_contents_are_complete() -> None:
    assert sorted(CONTENTS) == sorted(name for name in SOURCES if not name.endswith("__init__"))


@pytest.mark.parametrize("name", CONTENTS)
def test_each_file_imports_only_from_further_down(name: str) -> None:
    below = CONTENTS[CONTENTS.index(name) + 1 :]
    assert [used for used in USED[name] if used not in below] == []


@pytest.mark.parametrize("name", CONTENTS)
def test_each_file_imports_only_what_its_layer_may(name: str) -> None:
    allowed = LAYERS[name.partition("/")[0]]
    assert [used for used in USED[name] if not any(is_within(used, part) for part in allowed)] == []


def test_the_house_has_few_floors() -> None:
    assert max(map(floors, CONTENTS)) <= MOST_FLOORS
    for name in CONTENTS:
        folder = name.partition("/")[0]
        assert floors(name, folder) <= MOST_FLOORS_WITHIN, name


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_core_knows_no_ansible(name: str) -> None:
    if not any(is_within(name, part) for part in KNOW_ANSIBLE):
        assert not [module for module in imports(TREES[name]) if module.partition(".")[0] == "ansible"]


def test_each_file_of_the_code_has_its_tests() -> None:
    """A file of documents and one call has them on a real engine, under tests/integration/targets."""
    missing = []
    for path in SOURCES.values():
        folder, name = path.relative_to(PLUGINS).parent, path.stem.lstrip("_")
        tests = TESTS / folder / f"test_{name}.py"
        if path.stem != "__init__" and folder.as_posix() not in HOLD_DOCUMENTS and path.stem != "types":
            missing += [] if tests.is_file() else [tests.relative_to(TESTS).as_posix()]
    assert missing == []


def test_the_picture_of_the_house_is_that_of_the_code() -> None:
    assert house.PICTURE.read_text(encoding="utf-8") == house.picture(house.house()), "make house draws it"

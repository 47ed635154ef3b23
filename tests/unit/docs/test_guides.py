# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guides say what the modules and their errors say: options in snippets, error texts, examples that are named."""

from __future__ import annotations

import ast
import re
import textwrap
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
GUIDES = sorted((ROOT / "docs/docsite/rst").glob("*.rst"))
PAGES = sorted((ROOT / "docs/docsite/pages").glob("*.rst"))
"""What the site alone has."""
PLUGINS = "ansible_collections.swarmops.rollout.plugins"
COLLECTION = "swarmops.rollout."
GROUP = "group/swarmops.rollout.swarm"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
OF_THE_GROUP = [name for name in MODULES if name.startswith("swarm_")]
WAYS_TO_SELECT = {"name", "service", "services", "select"}
KINDS: Dict[str, Any] = {"bool": bool, "int": int, "dict": dict, "list": list, "str": str, "path": str}

CODE_BLOCK = re.compile(r"^ *(?:\* )?(?:- )?\.\. code-block:: (\S+)\n\n", re.MULTILINE)
LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
ERRORS = ROOT / "docs/docsite/rst/errors.rst"
OURS = ".. _ansible_collections.swarmops.rollout.docsite.errors.collection:"
GAP = "…"
"""What stands for the part of a text that differs from case to case, on the page and here."""

Options = Dict[str, Any]
Snippet = Tuple[str, int, str]


# Snippets


def blocks(guide: Path) -> Iterator[Tuple[int, str, str]]:
    """The line, the language and the text of each code block."""
    content = guide.read_text(encoding="utf-8")
    for match in CODE_BLOCK.finditer(content):
        indent = match.group().index("..") + 1
        lines = []
        for line in content[match.end() :].splitlines():
            if line.strip() and len(line) - len(line.lstrip()) < indent:
                break
            lines.append(line)
        yield content.count("\n", 0, match.start()) + 1, match.group(1), textwrap.dedent("\n".join(lines))


SNIPPETS: List[Snippet] = [
    (guide.name, line, text)
    for guide in GUIDES + PAGES
    for line, language, text in blocks(guide)
    if language == "yaml+jinja"
]


@lru_cache(maxsize=None)
def documented(module: str) -> Options:
    """The options of a module, its fragments' among them."""
    document = yaml.safe_load(import_module(f"{PLUGINS}.modules.{module}").DOCUMENTATION)
    options: Options = {}
    for name in document.get("extends_documentation_fragment", []):
        fragment, _dot, part = name[len(COLLECTION) :].partition(".")
        holder = import_module(f"{PLUGINS}.doc_fragments.{fragment}").ModuleDocFragment
        options.update(yaml.safe_load(getattr(holder, part.upper() or "DOCUMENTATION"))["options"])
    options.update(document.get("options", {}))
    return options


def by_each_name(options: Options) -> Options:
    return {name: option for key, option in options.items() for name in (key, *option.get("aliases", []))}


def check(given: Any, options: Options, where: str) -> None:
    """Hold options as a playbook gives them against the documented ones."""
    assert isinstance(given, dict), where
    known = by_each_name(options)
    for name, value in given.items():
        assert name in known, f"{where}: there is no option {name}"
        check_value(value, known[name], f"{where}.{name}")
    for name, option in options.items():
        assert not option.get("required") or {name, *option.get("aliases", [])} & set(given), f"{where}: no {name}"


def check_value(value: Any, option: Options, where: str) -> None:
    if isinstance(value, str) and "{{" in value:
        return
    kind = option.get("type", "str")
    assert isinstance(value, KINDS[kind]), f"{where} is no {kind}"
    assert value in option.get("choices", [value]), f"{where} is not one of {option['choices']}"
    if "suboptions" in option:
        for item in value if kind == "list" else [value]:
            check(item, option["suboptions"], where)


def uses(content: Any) -> Iterator[Tuple[str, Any, bool]]:
    """Each module of the collection that a playbook names, its options, and whether they are a task's own."""
    if isinstance(content, list):
        for item in content:
            yield from uses(item)
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "module_defaults":
                yield from ((name, options, False) for name, options in value.items())
            elif str(key).startswith(COLLECTION):
                yield key, value, True
            else:
                yield from uses(value)


@pytest.mark.parametrize(("guide", "line", "text"), SNIPPETS, ids=[f"{name}:{line}" for name, line, _text in SNIPPETS])
def test_snippets_use_options_that_exist(guide: str, line: int, text: str) -> None:
    for name, options, is_task in uses(yaml.safe_load(text)):
        where = f"{guide}:{line}: {name}"
        for module in OF_THE_GROUP if name == GROUP else [name[len(COLLECTION) :]]:
            assert module in MODULES, where
            check(options, documented(module), where)
        is_of_group = name[len(COLLECTION) :] in OF_THE_GROUP
        assert not (is_task and is_of_group) or len(WAYS_TO_SELECT & set(options)) == 1, where


def test_snippets_are_found() -> None:
    found = {module for _guide, _line, text in SNIPPETS for module, _options, _task in uses(yaml.safe_load(text))}
    assert {COLLECTION + module for module in MODULES} <= found


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.name))
def test_examples_that_are_named_exist(guide: Path) -> None:
    for name in re.findall(r"docs/examples/\w+\.yml", guide.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.name))
def test_a_forge_shows_the_guide_as_it_is(guide: Path) -> None:
    """It knows no roles of Sphinx, and would print them: links are relative paths, options are literals."""
    assert re.findall(r":[a-z:]+:`[^`]+`", guide.read_text(encoding="utf-8")) == []


# Errors


def template(node: ast.AST) -> str:
    """A text in the code, with a gap for each value in it; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
    return ""


SOURCES = [path for folder in ("module_utils", "plugin_utils") for path in (ROOT / "plugins" / folder).rglob("*.py")]
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCES)]
TEXTS = sorted({text for tree in TREES for text in map(template, ast.walk(tree)) if text})


def name_of(node: ast.expr) -> str:
    """What a name ends in: `InvalidInput` for `errors.InvalidInput`."""
    return ast.unparse(node).rpartition(".")[2]


def error_classes() -> Set[str]:
    """The names of the one family of errors."""
    bases = {
        node.name: set(map(name_of, node.bases))
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    family = {"RolloutError"}
    while True:
        more = {name for name, parents in bases.items() if parents & family} - family
        if not more:
            return family
        family |= more


def raised() -> Set[str]:
    """The texts with which errors are made, where the text stands in the call."""
    family = error_classes()
    calls = [node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call for call in calls if name_of(call.func) in family]
    texts = {template(argument) for call in made for argument in call.args}
    return {text for text in texts if len(text.split()) >= 3}


def quoted() -> Set[str]:
    """The error texts on the page that it says are the collection's own."""
    page = ERRORS.read_text(encoding="utf-8").partition(OURS)[2]
    literals = {" ".join(literal.split()) for literal in LITERAL.findall(page)}
    sentences = {literal for literal in literals if re.match(f"[A-Z{GAP}]", literal) and len(literal.split()) > 3}
    terms = {literal for line in page.splitlines() if line.startswith("``") for literal in LITERAL.findall(line)}
    bullets = {
        literal
        for line in page.splitlines()
        if line.lstrip().startswith("* ``")
        for literal in LITERAL.findall(line.partition("``:")[0] + "``")
    }
    return sentences | terms | bullets


def says(text: str, quote: str) -> bool:
    """Whether a text of the code says what the page quotes of it."""
    parts = [re.escape(part.strip()) for part in quote.split(GAP)]
    return re.search(".*".join(parts), text) is not None


QUOTED = sorted(quoted())


@pytest.mark.parametrize("quote", QUOTED)
def test_quoted_error_is_in_the_code(quote: str) -> None:
    assert any(says(text, quote) for text in TEXTS)


@pytest.mark.parametrize("text", sorted(raised()))
def test_error_of_the_code_is_quoted(text: str) -> None:
    assert any(says(text, quote) for quote in QUOTED if len(quote.replace(GAP, "").split()) > 2)


def test_errors_are_found() -> None:
    assert len(QUOTED) > 80
    assert len(raised()) > 40

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to change the code of a file, as operators of cosmic-ray: some are its own, the others are made here.

What cannot change what the code does is left alone: docstrings, annotations, imports for type checking. So is the text
of f-strings: people read it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_and_test, mutate_code
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome
from parso.python.tree import Keyword

from tools.mutants import Mutant, added_lines

PROVIDER = "rollout"
"""What cosmic-ray knows the operators of this file by."""
OPPOSITES = {"==": "!=", "!=": "==", "in": "not in", "not in": "in", "is": "is not", "is not": "is"}
ORDERS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<")}
STRING = re.compile(r"""([a-z]*)('{3}|"{3}|'|")(.*)\2""", re.DOTALL | re.IGNORECASE)


class Replacement(Operator):
    """An operator that puts another text in the place of a node, or of one of its children."""

    EXAMPLES: tuple[tuple[str, str], ...] = ()
    """A code, and the first thing that becomes of it."""

    def replacements(self, node: Any) -> list[tuple[Any, str]]:
        """Return what can be replaced at this node, each with its new text."""
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        for old, _new in self.replacements(node):
            yield old.start_pos, old.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        old, text = self.replacements(node)[index]
        new = Keyword(text, old.start_pos, old.get_first_leaf().prefix)
        if old is node:
            return new
        node.children[node.children.index(old)] = new
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return tuple(Example(before, after) for before, after in cls.EXAMPLES)


class Comparison(Replacement):
    """Turns a comparison into its opposite, or moves its bound."""

    EXAMPLES = (("a == b", "a != b"), ("a not in b", "a in b"), ("0 < a", "0 <= a"))

    def replacements(self, node: Any) -> list[tuple[Any, str]]:
        if node.type != "comparison":
            return []
        found = []
        for sign in node.children[1::2]:
            text = " ".join(sign.get_code().split())
            found += [(sign, other) for other in ORDERS.get(text, (OPPOSITES.get(text, ""),))]
        return found


class Constant(Replacement):
    """Adds one to a number, empties a string or fills it, and turns a truth value around."""

    EXAMPLES = (("a = 1", "a = 2"), ("a = 'b'", "a = ''"), ("a = ''", "a = 'changed'"), ("a = True", "a = False"))

    def replacements(self, node: Any) -> list[tuple[Any, str]]:
        if node.type not in ("number", "string", "keyword") or is_without_effect(node):
            return []
        if node.type == "number":
            return [(node, str(ast.literal_eval(node.value) + 1))]
        match = STRING.fullmatch(node.value)
        if match:
            prefix, quotes, text = match.groups()
            return [(node, f"{prefix}{quotes}{'' if text else 'changed'}{quotes}")]
        return [(node, str(node.value != "True"))] if node.value in ("True", "False") else []


class Return(Replacement):
    """Returns None, or does not return where nothing is returned."""

    EXAMPLES = (
        ("def f():\n    return a", "def f():\n    return None"),
        ("def f():\n    return", "def f():\n    pass"),
        ("def f():\n    return None", "def f():\n    pass"),
    )

    def replacements(self, node: Any) -> list[tuple[Any, str]]:
        if node.type == "keyword" and node.value == "return" and node.parent.type != "return_stmt":
            return [(node, "pass")]
        if node.type != "return_stmt":
            return []
        value = node.children[1].get_code().strip()
        if value in ("True", "False"):  # Constant turns it around
            return []
        return [(node, "pass")] if value == "None" else [(node.children[1], "None")]


class Condition(Replacement):
    """Takes a condition for true, and for false."""

    EXAMPLES = (
        ("if a: pass", "if True: pass"),
        ("while a: pass", "while True: pass"),
        ("b if a else c", "b if True else c"),
        ("[b for b in c if a]", "[b for b in c if True]"),
    )

    def replacements(self, node: Any) -> list[tuple[Any, str]]:
        found = []
        if node.type in ("if_stmt", "while_stmt", "comp_if"):
            pairs = zip(node.children, node.children[1:])
            found = [right for left, right in pairs if left.type == "keyword" and left.value in ("if", "elif", "while")]
        elif node.type == "test":
            found = [node.children[2]]
        variable = [each for each in found if each.get_code().strip() not in ("True", "False", "TYPE_CHECKING")]
        return [(each, text) for each in variable for text in ("True", "False")]


def is_without_effect(node: Any) -> bool:
    """Whether a constant is a docstring, a type, or in an annotation."""
    whole = node.parent if node.parent.type == "strings" else node
    if whole.parent.type == "simple_stmt":
        return True
    if whole.parent.type == "arglist" and whole.parent.parent.get_code().startswith("("):
        name = whole.parent.parent.get_previous_sibling()
        if name is not None and name.get_code().strip() == "cast":
            return bool(whole.parent.children[0] is whole)
    return is_annotation(node)


def is_annotation(node: Any) -> bool:
    """Whether a node is in an annotation."""
    while node.parent is not None:
        before = node.get_previous_sibling()
        is_marked = before is not None and before.type == "operator" and before.value in (":", "->")
        if is_marked and node.parent.type in ("tfpdef", "annassign", "funcdef") and node.type != "suite":
            return True
        node = node.parent
    return False


OWN = {operator.__name__: operator for operator in (Comparison, Constant, Return, Condition)}
KINDS = {
    "comparison": (f"{PROVIDER}/Comparison",),
    "constant": (f"{PROVIDER}/Constant",),
    "return": (f"{PROVIDER}/Return",),
    "branch": (
        f"{PROVIDER}/Condition",
        "core/ReplaceAndWithOr",
        "core/ReplaceOrWithAnd",
        "core/ReplaceUnaryOperator_Delete_Not",
        "core/ReplaceBreakWithContinue",
        "core/ReplaceContinueWithBreak",
        "core/ZeroIterationForLoop",
        "core/ExceptionReplacer",
    ),
}
"""The kinds of changes, and the operators that make them."""


def register() -> None:
    """Make the operators of this file known to cosmic-ray. Raises ValueError if one does not do what it says."""
    plugins.OPERATOR_PROVIDERS[PROVIDER] = OWN
    for name, operator in OWN.items():
        for example in operator.examples():
            made = mutate_code(example.pre_mutation_code, operator(), 0)
            if made != example.post_mutation_code:
                raise ValueError(f"{name} makes {made!r} of {example.pre_mutation_code!r}")


def mutants_of(name: str, source: str) -> Iterator[Mutant]:
    """Return each change that can be made to a file's source."""
    nodes, lines = list(ast_nodes(get_ast(source))), source.splitlines()
    for kind, operators in KINDS.items():
        for operator in operators:
            positions_of = plugins.get_operator(operator)().mutation_positions
            starts = (start for node in nodes for start, _end in positions_of(node))
            for occurrence, (line, _column) in enumerate(starts):
                yield Mutant(name, kind, operator, occurrence, line, lines[line - 1].strip())


def is_caught(mutant: Mutant, path: Path, command: str, seconds: float) -> tuple[bool, str]:
    """Whether tests fail, or never end, with this change in a file; and the lines that it makes."""
    change = MutationSpec(path, mutant.operator, mutant.occurrence, (0, 0), (0, 1))
    result = mutate_and_test([change], command, seconds)
    if result.worker_outcome != WorkerOutcome.NORMAL or result.test_outcome == TestOutcome.INCOMPETENT:
        raise RuntimeError(f"{mutant} could not be tried: {result.output}")
    return result.test_outcome == TestOutcome.KILLED, added_lines(result.diff or "")

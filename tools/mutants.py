# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.mutants [NAME…]``: change the code, one thing at a time, and see whether its unit tests notice.

Of each file in ``_service`` and ``_rollout``, or of those named, a sample of changes is tried by cosmic-ray: each in a
copy of the checkout, against the tests of that file alone. A change is caught if a test fails, or does not end in time.
Fails if too few are caught. ``tools/mutations.py`` has the ways to change the code.
"""

from __future__ import annotations

import argparse
import compileall
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from typing import NamedTuple

from tools import house

FOLDERS = ("_service", "_rollout")
TESTS = Path("tests/unit/plugins/module_utils")
COPIED = ("plugins", "tests", "tools", "pyproject.toml")
SAMPLE = 45
WANTED = 0.9
"""The share of changes that the tests of a file must catch."""
SEED = "1"
AT_ONCE = 2
MEMORY = 2 * 2**30
"""Bytes that the tests may use: a change can make a loop endless."""
PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider", "--assert=plain")


class Mutant(NamedTuple):
    """One change of a file: the operator that makes it, and which of its changes it is; the line, and its text."""

    name: str
    kind: str
    operator: str
    occurrence: int
    line: int
    text: str


class Tried(NamedTuple):
    """What became of a mutant: whether tests caught it, and the lines that it made."""

    mutant: Mutant
    caught: bool
    made: str


def sources(only: Sequence[str]) -> dict[str, Path]:
    """Return the files to change by name, such as ``_service/plan``; with ``only``, those of these names or stems."""
    paths = (path for folder in FOLDERS for path in sorted((house.PLUGINS / "module_utils" / folder).glob("*.py")))
    found = {house.name_of(path): path.relative_to(house.ROOT) for path in paths if path.stem != "__init__"}
    return {name: path for name, path in found.items() if not only or {name, path.stem} & set(only)}


def tests_of(name: str) -> list[Path]:
    """Return the tests of a file: those at the mirrored path, and those beside them that belong to no other file."""
    folder, stem = TESTS / name.partition("/")[0], name.partition("/")[2]
    own = folder / f"test_{stem}.py"
    known = {house.name_of(path): path for path in house.PLUGINS.rglob("*.py")}
    others = []
    for path in sorted((house.ROOT / folder).glob("test_*.py")):
        is_nobodys = f"{folder.name}/{path.stem[len('test_') :]}" not in known
        if is_nobodys and name in house.imported(path, known):
            others.append(path.relative_to(house.ROOT))
    return [own, *others]


def sample(mutants: Iterable[Mutant], size: int, seed: str = SEED) -> list[Mutant]:
    """Choose as many of each kind as there are, as evenly as can be. Code that stays as it is keeps its mutants."""
    seen: dict[tuple[str, str], int] = {}
    by_kind: dict[str, list[tuple[str, Mutant]]] = {}
    for mutant in mutants:
        number = seen[mutant.operator, mutant.text] = seen.get((mutant.operator, mutant.text), 0) + 1
        lot = sha256(f"{seed}:{mutant.name}:{mutant.operator}:{mutant.text}:{number}".encode()).hexdigest()
        by_kind.setdefault(mutant.kind, []).append((lot, mutant))
    rounds = zip_longest(*map(sorted, by_kind.values()))
    return [drawn[1] for drawn in chain.from_iterable(rounds) if drawn is not None][:size]


def added_lines(diff: str) -> str:
    """Return the lines that a diff adds, on one line."""
    lines = [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return " ".join(lines)


def is_enough(caught: int, tried: int) -> bool:
    """Whether so many of the mutants that were tried had to be caught, or more."""
    return caught >= WANTED * tried


def report(name: str, tried: Sequence[Tried]) -> str:
    """Return the score of a file, and each change that its tests did not notice."""
    caught = sum(each.caught for each in tried)
    mark = "" if is_enough(caught, len(tried)) else f"  fewer than {WANTED:.0%}"
    left = sorted(each for each in tried if not each.caught)
    lines = [f"{name:24} {caught:3} of {len(tried):3} caught{mark}"]
    for mutant, _caught, made in left:
        lines += [f"  line {mutant.line}, {mutant.kind}: {mutant.text}", f"    -> {made}"]
    return "\n".join(lines)


def command(name: str) -> str:
    """Return the command that runs the tests of a file."""
    return shlex.join([sys.executable, *PYTEST, *map(str, tests_of(name))])


def copy_of_the_checkout(folder: Path) -> Path:
    """Copy what unit tests need into a new folder, and compile it, so that not each run of the tests has to."""
    copy = Path(tempfile.mkdtemp(dir=folder))
    for part in COPIED:
        source = house.ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / part)
    compileall.compile_dir(copy, quiet=2)
    return copy


def prepare(folder: Path) -> None:
    """Make this process one that tries mutants: at home in a copy of its own, with all that its tests leave behind."""
    from tools import mutations

    mutations.register()
    os.chdir(copy_of_the_checkout(folder))
    os.environ["TMPDIR"] = str(folder)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def seconds_of(tests: str) -> float:
    """Return how long the tests of a file take as it is, by their command. Raises RuntimeError if they fail."""
    began = time.monotonic()
    done = subprocess.run(shlex.split(tests), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"Tests fail without any change: {tests}\n{done.stdout}")
    return time.monotonic() - began


def attempt(mutant: Mutant, tests: str, seconds: float) -> Tried:
    """Try one mutant against the tests of this command, which may take so many seconds."""
    from tools import mutations

    path = Path("plugins/module_utils", f"{mutant.name}.py")
    caught, made = mutations.is_caught(mutant, path, tests, seconds)
    return Tried(mutant, caught, made)


def chosen(names: dict[str, Path], size: int, seed: str) -> dict[str, list[Mutant]]:
    """Return the mutants to be tried of each file."""
    from tools import mutations

    mutations.register()
    texts = {name: (house.ROOT / path).read_text(encoding="utf-8") for name, path in names.items()}
    return {name: sample(mutations.mutants_of(name, text), size, seed) for name, text in texts.items()}


def run(mutants: dict[str, list[Mutant]]) -> bool:
    """Try all of them, and print each file's score. Returns whether enough were caught in each file."""
    enough = True
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mutants-"))
        pool = stack.enter_context(ProcessPoolExecutor(AT_ONCE, initializer=prepare, initargs=(Path(folder),)))
        commands = list(map(command, mutants))
        limits = [20 + 5 * took for took in pool.map(seconds_of, commands)]
        for (name, own), tests, limit in zip(mutants.items(), commands, limits):
            tried = list(pool.map(partial(attempt, tests=tests, seconds=limit), own))
            print(report(name, tried), flush=True)
            enough &= is_enough(sum(each.caught for each in tried), len(tried))
    return enough


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of the files named, or of all."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file: writer, _service/plan (all)")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="mutants per file, at most (%(default)s)")
    parser.add_argument("--seed", default=SEED, help="another text makes another sample")
    options = parser.parse_args(arguments)
    names = sources(options.names)
    if not names:
        parser.error(f"no file under {' and '.join(FOLDERS)} has the name {' or '.join(options.names)}")
    return 0 if run(chosen(names, options.sample, options.seed)) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

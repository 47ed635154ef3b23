# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreters of this machine, and environments for them that are made once and then kept.

The environments are in ``$XDG_CACHE_HOME/swarmops-rollout/pythons`` and can be deleted at any time.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.swarm import packages, trees

MINORS = range(7, 14)
"""The minor versions of Python 3 that the collection promises to run on."""
PROBE = """
import sys
print("{}.{}.{}".format(*sys.version_info))
import ensurepip, venv
"""


class EnvironmentFailed(Exception):
    """An environment could not be made."""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine; ``version`` is its full version."""

    path: Path
    version: str


@cache
def found() -> dict[int, Interpreter]:
    """Return this machine's interpreters by minor version: pyenv's, then those on the path.

    One that can make environments comes before one that cannot, as Debian's cannot without ``python3-venv``.
    """
    able: dict[int, Interpreter] = {}
    unable: dict[int, Interpreter] = {}
    for path in _candidates():
        minor = int(path.name.rpartition(".")[2])
        if minor in able or minor not in MINORS:
            continue
        done = subprocess.run([str(path), "-c", PROBE], capture_output=True, text=True, check=False)
        if done.stdout:
            (unable if done.returncode else able)[minor] = Interpreter(path, done.stdout.strip())
    return dict(sorted({**unable, **able}.items()))


def _candidates() -> list[Path]:
    """Return whatever is called an interpreter; a shim of pyenv for one that is switched off is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "") or Path.home() / ".pyenv")
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    folders = [*sorted(pyenv.glob("versions/*/bin"), reverse=True), *on_path, Path("/usr/local/bin"), Path("/usr/bin")]
    return [
        path for folder in folders for path in folder.glob("python3.*") if re.fullmatch(r"python3\.[0-9]+", path.name)
    ]


def environment(interpreter: Interpreter, *requirements: str) -> Path:
    """Return the folder of the environment with these requirements, made now where it is not there yet.

    Raises :class:`EnvironmentFailed` with what pip said.
    """
    recipe = zlib.crc32(" ".join([str(interpreter.path), *requirements]).encode())
    folder = trees.cache().with_name("pythons") / f"{interpreter.version}-{recipe:08x}"
    python, done = folder / "bin" / "python", folder / "done"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with packages.alone(Path(f"{folder}.lock")):
        if not (done.exists() and python.exists()):
            shutil.rmtree(folder, ignore_errors=True)
            _run(str(interpreter.path), "-m", "venv", str(folder))
            _run(str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements)
            done.touch()
    return folder


def _run(*command: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise EnvironmentFailed(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}")

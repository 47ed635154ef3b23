# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other Debian releases, with their engine and their Python, as folders: made once by debootstrap, then kept.

They are in ``$XDG_CACHE_HOME/swarmops-rollout/trees``, 200 to 600 MB each, and can be deleted at any time.
:class:`Root` makes one of them the root of processes in a box.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

from . import _root, packages
from .box import Machine, environment, run

INCLUDED = ("docker.io", "iptables", "python3", "python3-requests-unixsocket")
"""What a tree holds on top of a minimal Debian: an engine, and what the collection needs of a managed host."""
ROOT = Path(_root.__file__)
START_TIMEOUT = 60.0
"""Seconds that the root of a box may take to be there."""


class TreeError(Exception):
    """A Debian tree could not be made or used."""


def cache() -> Path:
    """Return the folder where trees are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "swarmops-rollout" / "trees"


def ensure(suite: str, included: Sequence[str] = INCLUDED) -> Path:
    """Return the tree of a Debian release (``trixie``, say) with these packages, made now where it is not there yet.

    Raises :class:`TreeError` with debootstrap's words where that fails.
    """
    recipe = zlib.crc32(" ".join(included).encode())
    tree = cache() / f"{suite}-{recipe:08x}"
    tree.parent.mkdir(parents=True, exist_ok=True)
    with packages.alone(Path(f"{tree}.lock")):
        if not tree.exists():
            new = Path(f"{tree}.new")
            shutil.rmtree(new, ignore_errors=True)
            _make(suite, included, new)
            new.rename(tree)
    return tree


def _make(suite: str, included: Sequence[str], folder: Path) -> None:
    """Run debootstrap, in namespaces of its own: what it mounts and starts goes with it."""
    packages.ensure(packages.TREES)
    log = folder / "debootstrap" / "debootstrap.log"
    done = subprocess.run(
        [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
            *("debootstrap", "--variant=minbase", f"--include={','.join(included)}", suite, str(folder), *_mirror()),
        ],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        told = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        shutil.rmtree(folder, ignore_errors=True)
        last = "\n".join([*done.stdout.splitlines()[-5:], *told.splitlines()[-15:]])
        raise TreeError(f"debootstrap {suite} failed ({done.returncode}):\n{last}")
    for package in folder.glob("var/cache/apt/archives/*.deb"):
        package.unlink()


def _mirror() -> list[str]:
    """Return the mirror that this machine's apt takes Debian from; without one debootstrap has a default."""
    filters = ("Label: Debian", "Component: main", "Created-By: Packages")
    return run("apt-get", "indextargets", "--format", "$(REPO_URI)", *filters).split()[:1]


class Root:
    """A tree as the root of what is started in ``box`` with :meth:`command`; it ends with the box.

    Network, processes and the box's folder are those of the box; whatever is written elsewhere is lost.
    """

    def __init__(self, box: Machine, tree: Path) -> None:
        self.box = box
        self.tree = tree
        self.log = box.folder / "root.log"
        self._ready = box.folder / _root.READY
        self._keeper: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line, for the box to run, that runs ``arguments`` in the tree.

        The first call makes the root; raises :class:`TreeError` where the machine does not let it.
        """
        if not self._ready.exists():
            self._start()
        pid = self._ready.read_text(encoding="ascii")
        return ["nsenter", "--target", pid, "--mount", "--", *arguments]

    def ended(self) -> None:
        """Wait for the end of what keeps the root, after that of the box."""
        if self._keeper is not None:
            self._keeper.wait()
            self._keeper = None

    def _start(self) -> None:
        unshare = ("unshare", "--mount", "--propagation", "private")
        program = (sys.executable, "-I", str(ROOT), str(self.tree), str(self.box.folder))
        self._keeper = keeper = self.box.spawn(*unshare, *program, log=self.log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._ready.exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise TreeError(f"{self.tree} is no root here: {self.log.read_text(encoding='utf-8')}")
            time.sleep(0.02)

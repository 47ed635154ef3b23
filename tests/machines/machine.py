# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that has never seen the project: a minimal Debian with ``make``, in a folder and namespaces of its own."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from tests.swarm import packages, trees
from tests.swarm.box import capture, environment, run
from tests.swarm.collection import ROOT

INCLUDED = ("make", "ca-certificates")
"""What a machine has on top of a minimal Debian."""
ENTER = Path(__file__).with_name("enter.sh")
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
CHECKOUT = "/root/rollout"
LIMIT = 120
"""Seconds after which a command that should end at once counts as hanging."""
AUTHORITIES = Path("/usr/local/share/ca-certificates")
PIP_SETTINGS = ("cert", "index-url", "extra-index-url", "proxy", "trusted-host", "timeout")
"""How pip reaches its index. What names a file of this machine means nothing on another, but for ``cert``."""
APT_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::Check-")


class Machine:
    """A machine with a fresh clone of the checkout's last commit in ``/root/rollout``; leaving it leaves nothing.

    It is a copy of a tree that debootstrap makes once (see ``trees.py``), and reaches Debian's packages and PyPI as
    this machine does. Its network is this machine's.
    """

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.folder = trees.cache().with_name("machines") / f"{suite}-{os.getpid()}"

    def __enter__(self) -> Machine:
        packages.ensure(packages.TREES)
        tree = trees.ensure(self.suite, INCLUDED)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            run("cp", "--archive", str(tree), str(self.folder))
            self._connect()
            self._clone()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the machine's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command: str) -> int:
        """Run a command in the checkout as root, show what it prints, and return its exit status.

        That is another than 0 also where the command leaves something behind, which is named then.
        """
        with subprocess.Popen(self._command(command), env=environment(), stdin=subprocess.DEVNULL) as running:
            try:
                return running.wait()
            except BaseException:
                running.terminate()  # ends all that runs in the machine
                raise

    def told(self, command: str) -> tuple[int, str]:
        """Run a command as :meth:`run` does, and return its exit status and what it printed."""
        return capture(self._command(command), environment(), LIMIT)

    def _command(self, command: str) -> list[str]:
        return [*UNSHARE, "sh", str(ENTER), str(self.folder), "sh", "-c", f"cd {CHECKOUT} && {command}"]

    def _connect(self) -> None:
        """Give the machine what this one knows of the network."""
        etc = self.folder / "etc"
        shutil.copy("/etc/resolv.conf", etc / "resolv.conf")
        (etc / "apt/apt.conf.d/90network").write_text("".join(_apt_settings()), encoding="utf-8")
        (etc / "pip.conf").write_text("".join(["[global]\n", *_pip_settings()]), encoding="utf-8")
        if AUTHORITIES.is_dir():
            shutil.copytree(AUTHORITIES, f"{self.folder}{AUTHORITIES}", dirs_exist_ok=True)
            run("chroot", str(self.folder), "update-ca-certificates")

    def _clone(self) -> None:
        """Clone the checkout as its owner would, whoever that is."""
        (self.folder / "root").chmod(0o700)
        run("git", "-c", "safe.directory=*", "clone", "--quiet", str(ROOT), f"{self.folder}{CHECKOUT}")


def _apt_settings() -> Iterator[str]:
    for line in run("apt-config", "dump").splitlines(keepends=True):
        if line.startswith(APT_SETTINGS):
            yield line


def _pip_settings() -> Iterator[str]:
    settings = {}
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _equals, value = line.partition("=")
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    for name in PIP_SETTINGS:
        if name in settings and "file:" not in settings[name]:
            yield f"{name} = {settings[name]}\n"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where processes run: in a :class:`Box` with namespaces and a folder of its own, or plainly on the machine."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.util import Finalize
from pathlib import Path

from . import packages
from ._init import remove

PREFIX = "swarm-"
INIT = Path(__file__).with_name("_init.py")
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--propagation", "private")
LONGEST = 60
"""Characters of a folder's path: a unix socket below it must stay under 107."""


class BoxError(Exception):
    """A box could not be made, or a command in it failed."""


def new_folder() -> Path:
    """Make a fresh folder with a short path for sockets, data and logs."""
    base = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=base if len(base) < LONGEST else "/tmp"))


def keep_temporary_files_together() -> None:
    """Keep the temporary files of this process and its children in one folder, which goes when the process ends."""
    remove_stale()
    folder = new_folder()
    folder.chmod(0o711)  # a test may run something as another user
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # until this process ends
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    after_multiprocessing = -200  # which removes a folder of its own at -100
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=after_multiprocessing)


def interpreter_for_ansible(folder: Path, *command: str) -> Path:
    """Return a program in ``folder`` that runs ``command``, this Python unless another is given.

    The path of a checkout may have a space, which Ansible does not always quote.
    """
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command or (sys.executable,))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


def environment() -> dict[str, str]:
    """Return this process's environment with the system's folders on the path and no settings of an engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    return {**kept, "PATH": f"{os.environ.get('PATH', '')}:{packages.SBIN}"}


def run(*arguments: str, stdin: str | None = None) -> str:
    """Run a command and return what it printed; raises :class:`BoxError` with its output when it fails."""
    done = subprocess.run(arguments, input=stdin, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BoxError(f"{' '.join(arguments)} failed ({done.returncode}): {done.stderr or done.stdout}")
    return done.stdout


def capture(
    command: Sequence[str], settings: Mapping[str, str], limit: float, folder: Path | None = None
) -> tuple[int, str]:
    """Run a command to its end, ``limit`` seconds at most; return its exit status and what it printed, both outputs."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=limit,
    )
    return done.returncode, done.stdout


class Machine:
    """The machine's own namespaces, with a folder that is removed at the end.

    It stands in for a :class:`Box` where a test runs against an engine that somebody else started.
    """

    def __init__(self) -> None:
        self.folder = new_folder()
        atexit.register(self.close)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs ``arguments`` here."""
        return list(arguments)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command here as the function :func:`run` does on the machine."""
        return run(*self.command(*arguments), stdin=stdin)

    def spawn(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a long-running command here; its output is appended to ``log``."""
        with log.open("ab") as output:
            return subprocess.Popen(
                self.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment(), "TMPDIR": str(self.folder)},
                start_new_session=True,
            )

    def close(self) -> None:
        """Remove the folder."""
        atexit.unregister(self.close)
        shutil.rmtree(self.folder, ignore_errors=True)


class Box(Machine):
    """A box: its own network, mount and process namespaces, and a folder.

    Closing it ends every process inside and removes every mount, the network and the folder; so does the death of the
    process that opened it (see ``_init.py``).
    """

    def __init__(self) -> None:
        packages.ensure(packages.ENGINE)
        remove_stale()
        super().__init__()
        self._init = subprocess.Popen(
            [*UNSHARE, sys.executable, "-I", str(INIT), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            cwd="/",
            start_new_session=True,
        )
        assert self._init.stdout is not None
        line = self._init.stdout.readline().strip()
        if not line:
            self.close()
            raise BoxError("no namespaces of one's own here: unshare failed (is this root with CAP_SYS_ADMIN?)")
        self.pid = int(line)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs ``arguments`` in the box."""
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--", *arguments]

    def close(self) -> None:
        """End all that runs in the box and remove what it left; a second call does nothing."""
        atexit.unregister(self.close)
        for pipe in (self._init.stdin, self._init.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._init.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_stale() -> None:
    """Remove the folders of boxes, and of whole runs, whose first process was killed.

    Their lock is free, so nothing runs there.
    """
    base = Path(tempfile.gettempdir())
    for folder in (base, *([base.parent] if base.name.startswith(PREFIX) else [])):
        for lock in folder.glob(f"{PREFIX}*/lock"):
            with contextlib.suppress(OSError), lock.open("r+", encoding="ascii") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(lock.parent)

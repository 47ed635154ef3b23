# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of a :class:`~tests.swarm.box.Box`; run as a program, imports nothing of this package.

It is process 1 of a process namespace, reaps what is orphaned there, and waits for its standard input to end. That
happens when the box is closed and also when the process that opened it dies in whatever way. It then ends every
process of the namespace and removes the box's folder and control groups, so that nothing is ever left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE = 10.0
"""Seconds that killed processes may take to be gone."""


def mount(*arguments: str) -> None:
    """Mount, with the arguments of mount(8)."""
    subprocess.run(["mount", *arguments], check=True)


def private_folders(folder: Path) -> None:
    """Hide the folders that an engine writes to wherever its own folders are, and give it a resolver that says no.

    Nothing listens on port 53 of a fresh loopback, so a look-up fails at once instead of running into a time-out.
    """
    resolver = Path("/etc/resolv.conf").resolve()
    Path("/etc/docker").mkdir(exist_ok=True)
    for target in ("/run", "/etc/docker"):
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", target)
    fake = folder / "resolv.conf"
    fake.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii")
    if resolver.is_file():
        mount("--bind", str(fake), str(resolver))
    elif str(resolver).startswith("/run/"):
        resolver.parent.mkdir(parents=True)
        shutil.copy(fake, resolver)


def reap(*_signal: object) -> None:
    """Collect every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def others() -> list[int]:
    """Return the processes of this namespace that are still alive, without this one."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and entry != "1" and not _ended(entry)]


def _ended(pid: str) -> bool:
    try:
        stat = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in ("Z", "X")


def end_others() -> None:
    """Kill all other processes of the namespace and wait until they are gone."""
    deadline = time.monotonic() + GRACE
    while others() and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        time.sleep(0.01)
        reap()


def remove(folder: Path) -> None:
    """Unmount what is below ``folder`` and remove it, and the control groups that carry its name."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{folder}/")]
    for target in reversed(below):
        subprocess.run(["umount", "--lazy", target], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)
    for root in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*/")):
        for group, _folders, _files in os.walk(root / folder.name, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(group)


def main(folder: Path) -> None:
    """Set the namespaces up, print this process's number as seen from outside, and wait for the end."""
    outside = os.readlink("/proc/self")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(folder / "lock.new", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "lock.new").rename(folder / "lock")
        mount("-t", "proc", "proc", "/proc")
        private_folders(folder)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        signal.signal(signal.SIGCHLD, reap)
        print(outside, flush=True)
        sys.stdin.read()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        end_others()
        remove(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests need on the machine: Debian packages, installed only where a command is missing.

Installing ``docker.io`` on an ordinary Debian machine starts the system's own engine; :func:`ensure` prevents that,
so that nothing runs afterwards that did not run before.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMMANDS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "busybox": "busybox-static",
    "docker-registry": "docker-registry",
    "htpasswd": "apache2-utils",
}
"""Command to the Debian package that brings it."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's own switch: a script here that exits with 101 keeps packages from starting services."""

LOCK = Path("/run/swarm-test-packages.lock")
"""Keeps other processes waiting: apt's lists have a lock that does not wait, and there is one policy."""

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class PackagesError(Exception):
    """Something is missing on this machine and cannot be installed."""


def which(command: str) -> str | None:
    """Return the full path of ``command``, looking into the system folders too, or None."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:{SBIN}:/usr/bin:/bin")


def missing(commands: Mapping[str, str] | None = None) -> list[str]:
    """Return the packages, sorted, whose commands are not on this machine."""
    wanted = COMMANDS if commands is None else commands
    return sorted({package for command, package in wanted.items() if which(command) is None})


def ensure(commands: Mapping[str, str] | None = None) -> list[str]:
    """Install what is missing and return it; raises :class:`PackagesError` where that cannot be done.

    ``commands`` says which package brings which command.
    """
    packages = missing(commands)
    if os.geteuid() != 0:
        raise PackagesError("engines of one's own need root: run this as root (sudo)")
    if not packages:
        return []
    if which("apt-get") is None:
        raise PackagesError(f"missing and no apt-get to install it: {', '.join(packages)}")
    with alone(LOCK):
        packages = missing(commands)  # another process may have installed them meanwhile
        if packages:
            with _services_not_started():
                _apt_get("update")
                _apt_get("install", "--yes", "--no-install-recommends", *packages)
    if missing(commands):
        raise PackagesError(f"still missing after apt-get install: {', '.join(missing(commands))}")
    return packages


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock: one process or thread at a time makes what is kept."""
    with path.open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _apt_get(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(
        ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackagesError(f"apt-get {' '.join(arguments)} failed:\n{done.stdout}")


@contextmanager
def _services_not_started() -> Iterator[None]:
    """Put a policy in place by which no package starts a service; a policy that was there comes back unchanged."""
    kept = POLICY.with_name("policy-rc.d.kept-by-tests")
    before = POLICY.exists()
    if before:
        POLICY.rename(kept)
    try:
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if before:
            kept.rename(POLICY)

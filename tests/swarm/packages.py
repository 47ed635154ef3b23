# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests need on the machine: Debian packages, installed only where a command is missing.

A package such as ``docker.io`` starts its services, now and at each boot. :func:`ensure` prevents both, so that nothing
runs afterwards that did not run before. As a program it makes a machine ready before there is any package of Python's:
``python3 packages.py TARGET LOG``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ENGINE = {
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
"""Command to the Debian package that brings it: what engines and registries take."""
CLI = {"docker": "docker-cli|docker.io"}
"""Docker's command line is in a package of its own from Debian 13 on; the first that there is, is taken."""
SSH = {"sshd": "openssh-server", "ssh": "openssh-client"}
JAVA = {"java": "default-jre-headless"}
TREES = {"debootstrap": "debootstrap", "git": "git", "unshare": "util-linux", "mount": "mount"}
BROWSER = {"chromium": "chromium"}
TARGETS = {
    "demo": ENGINE,
    "swarm": {**ENGINE, **CLI},
    "test-eda": {**ENGINE, **CLI, **JAVA},
    "test-machines": TREES,
    "screenshots": BROWSER,
}
"""What a target of the Makefile takes; any other takes what the tests take."""
TESTS = {**ENGINE, **CLI, **SSH, "git": "git"}

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's own switch: a script here that exits with 101 keeps packages from starting services."""

HELPER_STATE = Path("/var/lib/systemd/deb-systemd-helper-enabled")

LOCK = Path("/run/swarm-test-packages.lock")
"""Keeps other processes of the tests waiting: there is one policy."""
APT_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock")
"""Held by whoever installs packages; apt waits for one of them only."""
PATIENCE = 300
"""Seconds for which another program may install packages before this gives up."""

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class PackagesError(Exception):
    """Something is missing on this machine and cannot be installed; ``output`` is what apt said, whole."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


def which(command: str) -> str | None:
    """Return the full path of ``command``, looking into the system folders too, or None."""
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:{SBIN}:/usr/bin:/bin")


def missing(commands: Mapping[str, str]) -> list[str]:
    """Return the packages, sorted, whose commands are not on this machine."""
    return sorted({package for command, package in commands.items() if which(command) is None})


def ensure(commands: Mapping[str, str]) -> list[str]:
    """Install what is missing and return it; raises :class:`PackagesError` where that cannot be done.

    ``commands`` says which package brings which command.
    """
    packages = missing(commands)
    if os.geteuid() != 0:
        raise PackagesError("engines of one's own need root: run this as root (sudo)")
    if not packages:
        return []
    if which("apt-get") is None:
        raise PackagesError(f"missing, and no apt-get to install it: {', '.join(packages)}")
    with alone(LOCK):
        packages = missing(commands)  # another process may have installed them meanwhile
        if packages:
            _install(packages)
    if missing(commands):
        raise PackagesError(f"still missing after apt-get install: {', '.join(missing(commands))}")
    return packages


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock: one process or thread at a time makes what is kept."""
    with path.open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(packages: list[str]) -> None:
    _await_apt()
    updated = _apt_get("update")
    chosen = [next(filter(_is_known, package.split("|")), package) for package in packages]
    _await_apt()
    with _services_not_started(), _services_not_enabled():
        installed = _apt_get("install", "--yes", "--no-install-recommends", *chosen)
    if installed.returncode:
        output = updated.stdout + installed.stdout
        said = re.findall(r"^[EW]: (.*)", output, re.MULTILINE) or ["it says nothing"]
        raise PackagesError(
            f"apt-get cannot install {', '.join(chosen)}: {said[0][:300]} Is there a network, and are "
            "/etc/apt/sources.list and what is in /etc/apt/sources.list.d right?",
            output,
        )


def _is_known(package: str) -> bool:
    """Whether this release of Debian has the package."""
    done = subprocess.run(["apt-cache", "policy", package], stdout=subprocess.PIPE, text=True, check=False)
    return "Candidate:" in done.stdout and "(none)" not in done.stdout.partition("Candidate:")[2].splitlines()[0]


def _apt_get(*arguments: str) -> subprocess.CompletedProcess[str]:
    options = ("-qq", "-o", f"DPkg::Lock::Timeout={PATIENCE}", "-o", "Acquire::Retries=1")
    return subprocess.run(
        ["apt-get", *options, *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _await_apt() -> None:
    """Wait while another program installs packages, and say so; raises :class:`PackagesError` in the end."""
    deadline = time.monotonic() + PATIENCE
    told = ""
    while holder := _holder():
        if time.monotonic() > deadline:
            raise PackagesError(f"{holder} has been installing packages for {PATIENCE} s. Try again when it has ended.")
        if holder != told:
            print(f"Waiting for {holder}, which installs packages, {PATIENCE} s at most.", file=sys.stderr, flush=True)
            told = holder
        time.sleep(0.5)


def _holder() -> str:
    """Return who holds one of apt's locks, as ``apt-get (process 123)``, or nothing."""
    inodes = {os.stat(path).st_ino for path in APT_LOCKS if os.path.exists(path)}
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        found = re.match(r"\d+: POSIX \s*ADVISORY \s*WRITE (\d+) \w+:\w+:(\d+) ", line)
        if found and int(found[2]) in inodes and int(found[1]) != os.getpid():
            try:
                name = Path("/proc", found[1], "comm").read_text(encoding="utf-8").strip()
            except OSError:
                name = "a program"
            return f"{name} (process {found[1]})"
    return ""


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


@contextmanager
def _services_not_enabled() -> Iterator[None]:
    """Disable what packages enable meanwhile, by Debian's own programs, so that it stays so when they are upgraded."""
    units, scripts = _enabled_units(), _enabled_scripts()
    try:
        yield
    finally:
        _run_quietly("deb-systemd-helper", "disable", *sorted(_enabled_units() - units))
        for script in sorted(_enabled_scripts() - scripts):
            _run_quietly("update-rc.d", script, "disable")


def _enabled_units() -> set[str]:
    """Return the units of systemd that packages have enabled, as Debian's packaging helper keeps them."""
    return {path.name[: -len(".dsh-also")] for path in HELPER_STATE.glob("*.dsh-also")}


def _enabled_scripts() -> set[str]:
    """Return what an init older than systemd starts at the next boot."""
    return {link.name[3:] for link in Path("/etc").glob("rc[2-5].d/S[0-9][0-9]*")}


def _run_quietly(command: str, *arguments: str) -> None:
    """Run a program of Debian's packaging, which asks to be called as a package does."""
    program = which(command)
    settings = {**os.environ, "DPKG_MAINTSCRIPT_PACKAGE": "docker.io"}
    if program and arguments[1:]:
        subprocess.run(
            [program, *arguments], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )


def main() -> int:
    """Make the machine ready for a target of the Makefile; what apt prints goes to the log."""
    target, log = sys.argv[1], Path(sys.argv[2])
    try:
        ensure(TARGETS.get(target, TESTS))
    except PackagesError as error:
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(error.output)
        print(
            f"make {target}: {error}" + (f" All that apt printed is in {log}." if error.output else ""), file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

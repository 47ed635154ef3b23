# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what is measured, and tells what the figures depend on: the machine, the versions, the commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from tests.swarm import Engine
from tests.swarm.collection import NAME, ROOT
from tools.demo import beside_python

FORMER = "1.0.0"
"""The version that waits are compared with."""
NO_FORMER = (
    f"Version {FORMER}, with which waits are compared, is taken from the history of git, and {ROOT} does not have it"
    " ({reason}). Clone the repository with its whole history, or run 'git fetch --unshallow'. Nothing was measured."
)


class BenchFailed(Exception):
    """A run did not do what it was to do, so that its time says nothing."""


@dataclass(frozen=True)
class Done:
    """A process that ended well: its seconds, the most memory it held (bytes), and what it printed."""

    seconds: float
    memory: int
    text: str


def timed(command: list[str], environment: Mapping[str, str], stdin: str = "", allowed: Collection[int] = (0,)) -> Done:
    """Run a command to its end; raises :class:`BenchFailed` with what it printed unless its status is allowed."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            running.stdin.write(stdin)
            running.stdin.close()
            text = running.stdout.read()
            _pid, status, usage = os.wait4(running.pid, 0)
        except BaseException:
            running.terminate()
            raise
        seconds = time.perf_counter() - began
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode not in allowed:
        raise BenchFailed(f"{' '.join(command)[:200]} failed ({running.returncode}):\n{text[-2000:]}")
    return Done(seconds, usage.ru_maxrss * 1024, text)


def git(*arguments: str, root: Path = ROOT) -> bytes:
    """Return what git says of a checkout; raises :class:`BenchFailed` with its words where it has none."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise BenchFailed("git is not installed") from None
    except subprocess.CalledProcessError as error:
        words = str(error.stderr, "utf-8", "replace").strip().splitlines()
        raise BenchFailed(words[0] if words else f"git ended with status {error.returncode}") from None


def former_collection(folder: Path, root: Path = ROOT) -> Path:
    """Put the former version's code into a folder, and return its path for Ansible's ``collections_path``.

    Raises :class:`BenchFailed` where the history does not have it.
    """
    try:
        releases = git("log", f"--grep=^Release {FORMER}", "--format=%H", root=root).decode().split()
        if not releases:
            raise BenchFailed("no commit of that release")
        packed = git("archive", releases[-1], "plugins", "meta", "galaxy.yml", root=root)
    except BenchFailed as error:
        raise BenchFailed(NO_FORMER.format(reason=error)) from None
    home = folder.joinpath("ansible_collections", *NAME)
    home.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(home)], input=packed, check=True)
    return folder


def commit() -> str:
    """Return the commit that is measured; empty where that is not known."""
    try:
        changed = git("status", "--porcelain", "--", "plugins").strip()
        return git("rev-parse", "--short", "HEAD").decode().strip() + (" and changes" if changed else "")
    except BenchFailed:
        return ""


def load() -> str:
    """Return the machine's load of the last 1, 5 and 15 minutes."""
    return " ".join(f"{each:.2f}" for each in os.getloadavg())


def machine(engine: Engine) -> dict[str, str]:
    """Return what the figures depend on."""
    versions = {name: version(name) for name in ("ansible-core", "ansible", "docker", "requests", "urllib3")}
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": f"{os.cpu_count()} x {processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"Linux {platform.release()}",
        "load": load(),
        "Docker Engine": str(engine.get("/version")["Version"]),
        "Docker CLI": engine.docker("--version").stdout.strip().removeprefix("Docker version "),
        "Python": platform.python_version(),
        **versions,
        "requests-unixsocket": version("requests-unixsocket"),
        "community.docker": peer_version(),
    }


def processor() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def peer_version() -> str:
    """Return the version of community.docker that the package ansible brought."""
    done = timed([str(beside_python("ansible-galaxy")), "collection", "list", "--format", "json"], os.environ)
    listed = json.loads(done.text[done.text.index("{") :])
    return next(str(found["community.docker"]["version"]) for found in listed.values() if "community.docker" in found)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server on this machine's loopback, with keys of its own, so that Ansible's usual connection can be tried."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from . import packages
from .box import environment, run

ANY_HOST_KEY = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""A folder that Debian's service makes before it starts the server."""
CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
PermitRootLogin yes
StrictModes no
UsePAM no
SetEnv HOME={folder} TMPDIR={folder}
"""
"""A home and a place for temporary files of its own: what is killed there leaves behind what it was about to write."""


class SSHServer:
    """Lets the user who runs this log in with a key; ``port`` stays the same when it is stopped and started again."""

    def __init__(self, folder: Path) -> None:
        packages.ensure(packages.SSH)
        self.folder = folder
        self.port = _free_port()
        self.key = folder / "user_key"
        self._process: subprocess.Popen[bytes] | None = None
        for key in (folder / "host_key", self.key):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        folder.joinpath("sshd_config").write_text(CONFIG.format(port=self.port, folder=folder), encoding="utf-8")

    def __enter__(self) -> SSHServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and return once a connection is taken."""
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        command = [str(packages.which("sshd")), "-D", "-e", "-f", str(self.folder / "sshd_config")]
        with self.folder.joinpath("sshd.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, stderr=log)
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise TimeoutError(self.folder.joinpath("sshd.log").read_text(encoding="utf-8"))

    def cut(self) -> int:
        """Kill all connections, and what they run; return how many there were."""
        children = _children(self._process.pid) if self._process else []
        for child in children:
            for process in (*_descendants(child), child):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        return len(children)

    def stop(self) -> None:
        """Take no more connections, and end those there are."""
        if self._process is not None:
            self.cut()
            self._process.kill()
            self._process.wait()
            self._process = None

    def inventory(self, *hosts: str, **variables: str) -> str:
        """Return an inventory in which these hosts are this server."""
        settings = {
            "ansible_host": "127.0.0.1",
            "ansible_port": str(self.port),
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"'{' '.join(ANY_HOST_KEY)}'",
            **variables,
        }
        told = " ".join(f"{name}={value}" for name, value in settings.items())
        return "".join(f"{host} {told}\n" for host in hosts)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _children(process: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _name, _parenthesis, rest = stat.read_text(encoding="utf-8").rpartition(")")
            if int(rest.split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


def _descendants(process: int) -> list[int]:
    """Return what a process started, and what that started, the youngest first."""
    return [known for child in _children(process) for known in (*_descendants(child), child)]

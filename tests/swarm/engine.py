# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker engines: :class:`Endpoint` is one that answers on a unix socket, :class:`Engine` one that is started here."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import requests
import requests_unixsocket

from . import packages, trees
from .box import Box, Machine, environment

ANSWER_TIMEOUT = 60.0
"""Seconds that one API call may take."""
START_TIMEOUT = 60.0
"""Seconds that an engine may take until it answers."""
DEBIAN_CLI = Path("/usr/bin/docker")


class EngineError(Exception):
    """An engine did not start, or did not do what a test needs as its ground."""


Started = TypeVar("Started", bound="Engine")


def eventually(check: Callable[[], bool], what: str, timeout: float = 30.0, every: float = 0.05) -> None:
    """Wait until ``check`` holds, ``timeout`` seconds at most; raises :class:`EngineError` naming ``what``."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise EngineError(f"not within {timeout:g} s: {what}")
        time.sleep(every)


class Endpoint:
    """An engine that somebody else started, reached by its unix socket.

    ``space`` is where its network is: registries for it run there.
    """

    def __init__(self, host: str, space: Machine | None = None) -> None:
        if not host.startswith("unix://"):
            raise EngineError(f"tests talk to an engine over its unix socket, not {host!r}")
        self.host = host
        self.socket = Path(host[len("unix://") :])
        self.space = Machine() if space is None else space
        self._version: str | None = None

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove what was made here; the engine itself keeps running."""
        self.space.close()

    @property
    def version(self) -> str:
        """The engine's own API version, from ``/_ping``."""
        if self._version is None:
            self._version = self._call("GET", "/_ping", timeout=5).headers["Api-Version"]
        return self._version

    def api(self, method: str, path: str, *, timeout: float = ANSWER_TIMEOUT, **options: Any) -> requests.Response:
        """Call the engine's API and return its answer, whatever the status.

        ``path`` comes without a version: the engine's own is put before it, save where it starts with one
        (``/v1.24/…``). ``options`` are those of requests: json, params, headers, data, stream. Each call has a
        connection of its own, so that it survives the engine's restarts and is safe in threads.
        """
        prefix = "" if path.startswith("/v1.") else f"/v{self.version}"
        return self._call(method, prefix + path, timeout=timeout, **options)

    def get(self, path: str, **params: Any) -> Any:
        """GET ``path`` and return the decoded answer; raises :class:`EngineError` for any other status than 200."""
        return self.checked("GET", path, params=params).json()

    def checked(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the API as :meth:`api` does; raises :class:`EngineError` with the engine's words unless it succeeds."""
        answer = self.api(method, path, **options)
        if not answer.ok:
            raise EngineError(f"{method} {path}: HTTP {answer.status_code}: {answer.text.strip()}")
        return answer

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        options["headers"] = {"Connection": "close", **(options.get("headers") or {})}
        self._knock()
        url = f"http+unix://{quote(str(self.socket), safe='')}{path}"
        session = requests_unixsocket.Session()
        session.trust_env = False
        try:
            answer: requests.Response = session.request(method, url, **options)
        except BaseException:
            session.close()
            raise
        if not options.get("stream"):
            session.close()
        return answer

    def _knock(self) -> None:
        """Raise :class:`requests.ConnectionError` where nobody listens; requests would leave its own socket open."""
        with socket.socket(socket.AF_UNIX) as bare:
            number = bare.connect_ex(str(self.socket))
        if number:
            raise requests.ConnectionError(f"{self.socket}: {os.strerror(number)}")

    @property
    def answers(self) -> bool:
        """Whether the engine answers a ping."""
        try:
            return self._call("GET", "/_ping", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    @property
    def node_id(self) -> str:
        """The node's ID in its swarm; empty outside a swarm."""
        return str(self.get("/info")["Swarm"]["NodeID"])

    @property
    def environment(self) -> Mapping[str, str]:
        """An environment for Docker's command line: this engine, and no configuration of the user's."""
        config = self.space.folder / "docker-config"
        config.mkdir(exist_ok=True)
        return {**environment(), "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(config)}

    def docker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Docker's command line against this engine; raises :class:`EngineError` on failure when ``check``."""
        packages.ensure(packages.CLI)
        program = str(DEBIAN_CLI) if DEBIAN_CLI.exists() else "docker"
        done = subprocess.run(
            [program, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise EngineError(f"docker {' '.join(arguments)} failed ({done.returncode}): {done.stderr.strip()}")
        return done


class Engine(Endpoint):
    """A private ``dockerd`` in a :class:`~tests.swarm.box.Box`, and a swarm of one manager unless ``swarm`` is false.

    Started on entering the context or by :meth:`start`; :meth:`stop` leaves nothing. ``options`` are further options
    of dockerd. ``suite`` is a Debian release whose engine it is, run in a tree of that release (see ``trees.py``);
    empty, it is the machine's own. ``machine`` is what the engine takes its machine for (``i686``, see setarch).
    """

    def __init__(self, *options: str, swarm: bool = True, suite: str = "", machine: str = "") -> None:
        tree = trees.ensure(suite) if suite else None
        self.box = Box()
        super().__init__(f"unix://{self.box.folder}/docker.sock", self.box)
        self.root = trees.Root(self.box, tree) if tree else None
        self.log = self.box.folder / "dockerd.log"
        self.options = options
        self.machine = machine
        self._swarm = swarm
        self._drivers: tuple[str, ...] = ("overlay2", "vfs")
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self: Started) -> Started:
        try:
            self.start()
            if self._swarm:
                self.init()
        except BaseException:
            self.stop()
            raise
        return self

    def start(self) -> None:
        """Start the daemon, also after :meth:`kill` on what it left, and wait until it answers."""
        self._pidfile.unlink(missing_ok=True)
        self._version = None
        if not self._data.exists():
            self._keep_state_in_memory()
        for driver in self._drivers:
            self._daemon = self.box.spawn(*self.inside(*self._command(driver)), log=self.log)
            if self._answered():
                self._drivers = (driver,)
                return
            self._end_daemon()
        raise EngineError(f"dockerd did not start; its last words:\n{self.tail()}")

    def inside(self, *arguments: str) -> list[str]:
        """Return the command line, for the box to run, that runs ``arguments`` with the files that the daemon sees."""
        return list(arguments) if self.root is None else self.root.command(*arguments)

    def init(self, address: str = "127.0.0.1") -> None:
        """Make this engine the first manager of a new swarm."""
        body = {"ListenAddr": f"{address}:2377", "AdvertiseAddr": address}
        self.checked("POST", "/swarm/init", json=body)

    def join(self, manager: Engine, address: str, role: str = "Manager") -> None:
        """Make this engine a node of ``manager``'s swarm; ``role`` is ``Manager`` or ``Worker``."""
        swarm, info = manager.get("/swarm"), manager.get("/info")
        body = {
            "ListenAddr": f"{address}:2377",
            "AdvertiseAddr": address,
            "RemoteAddrs": [f"{info['Swarm']['NodeAddr']}:2377"],
            "JoinToken": swarm["JoinTokens"][role],
        }
        self.checked("POST", "/swarm/join", json=body)

    def kill(self) -> None:
        """End the daemon at once, as a crash does; its containers keep running."""
        self._end_daemon()

    def stop(self) -> None:
        """End the daemon, its containers and whatever else runs in the box, and remove everything it wrote."""
        self.box.close()
        if self.root is not None:
            self.root.ended()
        if self._daemon is not None:
            self._daemon.wait()
            self._daemon = None

    def tail(self, lines: int = 15) -> str:
        """Return the end of the daemon's log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    @property
    def _data(self) -> Path:
        return self.box.folder / "data"

    def _keep_state_in_memory(self) -> None:
        """Leave the machine's disk out of how long a change takes: a swarm has each written through to it."""
        state = self.box.folder / "state"
        state.mkdir()
        self.box.run("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", str(state))
        self._data.mkdir()
        self._data.joinpath("swarm").symlink_to(state)  # the daemon mounts its folder over what is mounted below it

    @property
    def _pidfile(self) -> Path:
        return self.box.folder / "dockerd.pid"

    def _command(self, driver: str) -> list[str]:
        folder = self.box.folder
        config = folder / "daemon.json"
        config.write_text("{}", encoding="ascii")
        return [
            *(["setarch", self.machine] if self.machine else []),
            "dockerd",
            f"--host={self.host}",
            f"--config-file={config}",
            f"--data-root={self._data}",
            f"--exec-root={folder}/exec",
            f"--pidfile={self._pidfile}",
            f"--cgroup-parent=/{folder.name}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--storage-driver={driver}",
            *self.options,
        ]

    def _answered(self) -> bool:
        daemon = self._daemon
        deadline = time.monotonic() + START_TIMEOUT
        while daemon is not None and daemon.poll() is None and time.monotonic() < deadline:
            if self.answers:
                return True
            time.sleep(0.02)
        return False

    def _end_daemon(self) -> None:
        if self._daemon is None:
            return
        if self._daemon.poll() is None and self._pidfile.exists():
            pid = self._pidfile.read_text(encoding="ascii").strip()
            with contextlib.suppress(OSError):
                self.box.run("sh", "-c", f"kill -KILL {pid}")
        self._daemon.wait()
        self._daemon = None

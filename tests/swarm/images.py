# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small images for services that start, fail or end as a test wants; each is made in memory and loaded in one call.

They are Docker archives (what ``docker load`` reads), for ``docker import`` knows no STOPSIGNAL. All of them stop at
once: their stop signal is SIGKILL, since process 1 ignores a SIGTERM it has no handler for.
A task that names one (``whoami:0.7``) starts from the local image when no registry can be reached.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import packages
from .engine import Endpoint, EngineError

APPLETS = ("sh", "cat", "echo", "env", "false", "httpd", "ls", "nc", "sleep", "true", "wget")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}
HTTPD = ("/bin/httpd", "-f", "-p", "80", "-h", "/www")
SECOND = 1_000_000_000
"""Nanoseconds, the unit of durations in the Engine API."""


@dataclass(frozen=True)
class Image:
    """What an image runs: its command, its index page (for the web server) and its health check."""

    command: tuple[str, ...]
    page: str = ""
    health: tuple[str, ...] = ()

    def config(self) -> dict[str, Any]:
        """Return the ``config`` part of the image's JSON."""
        config: dict[str, Any] = {"Cmd": list(self.command), "Env": ["PATH=/bin"], "StopSignal": "SIGKILL"}
        if self.page:
            config["ExposedPorts"] = {"80/tcp": {}}
        if self.health:
            config["Healthcheck"] = {
                "Test": list(self.health),
                "Interval": SECOND // 5,
                "Timeout": SECOND,
                "Retries": 1,
            }
        return config


def _script(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


IMAGES = {
    **{f"whoami:{version}": Image(HTTPD, page=f"whoami {version}\n") for version in ("0.6", "0.7", "0.8")},
    "crash:1": Image(_script("echo 'crash: giving up at once' >&2; exit 1")),
    "fatal:1": Image(_script("echo 'FATAL: cannot connect to database db:5432' >&2; exit 3")),
    "unhealthy:1": Image(_script("exec sleep 1000000"), health=("CMD", "/bin/false")),
    "oneshot:1": Image(_script("sleep 1")),
    "failjob:1": Image(_script("echo 'failjob: no luck' >&2; exit 3")),
}
WHOAMI = ("whoami:0.6", "whoami:0.7", "whoami:0.8")


def load(engine: Endpoint, *names: str) -> None:
    """Load the named images (all when none is named) into an engine; raises :class:`EngineError` when it refuses."""
    headers = {"Content-Type": "application/x-tar"}
    answer = engine.checked(
        "POST", "/images/load", params={"quiet": "1"}, data=archive(names or tuple(IMAGES)), headers=headers
    )
    if '"error"' in answer.text:
        raise EngineError(f"the images {', '.join(names)} were refused: {answer.text}")


@cache
def archive(names: tuple[str, ...]) -> bytes:
    """Return a Docker archive of the named images."""
    files: dict[str, bytes] = {}
    manifest = []
    for name in names:
        image = IMAGES[name]
        layers = [_busybox()] + ([_tar({"www/index.html": image.page.encode()})] if image.page else [])
        digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
        files.update({f"{digest}/layer.tar": layer for digest, layer in zip(digests, layers)})
        config = _image_json(image, digests)
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        files[config_name] = config
        paths = [f"{digest}/layer.tar" for digest in digests]
        manifest.append({"Config": config_name, "RepoTags": [name], "Layers": paths})
    files["manifest.json"] = json.dumps(manifest).encode()
    return _tar(files)


def _image_json(image: Image, digests: list[str]) -> bytes:
    machine = platform.machine()
    described = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": image.config(),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tests.swarm"} for _digest in digests],
    }
    return json.dumps(described).encode()


@cache
def _busybox() -> bytes:
    """Return the layer that all images share: a static busybox and its applets."""
    program = packages.which("busybox")
    if program is None:
        raise EngineError("busybox is not installed")
    return _tar({"bin/busybox": Path(program).read_bytes()}, {f"bin/{applet}": "busybox" for applet in APPLETS})


def _tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """Return a tar of executable ``files`` and symbolic ``links``, the same bytes for the same input."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        for path, target in (links or {}).items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return buffer.getvalue()

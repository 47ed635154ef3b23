# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry (Debian's ``docker-registry``) in an engine's network: open, with a password, or with TLS."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from .box import BoxError
from .engine import Endpoint, EngineError
from .program import Program

REQUEST = Path(__file__).with_name("_request.py")
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "unknown/unknown")
"""What a multi-platform build pushes: three platforms, and the entry that holds its attestations."""

CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http:
  addr: "{address}"
"""
AUTH = """\
auth:
  htpasswd: {{realm: tests, path: {folder}/htpasswd}}
"""
TLS = """\
  tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}
"""


Kind = TypeVar("Kind", bound="Registry")


@dataclass(frozen=True)
class Answer:
    """A registry's answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    engine: Endpoint, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Answer:
    """Make one HTTP request from inside an engine's network; raises :class:`BoxError` where nothing answers."""
    encoded = base64.b64encode(body).decode()
    question = {"method": method, "url": url, "headers": dict(headers or {}), "body": encoded}
    printed = engine.space.run(sys.executable, "-I", "-S", str(REQUEST), stdin=json.dumps(question))
    answer = json.loads(printed)
    return Answer(answer["status"], answer["headers"], base64.b64decode(answer["body"]))


class Registry:
    """A registry beside ``engine``, which trusts it without TLS; private with a ``username`` and ``password``.

    With another ``host`` than the loopback, an address of the engine's, other nodes reach it too; their engines need
    the option ``--insecure-registry``.

    Started on entering the context or by :meth:`start`. :meth:`stop` ends the process and keeps the images, so that
    a test can take a registry away and bring it back; :meth:`close` removes them. ``settings`` are more of its
    configuration, as YAML.
    """

    tls: Path | None = None
    """The folder of a certificate and its key, for TLS."""
    _status = 200
    """The status of its answer to its own credentials."""

    def __init__(
        self,
        engine: Endpoint,
        *,
        port: int = 5000,
        username: str = "",
        password: str = "",
        host: str = "127.0.0.1",
        settings: str = "",
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.address = f"{host}:{port}"
        self.username, self.password = username, password
        self.folder = Path(tempfile.mkdtemp(prefix="registry-", dir=engine.space.folder))
        self.data = self.folder / "data"
        command = ("docker-registry", "serve", f"{self.folder}/config.yml")
        self._program = Program(engine, self.folder / "registry", *command, ready="")
        self._configure()

    def over(self: Kind, other: Registry) -> Kind:
        """Have it store its images where another one does, and return it."""
        self.data = other.data
        self._configure()
        return self

    def __enter__(self) -> Registry:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the registry and wait until it answers; raises :class:`EngineError` with its log when it does not."""
        self._program.start()
        self._program.expect(self._answers, "the registry answers", timeout=10)

    def stop(self) -> None:
        """End the process and keep what it stores."""
        with contextlib.suppress(BoxError):
            self._program.stop()

    def close(self) -> None:
        """End the process and remove what it stores."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def change_password(self, password: str) -> None:
        """Give the user another password; the registry takes it at once."""
        self.password = password
        self._write_password()

    @property
    def auth_header(self) -> str:
        """The value of ``X-Registry-Auth`` with which the engine's API is called."""
        credentials = {"username": self.username, "password": self.password, "serveraddress": self.address}
        return base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()

    def push(self, local: str, name_tag: str, *, engine: Endpoint | None = None) -> str:
        """Push an engine's image ``local`` as ``name_tag`` and return its digest; raises :class:`EngineError`.

        ``engine`` is the registry's own unless another one that shares its network is given.
        """
        source = engine or self.engine
        repository, _colon, tag = name_tag.rpartition(":")
        target = f"{self.address}/{repository}"
        source.checked("POST", f"/images/{local}/tag", params={"repo": target, "tag": tag})
        headers = {"X-Registry-Auth": self.auth_header}
        answer = source.checked("POST", f"/images/{target}/push", params={"tag": tag}, headers=headers)
        source.checked("DELETE", f"/images/{target}:{tag}", params={"noprune": "1"})
        steps = [json.loads(line) for line in answer.text.splitlines()]
        digests = [step["aux"]["Digest"] for step in steps if "Digest" in step.get("aux", {})]
        if not digests:
            raise EngineError(f"{local} was not pushed to {target}:{tag}: {answer.text}")
        return str(digests[0])

    def put_index(self, repository: str, tag: str, *, of: str, platforms: Sequence[str] = PLATFORMS) -> str:
        """Put a multi-platform index at ``tag``, over the image at tag ``of``, and return the index's digest.

        Each platform has a manifest of its own digest, which describes the same image.
        """
        image = json.loads(self._get_manifest(repository, of).body)
        entries = [self._put_entry(repository, image, indent, name) for indent, name in enumerate(platforms)]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        return self._put_manifest(repository, tag, json.dumps(index).encode(), INDEX)

    def put_oci(self, repository: str, tag: str, *, of: str) -> str:
        """Put the image at tag ``of`` at ``tag`` as a single OCI manifest, as BuildKit pushes it; return its digest.

        An engine names no platforms for it.
        """
        image = json.loads(self._get_manifest(repository, of).body)
        kind = f"{OCI}.manifest.v1+json"
        config = {**image["config"], "mediaType": f"{OCI}.config.v1+json"}
        layers = [{**layer, "mediaType": f"{OCI}.layer.v1.tar+gzip"} for layer in image["layers"]]
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}
        return self._put_manifest(repository, tag, json.dumps(manifest).encode(), kind)

    def put_image(self, repository: str, tag: str, *, of: str = "", created: str | None) -> str:
        """Put an image at ``tag`` that was created at some time, or (None) at an unknown one; return its digest.

        It is the image at tag ``of`` once more; without one, an image that holds nothing. It goes straight to the disk,
        which takes a hundredth of the time that requests take.
        """
        manifest = self._stored(repository, of) if of else self._nothing(repository)
        described = manifest["config"]
        config = json.loads(self._blob(described["digest"]).read_bytes())
        config.pop("created", None)
        config.update({} if created is None else {"created": created})
        described.update(self._store(repository, json.dumps(config).encode()))
        digest = str(self._store(repository, json.dumps(manifest).encode(), "_manifests/revisions")["digest"])
        hexadecimal = digest.partition(":")[2]
        for place in ("current", f"index/sha256/{hexadecimal}"):
            self._link(repository, f"_manifests/tags/{tag}/{place}", digest)
        return digest

    def link_tags(self, repository: str, tags: Iterable[str], *, of: str) -> None:
        """Give the image at tag ``of`` many more tags: they are folders on the disk."""
        for tag in tags:
            (self._folder(repository) / "_manifests/tags" / tag).symlink_to(of)

    def digest(self, repository: str, tag: str) -> str:
        """Return the digest that ``tag`` has now."""
        return self._get_manifest(repository, tag).headers["docker-content-digest"]

    def delete(self, repository: str, tag: str) -> None:
        """Delete the manifest at ``tag``."""
        self._checked("DELETE", f"/v2/{repository}/manifests/{self.digest(repository, tag)}")

    def request(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Make one request to the registry, with its credentials, from inside the engine's network."""
        sent = dict(headers or {})
        if self.username:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            sent["Authorization"] = f"Basic {pair}"
        scheme = "https" if self.tls else "http"
        return request(self.engine, method, f"{scheme}://{self.address}{path}", headers=sent, body=body)

    def _folder(self, repository: str) -> Path:
        return self.data / "docker/registry/v2/repositories" / repository

    def _blob(self, digest: str) -> Path:
        hexadecimal = digest.partition(":")[2]
        return self.data / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"

    def _stored(self, repository: str, tag: str) -> Any:
        """Return the manifest at a tag, from the disk."""
        link = self._folder(repository) / "_manifests/tags" / tag / "current/link"
        return json.loads(self._blob(link.read_text(encoding="ascii")).read_bytes())

    def _store(self, repository: str, content: bytes, folder: str = "_layers") -> dict[str, Any]:
        """Store a blob on the disk, and return its digest and size as a descriptor has them."""
        hexadecimal = hashlib.sha256(content).hexdigest()
        digest = f"sha256:{hexadecimal}"
        self._blob(digest).parent.mkdir(parents=True, exist_ok=True)
        self._blob(digest).write_bytes(content)
        self._link(repository, f"{folder}/sha256/{hexadecimal}", digest)
        return {"digest": digest, "size": len(content)}

    def _link(self, repository: str, place: str, digest: str) -> None:
        folder = self._folder(repository) / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link").write_text(digest, encoding="ascii")

    def _nothing(self, repository: str) -> dict[str, Any]:
        """Store what an image without a file is made of, and return its manifest."""
        archive = bytes(1024)
        rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}"]}
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": rootfs}).encode()
        layer = self._store(repository, gzip.compress(archive, mtime=0))
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG_TYPE, **self._store(repository, config)},
            "layers": [{"mediaType": LAYER_TYPE, **layer}],
        }

    def _put_entry(self, repository: str, image: Any, indent: int, platform: str) -> dict[str, Any]:
        """Store the image's manifest for one platform; the indentation is what makes its digest another one."""
        content = json.dumps(image, indent=indent).encode()
        digest = self._put_manifest(
            repository, f"sha256:{hashlib.sha256(content).hexdigest()}", content, image["mediaType"]
        )
        system, architecture, *variant = platform.split("/")
        described = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        entry = {"mediaType": image["mediaType"], "digest": digest, "size": len(content), "platform": described}
        if system == "unknown":
            entry["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
        return entry

    def _get_manifest(self, repository: str, reference: str) -> Answer:
        accepted = {"Accept": f"{MANIFEST}, {INDEX}"}
        return self._checked("GET", f"/v2/{repository}/manifests/{reference}", headers=accepted)

    def _put_manifest(self, repository: str, reference: str, content: bytes, kind: str) -> str:
        headers = {"Content-Type": kind}
        answer = self._checked("PUT", f"/v2/{repository}/manifests/{reference}", headers=headers, body=content)
        return answer.headers["docker-content-digest"]

    def _checked(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        answer = self.request(method, path, headers=headers, body=body)
        if answer.status >= 300:
            raise EngineError(
                f"registry: {method} {path}: HTTP {answer.status}: {answer.body.decode(errors='replace')}"
            )
        return answer

    def _answers(self) -> bool:
        with contextlib.suppress(BoxError):
            return self._program.runs and self.request("GET", "/v2/").status == self._status
        return False

    def _settings(self) -> str:
        """Return the configuration, without what it says of users."""
        text = CONFIG.format(data=self.data, address=self.address)
        return text + (TLS.format(folder=self.tls) if self.tls else "") + self.settings

    def _configure(self) -> None:
        text = self._settings()
        if self.username:
            text += AUTH.format(folder=self.folder)
            self._write_password()
        (self.folder / "config.yml").write_text(text, encoding="utf-8")

    def _write_password(self) -> None:
        hashed = self.engine.space.run("htpasswd", "-Bbn", self.username, self.password)
        (self.folder / "htpasswd").write_text(hashed, encoding="utf-8")


class SecureRegistry(Registry):
    """A registry that listens with TLS. ``tls`` is the folder of its certificate and its key."""

    def __init__(self, engine: Endpoint, *, tls: Path, **options: Any) -> None:
        self.tls = tls
        super().__init__(engine, **options)

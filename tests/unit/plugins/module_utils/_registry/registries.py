# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries in memory: one that answers by a table, and one that behaves as the large ones are documented to."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Union
from urllib.parse import parse_qs, urlsplit

from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.access import Access
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.repository import Repository
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import Answer, Question, Trust, Web
from tests.unit.plugins.module_utils.fakes import FakeClock

Reply = Union[Answer, Exception, Callable[[Question], Answer]]
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
CREATED = "2026-11-16T08:12:30.5Z"
CHECKED = Trust()
USERNAME, PASSWORD = "releaser", "tOp-5ecret"


def answer(content: Any = "", status: int = 200, **headers: str) -> Answer:
    """Make an answer; names of headers are written with underscores."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def digest(content: Any) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def basic(username: str = USERNAME, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class Table:
    """Sends nothing, and answers by the URL: always the same, or one after the other from a list."""

    def __init__(self, replies: Mapping[str, Union[Reply, List[Reply]]]) -> None:
        self.replies = dict(replies)
        self.questions: List[Question] = []

    def __call__(self, question: Question) -> Answer:
        self.questions.append(question)
        reply = self.replies[question.url]
        if isinstance(reply, list):
            reply = reply.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply(question) if callable(reply) else reply

    @property
    def urls(self) -> List[str]:
        return [question.url for question in self.questions]


def open_repository(
    send: Callable[[Question], Answer],
    name: str = "registry.example.com/shop/web",
    credential: Optional[Credential] = None,
    *,
    trust: Trust = CHECKED,
    is_local: bool = False,
    clock: Optional[FakeClock] = None,
) -> Repository:
    reference = Reference.parse(name)
    web = Web(send, clock or FakeClock(), 60, trust, is_local)
    return Repository(web, Access(web, reference.path, credential, trust.validate_certs), reference)


@dataclass
class Hosted:
    """A registry of some kind: where it is, how it wants to be asked, how it links its pages, where its blobs are.

    `link` is made with the path, the last tag and the number of tags of a page. A registry without a `realm` wants a
    password. A `storage` refuses requests with an authorization, as S3 does.
    """

    host: str
    path: str
    link: str
    realm: str = ""
    service: str = ""
    scope: str = ""
    storage: str = ""
    page: int = 2
    tags: List[str] = field(default_factory=lambda: ["1.9.0", "2.4.0", "2.4.1", "latest", "3.0.0"])
    questions: List[Question] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = {"created": CREATED, "architecture": "amd64", "os": "linux"}
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(config), "size": 2},
        }
        entry = {"mediaType": MANIFEST, "digest": digest(manifest)}
        attestation = {**entry, "digest": digest("none"), "platform": {"os": "unknown", "architecture": "unknown"}}
        amd64 = {**entry, "platform": {"os": "linux", "architecture": "amd64"}}
        self.index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [attestation, amd64]}
        self.documents = {digest(each): each for each in (config, manifest, self.index)}

    @property
    def challenge(self) -> str:
        if not self.realm:
            return f'Basic realm="https://{self.host}/",service="{self.service}"'
        return f'Bearer realm="{self.realm}",service="{self.service}",scope="{self.scope}"'

    @property
    def authorization(self) -> str:
        return f"Bearer token-of-{self.host}" if self.realm else basic()

    def __call__(self, question: Question) -> Answer:
        self.questions.append(question)
        parts = urlsplit(question.url)
        given = question.headers.get("Authorization", "")
        if self.realm and question.url.startswith(self.realm):
            return self._token(parse_qs(parts.query), given)
        if self.storage and parts.hostname == self.storage:
            return answer({}, 400) if given else answer(self.documents[f"sha256:{parts.path.rpartition('/')[2]}"])
        assert parts.hostname == self.host, question.url
        if given != self.authorization:
            error = {"code": "UNAUTHORIZED", "message": "authentication required", "detail": None}
            return answer({"errors": [error]}, 401, www_authenticate=self.challenge)
        return self._content(parts.path, parse_qs(parts.query))

    def _token(self, query: Dict[str, List[str]], given: str) -> Answer:
        assert query["service"] == [self.service]
        assert given in ("", basic())
        return answer({"token": f"token-of-{self.host}", "expires_in": 300})

    def _content(self, path: str, query: Dict[str, List[str]]) -> Answer:
        kind, _slash, last = path[len(f"/v2/{self.path}/") :].partition("/")
        if kind == "tags":
            behind = query.get("last") or query.get("next_page") or [""]
            start = self.tags.index(behind[0]) + 1 if behind[0] else 0
            tags = self.tags[start : start + self.page]
            more = start + self.page < len(self.tags)
            link = self.link.format(path=self.path, last=tags[-1], n=self.page)
            content = {"name": self.path, "tags": tags}
            return answer(content, link=link) if more else answer(content)
        if kind == "blobs" and self.storage:
            return answer("", 307, location=f"https://{self.storage}/{last.partition(':')[2]}?X-Amz-Signature=s3cret")
        found = self.index if last in self.tags else self.documents[last]
        return answer(found, docker_content_digest=digest(found))


PATHED = '</v2/{path}/tags/list?last={last}&n={n}>; rel="next"'
HOSTED: Dict[str, Callable[[], Hosted]] = {
    "hub": lambda: Hosted(
        "registry-1.docker.io",
        "library/nginx",
        PATHED,
        "https://auth.docker.io/token",
        "registry.docker.io",
        "repository:library/nginx:pull",
        "production.cloudflare.docker.com",
    ),
    "ghcr": lambda: Hosted(
        "ghcr.io",
        "example/web",
        PATHED,
        "https://ghcr.io/token",
        "ghcr.io",
        "repository:example/web:pull",
        "pkg-containers.githubusercontent.com",
    ),
    "ecr": lambda: Hosted(
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "shop/web",
        '<https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/{path}/tags/list?last={last}&n={n}>; rel="next"',
        service="ecr.amazonaws.com",
        storage="prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
    ),
    "public-ecr": lambda: Hosted(
        "public.ecr.aws", "nginx/nginx", PATHED, "https://public.ecr.aws/token/", "public.ecr.aws", "aws"
    ),
    "harbor": lambda: Hosted(
        "harbor.example.com",
        "library/web",
        PATHED,
        "https://harbor.example.com/service/token",
        "harbor-registry",
        "repository:library/web:pull",
    ),
    "gitlab": lambda: Hosted(
        "registry.gitlab.com",
        "example/shop/web",
        '<http://registry.gitlab.com/v2/{path}/tags/list?last={last}&n={n}>; rel="next"',
        "https://gitlab.com/jwt/auth",
        "container_registry",
        "repository:example/shop/web:pull",
        "cdn.registry.gitlab-static.net",
    ),
    "quay": lambda: Hosted(
        "quay.io",
        "coreos/etcd",
        '</v2/{path}/tags/list?next_page={last}&n={n}>; rel="next"',
        "https://quay.io/v2/auth",
        "quay.io",
        "repository:coreos/etcd:pull",
        "cdn01.quay.io",
    ),
}
"""Registries as their documents, and others' records of their answers, describe them."""
NAMES = {"hub": "nginx", "public-ecr": "public.ecr.aws/nginx/nginx"}


def name_of(kind: str, hosted: Hosted) -> str:
    """The repository as people write it."""
    return NAMES.get(kind, f"{hosted.host}/{hosted.path}")

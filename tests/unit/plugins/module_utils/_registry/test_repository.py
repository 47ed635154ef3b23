# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry import repository as tested
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.repository import PAGE, Image
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import (
    BROKEN,
    OVERDUE,
    UNTRUSTED,
    RegistryError,
    Trust,
    Unanswered,
)
from tests.unit.plugins.module_utils._registry.registries import (
    CONFIG,
    HOSTED,
    INDEX,
    MANIFEST,
    PASSWORD,
    USERNAME,
    Table,
    answer,
    basic,
    digest,
    name_of,
    open_repository,
)

BASE = "https://registry.example.com"
LIST = f"{BASE}/v2/shop/web/tags/list?n={PAGE}"
CREATED_AT = 1794816750.0  # 2026-11-16T08:12:30Z


@pytest.mark.parametrize("kind", sorted(HOSTED))
@pytest.mark.parametrize("is_known", [False, True], ids=["anonymous", "with-password"])
def test_the_large_registries(kind: str, is_known: bool) -> None:
    """Pages are followed to their end, and no authorization goes to where blobs are stored."""
    hosted = HOSTED[kind]()
    credential = Credential(hosted.host, USERNAME, PASSWORD) if is_known or not hosted.realm else None
    repository = open_repository(hosted, name_of(kind, hosted), credential)
    assert repository.tags() == hosted.tags
    assert repository.image("2.4.1") == Image(digest(hosted.index), CREATED_AT)
    tokens = [question for question in hosted.questions if hosted.realm and question.url.startswith(hosted.realm)]
    assert len(tokens) == (1 if hosted.realm else 0)
    assert all(question.headers.get("Authorization", "") == (basic() if is_known else "") for question in tokens)
    assert all(("scope=aws" if kind == "public-ecr" else "%3Apull") in question.url for question in tokens)


def test_a_registry_of_ones_own() -> None:
    table = Table({LIST: answer({"name": "shop/web", "tags": ["1.0", "1.1"]})})
    assert open_repository(table).tags() == ["1.0", "1.1"]
    assert table.urls == [LIST]


@pytest.mark.parametrize("tags", [None, []], ids=["null", "empty"])
def test_no_tags(tags: Optional[List[str]]) -> None:
    assert open_repository(Table({LIST: answer({"name": "shop/web", "tags": tags})})).tags() == []


def test_a_full_page_without_a_link_may_not_be_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "PAGE", 2)
    first = f"{BASE}/v2/shop/web/tags/list?n=2"
    table = Table(
        {
            first: answer({"tags": ["1.0", "1.1+"]}),
            f"{first}&last=1.1%2B": answer({"tags": ["1.2", "1.3"]}),
            f"{first}&last=1.3": answer({"tags": ["1.2", "1.3"]}),
        }
    )
    assert open_repository(table).tags() == ["1.0", "1.1+", "1.2", "1.3"]
    assert len(table.questions) == 3


def test_a_registry_that_knows_no_pages_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "PAGE", 2)
    table = Table({f"{BASE}/v2/shop/web/tags/list?n=2": answer({"tags": ["1.0", "1.1", "1.2"]})})
    assert open_repository(table).tags() == ["1.0", "1.1", "1.2"]


def linked(tags: List[str], target: str) -> Any:
    return answer({"tags": tags}, link=f'<{target}>; rel="next"')


def test_a_list_that_breaks_off_is_an_error() -> None:
    table = Table({LIST: linked(["1.0", "1.1"], "/2"), f"{BASE}/2": answer({}, 500)})
    with pytest.raises(RegistryError) as caught:
        open_repository(table).tags()
    assert "of registry.example.com/shop/web broke off after 2 tags, and a part of it is not used" in str(caught.value)
    assert "answered 500" in str(caught.value)


def test_pages_in_a_circle() -> None:
    table = Table({LIST: linked(["1.0"], "/2"), f"{BASE}/2": linked(["1.1"], LIST)})
    with pytest.raises(RegistryError, match="pages of tags have no end"):
        open_repository(table).tags()
    assert len(table.questions) == 2


class Endless(Table):
    """A registry whose every page links to another one."""

    def __init__(self, has_new: bool) -> None:
        super().__init__({})
        self.has_new = has_new

    def __call__(self, question: Any) -> Any:
        self.questions.append(question)
        count = len(self.questions)
        return linked([f"1.{count}" if self.has_new else "1.0"], f"/{count}")


def test_endless_pages_without_a_new_tag() -> None:
    table = Endless(has_new=False)
    with pytest.raises(RegistryError, match="pages of tags have no end"):
        open_repository(table).tags()
    assert len(table.questions) == tested.MOST_BARREN_PAGES + 2


def test_endless_pages_with_new_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "MOST_PAGES", 100)
    table = Endless(has_new=True)
    with pytest.raises(RegistryError, match="pages of tags have no end"):
        open_repository(table).tags()
    assert len(table.questions) == 100


def test_all_pages_together_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "LARGEST_LIST", 200)
    table = Endless(has_new=True)
    with pytest.raises(RegistryError, match="is larger than"):
        open_repository(table).tags()
    assert table.questions[0].most == 200
    assert len(table.questions) < 20


def test_a_link_to_another_host_is_not_followed() -> None:
    table = Table({LIST: linked(["1.0"], "https://evil.example.com/2?token=hunter2")})
    with pytest.raises(RegistryError) as caught:
        open_repository(table).tags()
    assert "The next page of tags is on another host, https://evil.example.com/2; it is not asked." in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "headers", "says"),
    [
        (b"<html>Welcome</html>", {"content_type": "text/html; charset=utf-8"}, "is no JSON object (text/html)."),
        (b"", {}, "is no JSON object (nothing that it names)."),
        (b"\x00\xff{{{", {}, "Is registry.example.com a registry?"),
        (b"[" * 100_000, {}, "is no JSON object"),
        (["1.0"], {}, "is no JSON object"),
        ({"tags": "1.0"}, {}, "is no list of tags."),
        ({"tags": [1.0]}, {}, "is no list of tags."),
    ],
)
def test_what_is_no_list(content: Any, headers: Any, says: str) -> None:
    with pytest.raises(RegistryError) as caught:
        open_repository(Table({LIST: answer(content, **headers)})).tags()
    assert says in str(caught.value)


def refused(code: str, message: str) -> Any:
    return {"errors": [{"code": code, "message": message}]}


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "NAME_UNKNOWN", "has no repository registry.example.com/shop/web (404: NAME_UNKNOWN no such thing)."),
        (403, "DENIED", "does not let registry.example.com/shop/web be read (403: DENIED no such thing). It was asked"),
        (401, "UNAUTHORIZED", "(401: UNAUTHORIZED no such thing). It was asked without credentials: give"),
        (500, "UNKNOWN", f"answered 500: UNKNOWN no such thing, to {BASE}/v2/shop/web/tags/list."),
    ],
)
def test_refusals(status: int, code: str, says: str) -> None:
    with pytest.raises(RegistryError) as caught:
        open_repository(Table({LIST: answer(refused(code, "no such thing"), status)})).tags()
    assert says in str(caught.value)


def test_a_refusal_with_credentials_repeats_none() -> None:
    parrot = answer(refused("UNAUTHORIZED", f"{USERNAME} {PASSWORD} {basic()}"), 401, www_authenticate="Basic realm=x")
    with pytest.raises(RegistryError) as caught:
        open_repository(Table({LIST: parrot}), credential=Credential("", USERNAME, PASSWORD)).tags()
    assert "It was asked with credentials: are they right" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert basic().split()[1] not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Unanswered(UNTRUSTED, "self-signed certificate"), "is not trusted: self-signed certificate. Set ca_path"),
        (Unanswered(OVERDUE, "timed out"), "returned no complete answer in time"),
        (Unanswered(BROKEN, "Connection refused"), "cannot be reached, or breaks off: Connection refused."),
    ],
)
def test_silence(error: Unanswered, says: str) -> None:
    with pytest.raises(RegistryError) as caught:
        open_repository(Table({LIST: error})).tags()
    assert f"The registry registry.example.com {says}" in str(caught.value)


PING, PLAIN = f"{BASE}/v2/", "http://registry.example.com"


@pytest.mark.parametrize("kind", [BROKEN, OVERDUE])
@pytest.mark.parametrize(("trust", "is_local"), [(Trust(validate_certs=False), False), (Trust(), True)])
def test_a_registry_that_may_speak_plainly(kind: str, trust: Trust, is_local: bool) -> None:
    plain = LIST.replace(BASE, PLAIN)
    table = Table({PING: Unanswered(kind, ""), plain: answer({"tags": ["1.0"]})})
    assert open_repository(table, trust=trust, is_local=is_local).tags() == ["1.0"]
    assert table.urls == [PING, plain]
    assert table.questions[0].seconds == tested.SHORT_LIMIT


def test_a_registry_that_may_speak_plainly_and_does_not() -> None:
    table = Table({PING: answer({}, 401), LIST: answer({"tags": ["1.0"]})})
    assert open_repository(table, is_local=True).tags() == ["1.0"]


def test_a_certificate_that_is_not_trusted_is_no_reason_to_speak_plainly() -> None:
    with pytest.raises(RegistryError, match="is not trusted"):
        open_repository(Table({PING: Unanswered(UNTRUSTED, "expired")}), is_local=True).tags()


def test_a_registry_elsewhere_is_never_asked_plainly() -> None:
    table = Table({LIST: Unanswered(BROKEN, "wrong version number")})
    with pytest.raises(RegistryError, match="cannot be reached"):
        open_repository(table).tags()
    assert table.urls == [LIST]


# Images

TAG = f"{BASE}/v2/shop/web/manifests/1.0"
CONFIGURED = {"created": "2026-11-16T08:12:30Z"}
SINGLE = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, "digest": digest(CONFIGURED)}}
BLOB = f"{BASE}/v2/shop/web/blobs/{digest(CONFIGURED)}"


def test_an_image_for_one_platform() -> None:
    table = Table({TAG: answer(SINGLE), BLOB: answer(CONFIGURED)})
    assert open_repository(table).image("1.0") == Image(digest(SINGLE), CREATED_AT)
    assert INDEX in table.questions[0].headers["Accept"]


def test_no_image() -> None:
    assert open_repository(Table({TAG: answer(refused("MANIFEST_UNKNOWN", ""), 404)})).image("1.0") is None


@pytest.mark.parametrize(
    "manifest",
    [
        {"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}},
        {"schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": "sha256:../../other"}},
        {"schemaVersion": 2, "manifests": []},
        {"schemaVersion": 2, "manifests": "none"},
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": 7},
        {"schemaVersion": 2, "manifests": [None, {"digest": 7}, {"digest": digest(""), "platform": {"os": "unknown"}}]},
        {},
    ],
    ids=["chart", "not-a-digest", "empty-index", "no-index", "wrong-index", "index-of-nothing", "nothing"],
)
def test_an_image_whose_age_is_not_known(manifest: Any) -> None:
    assert open_repository(Table({TAG: answer(manifest)})).image("1.0") == Image(digest(manifest))


def test_the_first_form_of_manifests_has_a_digest_of_its_own() -> None:
    told = digest("without the signatures")
    reply = answer({"schemaVersion": 1, "signatures": []}, docker_content_digest=told)
    assert open_repository(Table({TAG: reply})).image("1.0") == Image(told)


INDEXED = {"schemaVersion": 2, "manifests": [{"digest": digest(SINGLE), "platform": {"os": "linux"}}]}
INNER = f"{BASE}/v2/shop/web/manifests/{digest(SINGLE)}"


@pytest.mark.parametrize(
    "replies",
    [
        {TAG: answer(SINGLE, docker_content_digest=digest("other"))},
        {TAG: answer(SINGLE), BLOB: answer({"created": "2020-01-01T00:00:00Z"})},
        {TAG: answer(INDEXED), INNER: answer({**SINGLE, "schemaVersion": 1})},
    ],
    ids=["manifest", "config", "manifest-of-a-platform"],
)
def test_what_has_another_digest_is_not_used(replies: Any) -> None:
    with pytest.raises(RegistryError, match="does not have the digest"):
        open_repository(Table(replies)).image("1.0")


def test_a_blob_that_is_refused() -> None:
    with pytest.raises(RegistryError, match="answered 410"):
        open_repository(Table({TAG: answer(SINGLE), BLOB: answer({}, 410)})).image("1.0")

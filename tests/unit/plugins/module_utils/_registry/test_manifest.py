# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import (
    checked_digest,
    config_of,
    created_at,
    error_text,
    image_of_index,
    is_index,
    written,
)

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-16T08:12:30Z", "2026-11-16T08:12:30Z"),
        ("2026-11-16T08:12:30.123456789Z", "2026-11-16T08:12:30Z"),
        ("2026-11-16T10:12:30+02:00", "2026-11-16T08:12:30Z"),
        ("2026-11-16T00:12:30-0800", "2026-11-16T08:12:30Z"),
        ("2026-11-16 08:12:30z", "2026-11-16T08:12:30Z"),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:01Z", None),
        ("1980-01-01T00:00:01Z", None),
        ("2013-02-28T23:59:59Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-16T08:12:30", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1794816750, None),
    ],
)
def test_when_an_image_was_created(text: Any, expected: Optional[str]) -> None:
    moment = created_at({"created": text})
    assert (None if moment is None else written(moment)) == expected


def entry(digest: Any, system: Any = "linux", architecture: Any = "amd64") -> Any:
    return {"digest": digest, "platform": {"os": system, "architecture": architecture}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry(A, architecture="arm64"), entry(B), entry(C)], B),
        ([entry(A, "windows"), entry(B, architecture="arm64")], A),
        ([entry(A, "unknown", "unknown"), entry(B, architecture="s390x")], B),
        ([{"digest": A}], A),
        ([entry(A, "unknown", "unknown")], None),
        ([entry("latest"), entry(None), None, "x", {"platform": 7}], None),
        ([], None),
        (None, None),
        (7, None),
    ],
)
def test_the_image_that_stands_for_an_index(entries: Any, expected: Optional[str]) -> None:
    assert image_of_index({"manifests": entries}) == expected


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({"mediaType": "application/vnd.oci.image.index.v1+json"}, True),
        ({"mediaType": "application/vnd.docker.distribution.manifest.list.v2+json"}, True),
        ({"manifests": []}, True),
        ({"mediaType": "application/vnd.oci.image.manifest.v1+json"}, False),
        ({}, False),
    ],
)
def test_what_is_an_index(manifest: Any, expected: bool) -> None:
    assert is_index(manifest) is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"mediaType": "application/vnd.docker.container.image.v1+json", "digest": A}, A),
        ({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": A}, A),
        ({"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": A}, None),
        ({"mediaType": "application/vnd.oci.empty.v1+json", "digest": A}, None),
        ({"digest": A}, None),
        ("x", None),
        (None, None),
    ],
)
def test_the_config(config: Any, expected: Optional[str]) -> None:
    assert config_of({"config": config}) == expected


@pytest.mark.parametrize("digest", ["", A[:-1], f"{A}0", A.upper(), "sha256:../x", "md5:" + "a" * 32, 7, None])
def test_what_is_no_digest(digest: Any) -> None:
    assert checked_digest({"digest": digest}) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"errors":[{"code":"DENIED","message":"no"},{"code":"OTHER"}]}', "DENIED no"),
        (b'{"errors":[{"message":"no"}]}', "no"),
        (b'{"errors":[{"code":1}]}', "1"),
        (b'{"errors":["no"]}', ""),
        (b'{"errors":{}}', ""),
        (b'{"errors":[]}', ""),
        (b"[]", ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_what_an_error_says(body: bytes, expected: str) -> None:
    assert error_text(body) == expected

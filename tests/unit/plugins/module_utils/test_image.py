# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth is github.com/distribution/reference: regexp.go, reference.go, normalize.go."""

from __future__ import annotations

import string
from typing import List, Optional

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._image import (
    InvalidReference,
    Reference,
    brief,
    short,
    told_apart,
)

HEX = "0123456789abcdef" * 4
A = f"sha256:{HEX}"
B = f"sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("nginx", "docker.io/library/nginx", "nginx"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        ("library/nginx", "docker.io/library/nginx", "nginx"),
        ("docker.io/nginx", "docker.io/library/nginx", "nginx"),
        ("index.docker.io/nginx", "docker.io/library/nginx", "nginx"),
        ("index.docker.io/team/app:1", "docker.io/team/app:1", "team/app:1"),
        ("library/team/app", "docker.io/library/team/app", "library/team/app"),
        ("library/library/app", "docker.io/library/library/app", "library/library/app"),
        ("other/library", "docker.io/other/library", "other/library"),
        ("localhost", "docker.io/library/localhost", "localhost"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:5050", "localhost:5000/app:5050", "localhost:5000/app:5050"),
        ("host:5000", "docker.io/library/host:5000", "host:5000"),
        ("host:5000/app", "host:5000/app", "host:5000/app"),
        ("host:1/2", "host:1/2", "host:1/2"),
        ("127.0.0.1", "docker.io/library/127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:5000/team/app", "127.0.0.1:5000/team/app", "127.0.0.1:5000/team/app"),
        ("[::1]/app", "[::1]/app", "[::1]/app"),
        ("[2001:DB8::1]:5000/app:1", "[2001:DB8::1]:5000/app:1", "[2001:DB8::1]:5000/app:1"),
        ("Docker/app", "Docker/app", "Docker/app"),
        ("Docker.io/app", "Docker.io/app", "Docker.io/app"),
        ("registry.example.com/a/b/c", "registry.example.com/a/b/c", "registry.example.com/a/b/c"),
        ("my_host/app", "docker.io/my_host/app", "my_host/app"),
        ("a.b__c---d", "docker.io/library/a.b__c---d", "a.b__c---d"),
        ("nginx:_A.b-9", "docker.io/library/nginx:_A.b-9", "nginx:_A.b-9"),
        (f"nginx@{A}", f"docker.io/library/nginx@{A}", f"nginx@{A}"),
        (f"nginx:1@{A}", f"docker.io/library/nginx:1@{A}", f"nginx:1@{A}"),
        (f"nginx@sha384:{'c' * 96}", f"docker.io/library/nginx@sha384:{'c' * 96}", f"nginx@sha384:{'c' * 96}"),
        (f"nginx@sha512:{'c' * 128}", f"docker.io/library/nginx@sha512:{'c' * 128}", f"nginx@sha512:{'c' * 128}"),
        (HEX[:63], f"docker.io/library/{HEX[:63]}", HEX[:63]),
        (f"{HEX}:tag", f"docker.io/library/{HEX}:tag", f"{HEX}:tag"),
        # What the short spelling would make another repository, or an ID, keeps its domain.
        (f"docker.io/{HEX}", f"docker.io/library/{HEX}", f"docker.io/library/{HEX}"),
        ("docker.io/foo.com/app", "docker.io/foo.com/app", "docker.io/foo.com/app"),
        ("docker.io/localhost/app", "docker.io/localhost/app", "docker.io/localhost/app"),
        ("docker.io/docker.io/app", "docker.io/docker.io/app", "docker.io/docker.io/app"),
    ],
)
def test_valid_references_have_a_canonical_and_a_familiar_form(text: str, canonical: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert (reference.canonical, reference.familiar) == (canonical, familiar)
    assert Reference.parse(canonical) == reference
    assert Reference.parse(familiar) == reference


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("docker.io", "library/nginx", None, None)),
        (f"host:5000/a/b:1@{A}", ("host:5000", "a/b", "1", A)),
        (f"[::1]:5000/a@{A}", ("[::1]:5000", "a", None, A)),
    ],
)
def test_the_parts(text: str, parts: tuple[str, str, Optional[str], Optional[str]]) -> None:
    assert Reference.parse(text) == Reference(*parts)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        pytest.param("a" * 247, True, id="library-and-247"),
        pytest.param("a" * 248, False, id="library-and-248"),
        pytest.param("host:5000/" + "a" * 255, True, id="path-255-without-the-host"),
        pytest.param("host:5000/" + "a" * 256, False, id="path-256"),
        pytest.param("a/" * 127 + "a:tag-beyond-255", True, id="tag-not-counted"),
        pytest.param("nginx:" + "t" * 128, True, id="tag-128"),
        pytest.param("nginx:" + "t" * 129, False, id="tag-129"),
    ],
)
def test_lengths(text: str, valid: bool) -> None:
    assert bool(fault(text)) is not valid


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param(" ", "it is empty", id="blank"),
        pytest.param(" nginx", "may hold lower-case", id="leading-space"),
        pytest.param("nginx ", "may hold lower-case", id="trailing-space"),
        pytest.param("nginx\n", "may hold lower-case", id="trailing-newline"),
        pytest.param("nginx:1\n", "the tag '1'", id="trailing-newline-tag"),
        pytest.param(f"nginx@{A}\n", "64 lower-case", id="trailing-newline-digest"),
        pytest.param(HEX, "64 hexadecimal characters are an image's ID, which other nodes do not know", id="64-hex"),
        pytest.param(A, "64 hexadecimal characters are an image's ID, which other nodes do not know", id="image-id"),
        pytest.param("Nginx", "lower case", id="upper"),
        pytest.param("team/Nginx", "lower case", id="upper-path"),
        pytest.param("host:5000/Team/app", "lower case", id="upper-path-with-host"),
        pytest.param("a//b", "between two slashes", id="empty-part"),
        pytest.param("a/", "between two slashes", id="trailing-slash"),
        pytest.param("docker.io/", "repository is empty", id="domain-only"),
        pytest.param("/a", "between two slashes", id="leading-slash"),
        pytest.param(":tag", "repository is empty", id="tag-only"),
        pytest.param("nginx:", "tag after the colon is empty", id="empty-tag"),
        pytest.param("nginx:-x", "the tag '-x'", id="tag-begins-with-dash"),
        pytest.param("nginx:.x", "the tag '.x'", id="tag-begins-with-dot"),
        pytest.param("nginx:1:2", "the tag '1:2'", id="two-tags"),
        pytest.param("nginx:a+b", "the tag 'a+b'", id="tag-with-plus"),
        pytest.param("nginx:\u0661", "the tag", id="unicode-digit-tag"),
        pytest.param("nginx\u0661", "may hold lower-case", id="unicode-digit"),
        pytest.param("caf\u00e9", "may hold lower-case", id="unicode-letter"),
        pytest.param("host:\u0665/app", "host name", id="unicode-digit-port"),
        pytest.param("a@", "names no known algorithm", id="empty-digest"),
        pytest.param(f"@{A}", "repository is empty", id="digest-only"),
        pytest.param(f"nginx@{A}@{A}", "64 lower-case", id="two-digests"),
        pytest.param(f"nginx@{A}:1", "64 lower-case", id="tag-after-digest"),
        pytest.param(f"nginx@{A[:-1]}", "64 lower-case", id="sha256-short"),
        pytest.param(f"nginx@{A}0", "64 lower-case", id="sha256-long"),
        pytest.param(f"nginx@sha384:{'c' * 64}", "96 lower-case", id="sha384-short"),
        pytest.param(f"nginx@sha512:{'c' * 96}", "128 lower-case", id="sha512-short"),
        pytest.param(f"nginx@sha256:{HEX.upper()}", "64 lower-case", id="upper-digest"),
        pytest.param(f"nginx@SHA256:{HEX}", "no known algorithm", id="upper-algorithm"),
        pytest.param(f"nginx@md5:{'c' * 32}", "no known algorithm", id="md5"),
        pytest.param(f"nginx@{HEX}", "no known algorithm", id="digest-without-algorithm"),
        pytest.param("-nginx", "may hold lower-case", id="begins-with-dash"),
        pytest.param("nginx-", "may hold lower-case", id="ends-with-dash"),
        pytest.param("a..b", "may hold lower-case", id="two-dots"),
        pytest.param("a_.b", "may hold lower-case", id="underscore-dot"),
        pytest.param("a___b", "may hold lower-case", id="three-underscores"),
        pytest.param("_a/b", "may hold lower-case", id="begins-with-underscore"),
        pytest.param("https://host/app", "host name", id="scheme"),
        pytest.param("user:pw@host/app", "no known algorithm", id="user-and-password"),
        pytest.param("host:/app", "host name", id="empty-port"),
        pytest.param("host:port/app", "host name", id="port-in-letters"),
        pytest.param("-host.com/app", "host name", id="host-begins-with-dash"),
        pytest.param("host-.com/app", "host name", id="host-label-ends-with-dash"),
        pytest.param("my_host.com/app", "host name", id="host-with-underscore"),
        pytest.param("[::1]", "the tag", id="ipv6-alone"),
        pytest.param("::1/app", "host name", id="ipv6-bare"),
        pytest.param("[fe80::1%eth0]/app", "host name", id="ipv6-zone"),
        pytest.param("[::192.0.2.33]:5000/app", "host name", id="ipv6-ipv4-mapped"),
    ],
)
def test_invalid_references_say_why(text: str, why: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert "is not a valid image reference: " in str(caught.value)
    assert why in str(caught.value)
    assert isinstance(caught.value, InvalidInput)


@pytest.mark.parametrize(
    ("wanted", "present", "covered"),
    [
        ("nginx", "nginx:latest", True),
        ("nginx:latest", "nginx", True),
        ("nginx", "docker.io/library/nginx:latest", True),
        ("index.docker.io/nginx", "library/nginx", True),
        ("nginx:1", "nginx:1", True),
        ("nginx:1", f"nginx:1@{A}", True),
        ("nginx", f"nginx:latest@{A}", True),
        ("nginx:1", "nginx:2", False),
        ("nginx:1", "nginx", False),
        ("nginx:1", f"nginx:2@{A}", False),
        ("nginx:1", f"nginx@{A}", False),
        ("nginx", f"nginx@{A}", False),
        ("nginx:1", "team/nginx:1", False),
        ("nginx:1", "host:5000/library/nginx:1", False),
        ("host:5000/app:1", "host:5001/app:1", False),
        (f"nginx@{A}", f"nginx@{A}", True),
        (f"nginx@{A}", f"nginx:1@{A}", True),
        (f"nginx@{A}", f"nginx:1@{B}", False),
        (f"nginx@{A}", "nginx:1", False),
        (f"nginx:1@{A}", f"nginx:1@{A}", True),
        (f"nginx:1@{A}", f"nginx:2@{A}", False),
        (f"nginx:1@{A}", f"nginx@{A}", False),
        (f"nginx:1@{A}", "nginx:1", False),
    ],
)
def test_only_the_parts_stated_are_compared(wanted: str, present: str, covered: bool) -> None:
    assert Reference.parse(wanted).covers(Reference.parse(present)) is covered


@pytest.mark.parametrize(
    ("text", "expected"),
    [("nginx", "nginx:latest"), ("nginx:1", "nginx:1"), (f"nginx@{A}", f"nginx@{A}"), (f"nginx:1@{A}", f"nginx:1@{A}")],
)
def test_default_tag(text: str, expected: str) -> None:
    assert Reference.parse(text).with_default_tag().familiar == expected


@pytest.mark.parametrize(
    ("text", "tag", "expected"),
    [("nginx", "2", "nginx:2"), ("host:5000/app:1", "2", "host:5000/app:2"), (f"nginx:1@{A}", "2", "nginx:2")],
)
def test_another_tag_leaves_the_digest_behind(text: str, tag: str, expected: str) -> None:
    assert Reference.parse(text).with_tag(tag).familiar == expected


@pytest.mark.parametrize("tag", ["", "-x", "a/b", "a:b", f"1@{A}", "t" * 129, "1\n", "\u0661"])
def test_a_tag_that_is_none(tag: str) -> None:
    with pytest.raises(InvalidReference, match="not a valid image reference: the tag"):
        Reference.parse("nginx").with_tag(tag)


@pytest.mark.parametrize(
    ("text", "digest", "expected"),
    [
        ("nginx", A, f"nginx@{A}"),
        ("nginx:1", A, f"nginx:1@{A}"),
        (f"nginx:1@{A}", B, f"nginx:1@{B}"),
        (f"nginx:1@{A}", None, "nginx:1"),
    ],
)
def test_another_digest_keeps_the_tag(text: str, digest: Optional[str], expected: str) -> None:
    assert Reference.parse(text).with_digest(digest).familiar == expected


@pytest.mark.parametrize("digest", ["", "sha256:", HEX, A.upper(), A + "\n", A[:-1]])
def test_a_digest_that_is_none(digest: str) -> None:
    with pytest.raises(InvalidReference, match="digest"):
        Reference.parse("nginx").with_digest(digest)


def fault(text: str) -> str:
    try:
        Reference.parse(text)
    except InvalidReference as error:
        return str(error)
    return ""


domains = st.one_of(
    st.none(),
    st.sampled_from(["docker.io", "index.docker.io", "localhost", "Upper"]),
    st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,5}(\.[a-z0-9]{1,5}){1,2}(:[0-9]{1,5})?", fullmatch=True),
    st.from_regex(r"[a-z0-9]{1,8}:[0-9]{1,5}", fullmatch=True),
    st.from_regex(r"\[[a-f0-9]{0,4}(:[a-f0-9]{0,4}){2,7}\](:[0-9]{1,5})?", fullmatch=True),
)
components = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
paths = st.lists(st.one_of(components, st.sampled_from(["library", "localhost", "docker.io"])), min_size=1, max_size=4)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digests = st.none() | st.sampled_from([A, B, f"sha512:{'c' * 128}"])


@st.composite
def references(draw: st.DrawFn) -> str:
    domain, path, tag, digest = draw(domains), draw(paths), draw(tags), draw(digests)
    if domain is None and (len(path) > 1 and "." in path[0]):
        domain = "docker.io"  # it would be taken for a domain itself
    text = "/".join(([domain] if domain else []) + path)
    return text + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


ONE, OTHER = (f"sha256:{digit * 64}" for digit in "ab")


@pytest.mark.parametrize(
    ("image", "without", "with_digest"),
    [
        ("whoami:0.7", "whoami:0.7", "whoami:0.7"),
        (f"docker.io/library/whoami:0.7@{ONE}", "whoami:0.7", "whoami:0.7@sha256:aaaaaaaaaaaa"),
        (f"host:5000/app@{ONE}", "host:5000/app@sha256:aaaaaaaaaaaa", "host:5000/app@sha256:aaaaaaaaaaaa"),
        ("no\nreference", "no reference", "no reference"),
    ],
)
def test_an_image_in_a_short_form(image: str, without: str, with_digest: str) -> None:
    assert (brief(image), short(image)) == (without, with_digest)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([f"app:1@{ONE}", f"app:2@{OTHER}"], ["app:1", "app:2"]),
        ([f"app:1@{ONE}", f"app:1@{OTHER}"], ["app:1@sha256:aaaaaaaaaaaa", "app:1@sha256:bbbbbbbbbbbb"]),
        ([f"app:1@{ONE}", "app:1", "app:2"], ["app:1@sha256:aaaaaaaaaaaa", "app:1", "app:2"]),
        ([f"app:1@{ONE}", f"app:1@{ONE}"], ["app:1", "app:1"]),
    ],
)
def test_digests_are_shown_where_tags_do_not_tell_images_apart(images: List[str], told: List[str]) -> None:
    assert told_apart(*images) == told


@given(references())
def test_every_spelling_of_a_reference_is_the_same_value(text: str) -> None:
    reference = Reference.parse(text)
    assert Reference.parse(reference.canonical) == reference
    assert Reference.parse(reference.familiar) == reference
    assert reference.covers(reference)


@given(references(), references())
def test_what_is_covered_has_the_same_repository(one: str, other: str) -> None:
    wanted, present = Reference.parse(one), Reference.parse(other)
    assert not wanted.covers(present) or wanted.repository == present.repository


odd_texts = st.one_of(
    st.text(),
    st.text(alphabet=string.ascii_letters + "/:@.-_[]\\'\x00\x1b\u0661\u202e\ud800", max_size=300),
    st.tuples(references(), st.text(max_size=3), references()).map("".join),
)


@given(odd_texts)
@example("\x1b[31mred\x1b[0m")
@example("a\\" * 1000)
@example("A-" * 10000 + "/x")
@example("a-" * 10000 + ":1")
@example("[" + ":" * 10000 + "/x")
def test_any_text_is_a_reference_or_told_why_not_in_one_short_line(text: str) -> None:
    message = fault(text)
    assert message.isprintable()
    assert len(message) < 2500
    assert message or Reference.parse(Reference.parse(text).canonical) == Reference.parse(text)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    BadAnswer,
    EngineUnreachable,
    InvalidInput,
    NotAManager,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    Credential,
    GivenKeychain,
    Keychain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    AccessRefused,
    Resolved,
    UnresolvedImage,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import HandedOn, Resolver
from tests.unit.plugins.module_utils.fakes import DIGEST, FakeClock, FakeTransport, answer, connected

IMAGE = Reference.parse("registry.example.com/app:1")
FOUND = {"Descriptor": {"digest": DIGEST}, "Platforms": [{"os": "linux", "architecture": "amd64"}]}
PASSWORD = "correct  horse battery staple"


def make_resolver(
    *answers: Any, keychain: Optional[Keychain] = None, host: str = "unix:///run/docker.sock"
) -> tuple[Resolver, FakeTransport, FakeClock]:
    transport = FakeTransport(*answers, host=host)
    clock = FakeClock()
    return Resolver(connected(transport), keychain or Keychain(), clock), transport, clock


def refusal(status: int, message: str, keychain: Optional[Keychain] = None) -> str:
    resolver, _transport, _clock = make_resolver(answer(status, {"message": message}), keychain=keychain)
    told = resolver.ask(IMAGE)
    assert isinstance(told, UnresolvedImage)
    return str(told)


def test_one_question_for_each_reference() -> None:
    resolver, transport, _clock = make_resolver(answer(200, FOUND), answer(200, FOUND))
    latest = Reference.parse("app")
    assert resolver.ask(latest) == resolver.ask(Reference.parse("docker.io/library/app:latest"))
    assert resolver.ask(IMAGE) == Resolved(DIGEST, [{"Architecture": "amd64", "OS": "linux"}])
    assert [call["path"] for call in transport.calls] == [
        "/v1.45/distribution/docker.io/library/app:latest/json",
        "/v1.45/distribution/registry.example.com/app:1/json",
    ]


def test_no_credentials_no_header() -> None:
    resolver, transport, _clock = make_resolver(answer(200, FOUND))
    resolver.ask(IMAGE)
    assert transport.calls[0]["headers"] == {}
    assert resolver.credential(IMAGE) is None


@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2375", "tcp://engine.example.com", "http://192.0.2.1:2375"])
def test_credentials_do_not_go_over_an_open_line(host: str) -> None:
    with pytest.raises(InvalidInput, match="The credentials for registries would go over an unencrypted connection"):
        make_resolver(keychain=GivenKeychain("robot", PASSWORD), host=host)
    resolver, transport, _clock = make_resolver(keychain=Something(), host=host)
    for send in (resolver.ask, resolver.credential):
        with pytest.raises(InvalidInput, match="unencrypted connection") as error:
            send(IMAGE)
        assert PASSWORD not in str(error.value)
    assert transport.calls == []


@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2376", "https://engine.example.com"])
def test_credentials_do_not_go_to_an_unchecked_machine(host: str) -> None:
    transport = FakeTransport(host=host)
    transport.address = Address.parse(host, TLS(verify=False))
    for keychain in (GivenKeychain("robot", PASSWORD), Nothing()):
        with pytest.raises(
            InvalidInput, match=r"certificate is not checked.*Set validate_certs=true, and ca_path"
        ) as error:
            Resolver(connected(transport), keychain, FakeClock())
        assert PASSWORD not in str(error.value)
    assert transport.calls == []


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:2375", "tcp://[::1]:2375", "tcp://localhost", "https://192.0.2.1"])
def test_where_credentials_may_go(host: str) -> None:
    resolver, transport, _clock = make_resolver(
        answer(200, FOUND), keychain=GivenKeychain("robot", PASSWORD), host=host
    )
    assert isinstance(resolver.ask(IMAGE), Resolved)
    credential = Credential("registry.example.com", "robot", PASSWORD)
    assert resolver.credential(IMAGE) == credential
    assert transport.calls[0]["headers"]["X-Registry-Auth"] == credential.header()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(404, {"message": "manifest unknown"}), r"\(404: manifest unknown\)\.$"),
        (answer(500, {"message": "Get https://registry.example.com/v2/: EOF"}), r"\(500: .*EOF\)\.$"),
        (answer(500, {"message": "context deadline exceeded"}), r"\(500: context deadline exceeded\)\.$"),
        (Answer(502, b"<html>"), "a gateway in front of the engine answered 502: no readable reason"),
        (Answer(200, b"<html>"), "is not JSON"),
        (answer(200, []), "not the dict"),
        (AnswerLost("no complete answer within 60 seconds."), "no complete answer within 60 seconds"),
        (BadAnswer("The answer is larger than 64 MiB."), "larger than 64 MiB"),
        (answer(200, {}), "no usable digest"),
        (answer(200, {"Descriptor": None}), "no usable digest"),
        (answer(200, {"Descriptor": {"digest": "sha256:beef"}}), "no usable digest"),
        (answer(200, {"Descriptor": {"digest": 7}}), "no usable digest"),
    ],
)
def test_no_digest(given: Any, said: str) -> None:
    resolver, transport, clock = make_resolver(given)
    told = resolver.ask(IMAGE)
    assert isinstance(told, UnresolvedImage)
    assert resolver.ask(IMAGE) is told
    with pytest.raises(UnresolvedImage, match=said):
        raise told
    assert "registry.example.com/app:1" in str(told)
    assert len(transport.calls) == 1
    assert clock.pauses == []


@pytest.mark.parametrize(
    "found",
    [
        {"Descriptor": []},
        {"Descriptor": "sha256"},
        {"Descriptor": {"digest": DIGEST}, "Platforms": "linux"},
        {"Descriptor": {"digest": DIGEST}, "Platforms": [None]},
    ],
    ids=["list", "text", "platforms-a-text", "platform-is-none"],
)
def test_answer_of_another_shape_is_no_traceback(found: Any) -> None:
    resolver, _transport, _clock = make_resolver(answer(200, found))
    told = resolver.ask(IMAGE)
    assert isinstance(told, UnresolvedImage)
    assert "no usable digest" in str(told)


def test_platforms_without_parts_are_no_traceback() -> None:
    found = {"Descriptor": {"digest": DIGEST}, "Platforms": [{"os": None, "architecture": None}]}
    resolver, _transport, _clock = make_resolver(answer(200, found))
    told = resolver.ask(IMAGE)
    assert isinstance(told, Resolved)
    assert told.digest == DIGEST


def test_an_engine_that_is_away_is_asked_again() -> None:
    resolver, transport, clock = make_resolver(EngineUnreachable("Nothing listens."), answer(200, FOUND))
    assert isinstance(resolver.ask(IMAGE), Resolved)
    assert (len(transport.calls), len(clock.pauses)) == (2, 1)


def test_an_engine_that_is_no_manager_is_no_registrys_fault() -> None:
    resolver, _transport, _clock = make_resolver(answer(503, {"message": "This node is not a swarm manager."}))
    with pytest.raises(NotAManager):
        resolver.ask(IMAGE)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "unauthorized: authentication required"),
        (403, "denied: requested access to the resource is denied"),
        (500, "Head https://registry.example.com/v2/app/manifests/1: no basic auth credentials"),
    ],
)
def test_hint_where_access_is_refused(status: int, message: str) -> None:
    assert "asked without credentials, as none were given for registry.example.com" in refusal(status, message)
    told = refusal(status, message, GivenKeychain("robot", PASSWORD))
    assert "asked with credentials for registry.example.com: are they right" in told


@pytest.mark.parametrize(
    ("status", "message", "is_refused"),
    [
        (401, "unauthorized: authentication required", True),
        (403, "denied: requested access to the resource is denied", True),
        (500, "Get https://registry.example.com/v2/: unauthorized: incorrect username or password", True),
        (500, "failed to resolve reference: unexpected status from HEAD request: 401 Unauthorized", True),
        (500, "open /etc/docker/certs.d/registry.example.com/client.key: permission denied", False),
        (500, "Head https://registry.example.com/v2/app/manifests/1: no basic auth credentials", False),
        (429, "toomanyrequests: too many requests", False),
        (404, "manifest unknown: manifest unknown", False),
        (503, "service unavailable", False),
    ],
)
def test_whether_a_refusal_is_definite(status: int, message: str, is_refused: bool) -> None:
    resolver, _transport, _clock = make_resolver(answer(status, {"message": message}))
    assert isinstance(resolver.ask(IMAGE), AccessRefused) is is_refused


@pytest.mark.parametrize("status", [401, 403])
def test_a_proxy_that_forbids_the_question_is_no_registrys_refusal(status: int) -> None:
    resolver, _transport, _clock = make_resolver(Answer(status, b"<html>Forbidden</html>"))
    assert not isinstance(resolver.ask(IMAGE), AccessRefused)


def test_no_hint_where_access_is_not_what_is_wrong() -> None:
    assert "credentials" not in refusal(404, "manifest unknown")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("manifest unknown: manifest unknown", "manifest unknown"),
        ("denied: requested access to the resource is denied", "denied: requested access to the resource is denied"),
        ("manifest unknown", "manifest unknown"),
    ],
)
def test_a_code_that_is_the_message_too_is_told_once(message: str, told: str) -> None:
    assert f" (404: {told})." in refusal(404, message)


@pytest.mark.parametrize("message", [PASSWORD, f"denied to robot:{PASSWORD}!", "x" * 485 + PASSWORD])
def test_the_password_is_not_repeated(message: str) -> None:
    told = refusal(403, message, GivenKeychain("robot", PASSWORD))
    assert "***" in told
    for word in ("correct", "horse", "battery", "staple"):
        assert word not in told


def test_the_header_is_not_repeated() -> None:
    keychain = GivenKeychain("robot", PASSWORD)
    resolver, _transport, _clock = make_resolver(keychain=keychain)
    credential = resolver.credential(IMAGE)
    assert credential is not None
    told = refusal(400, f"invalid X-Registry-Auth header: {credential.header()}", keychain)
    assert told.endswith("(400: invalid X-Registry-Auth header: ***).")


def test_a_lost_answer_does_not_repeat_the_password() -> None:
    resolver, _transport, _clock = make_resolver(
        AnswerLost(f"broken off after {PASSWORD}"), keychain=GivenKeychain("robot", PASSWORD)
    )
    assert PASSWORD not in str(resolver.ask(IMAGE))
    assert json.dumps(PASSWORD) not in str(resolver.ask(IMAGE))


class Something(Keychain):
    """A config file that has an entry for every registry."""

    inherits = False

    def find(self, domain: str) -> Optional[Credential]:
        return Credential(domain, "robot", PASSWORD)


class Nothing(Keychain):
    """A config file that has nothing for any registry."""

    inherits = False


MOVES = [
    ("registry.example.com/other:1", "registry.example.com/app:1", False),
    ("registry.example.com:5000/app:1", "registry.example.com/app:1", True),
    ("app:1", "docker.io/library/app:2", False),
    ("app:1", "registry.example.com/app:1", True),
    ("localhost/app:1", "docker.io/library/app:2", True),
]


@pytest.mark.parametrize(("stored", "wanted", "moves"), MOVES)
def test_what_is_handed_on_to_another_registry(stored: str, wanted: str, moves: bool) -> None:
    reference = Reference.parse(wanted)
    inherited = make_resolver()[0].hand_on(reference, stored)
    assert inherited.credential is None
    assert bool(inherited.warning) is moves
    if moves:
        assert f" {Reference.parse(stored).domain} to {reference.domain}. " in inherited.warning
    resolver = make_resolver(keychain=Nothing())[0]
    assert resolver.hand_on(reference, stored) == HandedOn(Credential() if moves else None)
    given = make_resolver(keychain=GivenKeychain("robot", PASSWORD))[0].hand_on(reference, stored)
    assert (given.credential, given.warning) == (GivenKeychain("robot", PASSWORD).find(reference.domain), "")


def test_an_image_that_is_no_reference_has_no_known_registry() -> None:
    stored = "a" * 64  # an image's ID, which some have created services with
    assert make_resolver()[0].hand_on(IMAGE, stored) == HandedOn()
    assert make_resolver(keychain=Nothing())[0].hand_on(IMAGE, stored) == HandedOn(Credential())


def test_that_nothing_is_kept_may_go_over_any_line() -> None:
    resolver = make_resolver(keychain=Nothing(), host="tcp://192.0.2.1:2375")[0]
    assert resolver.hand_on(IMAGE, "app:1") == HandedOn(Credential())

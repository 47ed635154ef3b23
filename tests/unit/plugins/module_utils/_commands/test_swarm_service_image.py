# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Choice, RegistryOptions
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_image import Options, plan_member
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import UnsupportedService
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    HUB_KEY,
    Credential,
    GivenKeychain,
    Keychain,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import UnresolvedImage
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.resolver import Resolver
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.member import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Settings
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.writer import Update
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import OtherDigest
from tests.unit.plugins.module_utils.fakes import (
    DIGEST,
    OTHER_DIGEST,
    FakeClock,
    FakeTransport,
    answer,
    connected,
    make_service,
)

PLATFORMS = [{"os": "linux", "architecture": "amd64"}]
FOUND = answer(200, {"Descriptor": {"digest": DIGEST}, "Platforms": PLATFORMS})
MISSING = answer(404, {"message": "manifest unknown: manifest unknown"})
DOWN = answer(500, {"message": "dial tcp 192.0.2.1:443: connect: connection refused"})


def options(**given: Any) -> Options:
    choice, registry = Choice([], []), RegistryOptions("inherit", None, None, None)
    return Options(choice, registry, Settings(), **given)


def update(member: Member) -> Update:
    assert isinstance(member.write, Update)
    return member.write


def planned(
    wanted: str,
    stored: str,
    *answers: Any,
    keychain: Optional[Keychain] = None,
    placement: Optional[Dict[str, Any]] = None,
    **settings: Any,
) -> tuple[Member, List[Dict[str, Any]]]:
    """Plan for a service that holds `stored`; also returns what was asked of the engine."""
    transport = FakeTransport(*answers)
    resolver = Resolver(connected(transport), keychain or Keychain(), FakeClock())
    service = make_service(stored, Placement=placement or {})
    member = plan_member(service, Reference.parse(wanted), resolver, options(**settings))
    return member, transport.calls


def test_a_changed_reference_is_pinned() -> None:
    member, calls = planned("app:2", f"app:1@{OTHER_DIGEST}", FOUND)
    assert member.entry.image_after == f"app:2@{DIGEST}"
    assert update(member).change.target.platforms == [{"Architecture": "amd64", "OS": "linux"}]
    assert (member.entry.changed, member.entry.warnings, len(calls)) == (True, [], 1)


@pytest.mark.parametrize("stored", ["app:1", f"app:1@{OTHER_DIGEST}"])
def test_what_is_right_is_not_asked_for(stored: str) -> None:
    member, calls = planned("app:1", stored)
    assert not member.entry.changed
    assert (member.entry.changed, member.entry.image_after, calls) == (False, stored, [])


def test_a_tag_that_has_moved() -> None:
    member, _calls = planned("app:1", f"app:1@{OTHER_DIGEST}", FOUND, resolve="always")
    assert member.entry.changes["image"] == (f"app:1@{OTHER_DIGEST}", f"app:1@{DIGEST}")


def test_a_tag_that_has_not_moved() -> None:
    member, calls = planned("app:1", f"app:1@{DIGEST}", FOUND, resolve="always")
    assert (member.entry.changed, len(calls)) == (False, 1)


def test_a_pin_is_kept_where_there_is_no_digest() -> None:
    member, _calls = planned("app:1", f"app:1@{OTHER_DIGEST}", DOWN, resolve="always")
    assert not member.entry.changed
    [warning] = member.entry.warnings
    assert "The registry docker.io returned no digest for app:1 (500: dial tcp" in warning
    assert warning.endswith(f"not known; the service keeps app:1@{OTHER_DIGEST[:19]}.")


def test_a_pin_is_kept_by_force_too() -> None:
    member, _calls = planned("app:1", f"app:1@{OTHER_DIGEST}", DOWN, resolve="always", force=True)
    assert list(member.entry.changes) == ["force_update"]
    assert member.entry.image_after == f"app:1@{OTHER_DIGEST}"


def test_a_changed_reference_goes_on_without_a_digest() -> None:
    member, _calls = planned("app", f"app:1@{OTHER_DIGEST}", DOWN)
    assert member.entry.image_after == "app:latest"
    assert "platforms" not in member.entry.changes
    [warning] = member.entry.warnings
    assert warning.endswith("app:latest without a digest, so each node pulls what the tag then stands for.")


def test_a_stated_digest_goes_on_without_platforms() -> None:
    member, _calls = planned(f"app:1@{DIGEST}", "app:1", DOWN)
    assert list(member.entry.changes) == ["image"]
    [warning] = member.entry.warnings
    assert warning.endswith("The digest is the one that was asked for; which platforms it is for is not known.")


ARM64 = {"Platforms": [{"Architecture": "arm64", "OS": "linux"}]}
NO_PLATFORMS = answer(200, {"Descriptor": {"digest": DIGEST}})


@pytest.mark.parametrize("wanted", ["app:2", f"app:2@{DIGEST}"])
def test_platforms_of_another_image_do_not_stay_where_the_digest_is_known(wanted: str) -> None:
    member, _calls = planned(wanted, "app:1", NO_PLATFORMS, placement=ARM64)
    assert member.entry.changes["platforms"] == (ARM64["Platforms"], [])
    assert member.entry.warnings == []


@pytest.mark.parametrize(
    ("wanted", "answers", "resolve", "warnings"),
    [("app:2", [DOWN], "changed", 2), (f"app:2@{DIGEST}", [DOWN], "never", 2), ("app:2", [], "never", 1)],
)
def test_platforms_of_another_image_do_not_stay_in_silence(
    wanted: str, answers: List[Any], resolve: str, warnings: int
) -> None:
    member, _calls = planned(wanted, "app:1", *answers, placement=ARM64, resolve=resolve)
    assert list(member.entry.changes) == ["image"]
    assert len(member.entry.warnings) == warnings
    assert member.entry.warnings[-1].startswith("The service keeps the platforms of its former image (linux/arm64),")


@pytest.mark.parametrize("force", [False, True])
def test_platforms_of_the_same_image_stay_without_a_word(force: bool) -> None:
    member, _calls = planned("app:1", "app:1", placement=ARM64, resolve="never", force=force)
    assert member.entry.warnings == []


@pytest.mark.parametrize(
    ("wanted", "stored", "resolve"),
    [
        ("app:2", "app:1", "changed"),
        ("app:1", f"app:1@{OTHER_DIGEST}", "always"),
        (f"app@{DIGEST}", "app:1", "never"),
    ],
)
def test_no_digest_is_an_error_where_that_is_said(wanted: str, stored: str, resolve: str) -> None:
    with pytest.raises(UnresolvedImage, match="returned no digest for app"):
        planned(wanted, stored, DOWN, on_unresolved="fail", resolve=resolve)


@pytest.mark.parametrize("on_unresolved", ["warn", "fail"])
@pytest.mark.parametrize("wanted", ["app:2", f"app@{DIGEST}"])
def test_an_image_that_does_not_exist_is_an_error(wanted: str, on_unresolved: str) -> None:
    with pytest.raises(UnresolvedImage, match=r"404: manifest unknown.*It has no such image"):
        planned(wanted, f"app:1@{OTHER_DIGEST}", MISSING, on_unresolved=on_unresolved)


# What runs came from the registry once; that its tag has gone is no reason to fail a task that changes nothing.
def test_a_tag_that_has_gone_leaves_a_service_that_has_it_alone() -> None:
    member, _calls = planned("app:1", f"app:1@{OTHER_DIGEST}", MISSING, resolve="always")
    assert not member.entry.changed
    assert member.entry.warnings[0].endswith(f"the service keeps app:1@{OTHER_DIGEST[:19]}.")


def test_a_404_of_something_else_is_no_word_on_the_image() -> None:
    member, _calls = planned("app:2", "app:1", answer(404, {"message": "page not found"}))
    assert member.entry.image_after == "app:2"


def test_an_image_that_is_in_no_registry_is_written_unasked() -> None:
    member, _calls = planned(f"app@{DIGEST}", "app:1", MISSING, resolve="never")
    assert member.entry.image_after == f"app@{DIGEST}"


def test_another_digest_than_the_stated_one_is_an_error() -> None:
    with pytest.raises(OtherDigest, match=f"asked for app:1@{OTHER_DIGEST} and answered with the digest {DIGEST}"):
        planned(f"app:1@{OTHER_DIGEST}", "app:1", FOUND)


def test_a_digest_by_another_algorithm_is_written_as_it_is_stated() -> None:
    stated = "sha512:" + "c" * 128
    member, _calls = planned(f"app:1@{stated}", "app:1", FOUND)
    assert member.entry.image_after == f"app:1@{stated}"
    assert "platforms" in member.entry.changes


def test_a_digest_is_no_error_where_the_registry_is_not_asked() -> None:
    member, calls = planned("app:2", "app:1", on_unresolved="fail", resolve="never")
    assert (member.entry.image_after, calls) == ("app:2", [])


def test_credentials_go_with_what_is_written_alone() -> None:
    keychain = GivenKeychain("robot", "word")
    assert update(planned("app:1", "app:1", keychain=keychain)[0]).credential is None
    member, calls = planned("app:2", "app:1", FOUND, keychain=keychain)
    credential = Credential(HUB_KEY, "robot", "word")
    assert update(member).credential == credential
    assert credential.header() == calls[0]["headers"]["X-Registry-Auth"]
    forced, _calls = planned("app:1", "app:1", keychain=keychain, force=True)
    assert update(forced).credential == update(member).credential
    assert update(planned("app:2", "app:1", FOUND)[0]).credential is None


def test_the_service_is_not_touched() -> None:
    service = make_service()
    before = copy.deepcopy(service)
    resolver = Resolver(connected(FakeTransport(FOUND)), Keychain(), FakeClock())
    member = plan_member(service, Reference.parse("app:2"), resolver, options())
    assert member.identifier == service["ID"]
    assert member.entry.changed
    assert service == before


def test_a_service_without_an_image() -> None:
    service = make_service()
    service["Spec"]["TaskTemplate"] = {"NetworkAttachmentSpec": {"ContainerID": "c"}, "Runtime": "attachment"}
    resolver = Resolver(connected(FakeTransport()), Keychain(), FakeClock())
    with pytest.raises(UnsupportedService, match="runs no container image"):
        plan_member(service, Reference.parse("app:2"), resolver, options())

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands import image_tags_info as tested
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.image_tags_info import find_tag
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.manifest import written
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.repository import PAGE
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.web import Answer, Question, RegistryError
from tests.unit.plugins.module_utils._registry.registries import CONFIG, PASSWORD, answer, digest

REPOSITORY = "registry.example.com/shop/web"
BASE = "https://registry.example.com/v2/shop/web"
DAY = 86400
DEFAULTS: Dict[str, Any] = {
    "repository": REPOSITORY,
    "current": None,
    "semver": None,
    "suffix": None,
    "prerelease": False,
    "pattern": None,
    "order": None,
    "min_age": None,
    "registry_auth": "inherit",
    "docker_config": None,
    "registry_username": None,
    "registry_password": None,
    "ca_path": None,
    "validate_certs": True,
    "timeout": 60,
}


class Aged:
    """A registry whose images were created so many days ago; None: unknown, -1: the tag is listed and has none."""

    def __init__(self, tags: Dict[str, Optional[float]]) -> None:
        self.tags = tags
        self.asked: List[str] = []
        self.documents: Dict[str, Any] = {}

    def __call__(self, question: Question) -> Answer:
        path = question.url[len(BASE) + 1 :]
        self.asked.append(path)
        if path == f"tags/list?n={PAGE}":
            return answer({"tags": list(self.tags)})
        name = path.rpartition("/")[2]
        return answer(self.documents[name]) if name in self.documents else self._manifest(name)

    def _manifest(self, tag: str) -> Answer:
        days = self.tags[tag]
        if days == -1:
            return answer({}, 404)
        config = {"tag": tag, **({} if days is None else {"created": written(int(time.time() - days * DAY))})}
        self.documents[digest(config)] = config
        return answer({"schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": digest(config)}})

    @property
    def looked_at(self) -> List[str]:
        return [path.rpartition("/")[2] for path in self.asked if path.startswith("manifests/")]


def find(registry: Any, **params: Any) -> Dict[str, Any]:
    def run_program(_command: List[str], _given: bytes) -> Any:
        raise AssertionError("no program is needed")

    return find_tag(registry, {**DEFAULTS, **params}, Host(False, run_program))


def test_the_newest() -> None:
    registry = Aged({"2.4.0": 30, "2.4.1": 20, "2.5.0-rc1": 3, "3.0.0": 1, "latest": 1})
    result = find(registry, current="2.4.0", semver="2.x")
    config = next(iter(registry.documents))
    found = digest({"schemaVersion": 2, "config": {"mediaType": CONFIG, "digest": config}})
    candidates = result.pop("candidates")
    created = result.pop("created")
    assert created.endswith("Z")
    assert result == {
        "changed": False,
        "newer": True,
        "tag": "2.4.1",
        "reference": f"{REPOSITORY}:2.4.1@{found}",
        "digest": found,
    }
    assert candidates == [
        {"tag": "3.0.0", "created": None, "passed_over": "It is not in the range 2.x."},
        {"tag": "2.5.0-rc1", "created": None, "passed_over": "It is a pre-release."},
        {"tag": "2.4.1", "created": created, "passed_over": None},
    ]


def test_nothing_newer_costs_one_request() -> None:
    registry = Aged({"2.4.0": 30, "2.4.1": 20})
    assert find(registry, current="2.4.1", semver="2.x") == {
        "changed": False,
        "newer": False,
        "tag": None,
        "reference": None,
        "digest": None,
        "created": None,
        "candidates": [],
    }
    assert len(registry.asked) == 1


@pytest.mark.parametrize(
    ("min_age", "expected", "looked_at"),
    [
        (None, "2.9", ["2.9"]),
        ("7d", "2.6", ["2.9", "2.8", "2.7", "2.6"]),
        ("1w", "2.6", ["2.9", "2.8", "2.7", "2.6"]),
        ("604800", "2.6", ["2.9", "2.8", "2.7", "2.6"]),
        ("6h", "2.8", ["2.9", "2.8"]),
        ("1m", "2.8", ["2.9", "2.8"]),
        ("0", "2.9", ["2.9"]),
        ("20d", "2.5", ["2.9", "2.8", "2.7", "2.6", "2.5"]),
        ("400d", None, ["2.9", "2.8", "2.7", "2.6", "2.5"]),
    ],
)
def test_min_age(min_age: Optional[str], expected: Optional[str], looked_at: List[str]) -> None:
    registry = Aged({"2.4": 300, "2.5": 30, "2.6": 8, "2.7": 6.9, "2.8": 1, "2.9": None, "latest": 30})
    result = find(registry, current="2.4", semver="2.x", min_age=min_age)
    assert (result["tag"], result["newer"]) == (expected, expected is not None)
    assert registry.looked_at == looked_at


def test_why_each_later_one_was_passed_over() -> None:
    years = 365.25
    registry = Aged({"2.4": 300, "2.5": 30, "2.6": -1, "2.7": 1, "2.8": None, "2.9": 50 * years, "3.0": -2})
    result = find(registry, current="2.4", semver=">=2", min_age="7d")
    assert [(each["tag"], each["passed_over"]) for each in result["candidates"]] == [
        ("3.0", "It is younger than min_age."),
        ("2.9", "It is not known when it was created, so it does not count as old enough."),
        ("2.8", "It is not known when it was created, so it does not count as old enough."),
        ("2.7", "It is younger than min_age."),
        ("2.6", "The registry lists it, and has no image for it."),
        ("2.5", None),
    ]
    assert [bool(each["created"]) for each in result["candidates"]] == [True, False, False, True, False, True]


def test_a_tag_without_an_image_is_passed_over_whatever_its_age() -> None:
    assert find(Aged({"2.5": 1, "2.6": -1}), semver="2.x")["tag"] == "2.5"


def test_only_so_many_ages_are_asked_for() -> None:
    registry = Aged({f"2.{minor}": 1 for minor in range(150)})
    with pytest.raises(RegistryError, match="The 100 newest tags that fit are all younger than min_age"):
        find(registry, semver="2.x", min_age="7d")
    assert len(registry.looked_at) == tested.MOST_AGES


def test_a_result_has_only_so_many_candidates() -> None:
    registry = Aged({"1.0": 1, **{f"2.{minor}": 1 for minor in range(150)}})
    candidates = find(registry, semver="1.x")["candidates"]
    assert len(candidates) == tested.MOST_SHOWN
    assert (candidates[0]["tag"], candidates[-1]["tag"]) == ("2.149", "1.0")
    assert len(find(registry, semver="3.x")["candidates"]) == tested.MOST_SHOWN


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"semver": "2.x"}, "2.5"),
        ({"repository": f"{REPOSITORY}:2.5", "semver": "2.x"}, None),
        ({"repository": f"{REPOSITORY}:2.4@sha256:{'a' * 64}", "semver": "2.x"}, "2.5"),
        ({"repository": f"{REPOSITORY}:2.4", "current": "2.4", "semver": "2.x"}, "2.5"),
        ({"repository": f"{REPOSITORY}:2.4", "current": "", "semver": "2.x"}, "2.5"),
        ({"current": "2.4-alpine", "semver": "2.x"}, "2.6-alpine"),
        ({"current": "2.4-alpine", "suffix": "", "semver": "2.x"}, "2.5"),
        ({"current": "2.4", "suffix": "-alpine", "semver": "2.x"}, "2.6-alpine"),
        ({"suffix": "-alpine", "semver": "2.x"}, "2.6-alpine"),
        ({"semver": ">=2", "prerelease": True}, "3.0-rc1"),
        ({"pattern": r"build-(\d+)", "order": "numeric"}, "build-10"),
        ({"pattern": r"build-(\d+)", "order": "alphabetical"}, "build-9"),
        ({"pattern": r"build-(\d+)", "order": "numeric", "current": "build-10"}, None),
        ({"pattern": r"(.+)-alpine", "order": "semver", "semver": "2.x"}, "2.6-alpine"),
    ],
)
def test_rules(params: Dict[str, Any], expected: Optional[str]) -> None:
    tags = "2.4 2.5 2.6-alpine 2.4-alpine 3.0-rc1 build-9 build-10"
    assert find(Aged(dict.fromkeys(tags.split(), 30.0)), **params)["tag"] == expected


def test_a_rule_that_fits_no_tag_is_warned_of() -> None:
    result = find(Aged({"2.4": 1, "latest": 1}), semver="2.x", suffix="-apline")
    assert result["tag"] is None
    assert result["warnings"] == [
        f"Of the 2 tags of {REPOSITORY}, the rule fits none. Is the suffix right, or the pattern?"
    ]
    assert "warnings" not in find(Aged({"2.4": 1}), semver="3.x")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"repository": "Shop/Web", "semver": "2.x"}, "is not a valid image reference"),
        ({"semver": "2.x", "current": "no tag"}, "is not a valid image reference"),
        ({"semver": "2.x", "current": "latest"}, "The current tag 'latest' is no version"),
        ({"repository": f"{REPOSITORY}:2.4", "current": "2.5", "semver": "2.x"}, "has the tag 2.4, and current is 2.5"),
        ({"semver": "two"}, "'two' in it cannot be read"),
        ({}, "Neither semver nor pattern is given"),
        ({"pattern": "(.*)", "order": "numeric", "suffix": "-x"}, "suffix goes with semver"),
        ({"pattern": "(.*)", "order": "numeric", "semver": "2.x"}, "semver goes with order=semver"),
        ({"semver": "2.x", "suffix": "alpine"}, "as in -alpine"),
        ({"semver": "2.x", "min_age": "7 days"}, "min_age is '7 days'; it is a number of seconds"),
        ({"semver": "2.x", "min_age": "-1"}, "min_age is '-1'"),
        ({"semver": "2.x", "min_age": ""}, "min_age is ''"),
        ({"semver": "2.x", "ca_path": "/dev/null/ca.pem"}, "ca_path: /dev/null/ca.pem cannot be read: Not a dir"),
        ({"semver": "2.x", "docker_config": "/x"}, "it is read only with registry_auth=docker_config"),
        (
            {"semver": "2.x", "registry_username": "u", "registry_password": PASSWORD, "validate_certs": False},
            "The credentials for registry.example.com would go to a registry whose certificate is not checked",
        ),
    ],
)
def test_options_that_cannot_be(params: Dict[str, Any], says: str) -> None:
    registry = Aged({})
    with pytest.raises(InvalidInput) as caught:
        find(registry, **params)
    assert says in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert registry.asked in ([], [f"tags/list?n={PAGE}"])


def test_on_the_machine_itself_a_password_needs_no_certificate() -> None:
    def here(question: Question) -> Answer:
        if question.url.startswith("https://127.0.0.1:5000/v2/"):
            return answer({"tags": []})
        raise AssertionError(question.url)

    params = {"registry_username": "u", "registry_password": PASSWORD, "validate_certs": False}
    assert find(here, repository="127.0.0.1:5000/app", semver="2.x", **params)["tag"] is None

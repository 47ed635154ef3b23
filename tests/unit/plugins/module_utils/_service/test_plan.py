# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service, ServiceSpec
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    Platforms,
    Resolved,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Attempt
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    ImageChange,
    OtherDigest,
    Target,
    asks_registry,
    make_plan,
    rollback_changes,
    settle,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    differing_fields,
)
from tests.unit.plugins.module_utils.fakes import (
    DIGEST,
    OTHER_DIGEST,
    make_service,
    replace,
)
from tests.unit.plugins.module_utils.fakes import DIGEST as A
from tests.unit.plugins.module_utils.fakes import OTHER_DIGEST as B

AMD64 = {"Architecture": "amd64", "OS": "linux"}
ARM = {"OS": "linux"}


def target(text: str, platforms: Optional[Platforms] = None) -> Target:
    return Target(Reference.parse(text), platforms)


def spec_of(image: str, **task: Any) -> ServiceSpec:
    return make_service(image, **task)["Spec"]


@pytest.mark.parametrize(
    ("stored", "wanted", "written"),
    [
        ("nginx:1", "nginx:1", None),
        ("nginx", "nginx:latest", None),
        ("nginx:latest", "nginx", None),
        ("docker.io/library/nginx:1", "nginx:1", None),
        (f"nginx:1@{A}", "nginx:1", None),
        (f"nginx:1@{A}", f"nginx:1@{A}", None),
        (f"nginx:1@{A}", f"nginx@{A}", None),
        ("nginx:1", "nginx:2", "nginx:2"),
        ("nginx:1", "nginx", "nginx:latest"),
        ("nginx:1", "docker.io/library/nginx:2", "nginx:2"),
        ("nginx:1", "index.docker.io/team/app", "team/app:latest"),
        ("nginx:1", "host:5000/app:1", "host:5000/app:1"),
        (f"nginx:1@{A}", "nginx:2", "nginx:2"),
        (f"nginx:1@{A}", f"nginx:1@{B}", f"nginx:1@{B}"),
        (f"nginx:1@{A}", f"nginx:2@{A}", f"nginx:2@{A}"),
        ("nginx:1", f"nginx:1@{A}", f"nginx:1@{A}"),
        ("nginx:1", f"nginx@{A}", f"nginx@{A}"),
        (f"nginx@{A}", "nginx:1", "nginx:1"),
        ("NO REFERENCE", "nginx:1", "nginx:1"),
        ("", "nginx:1", "nginx:1"),
    ],
)
def test_the_decision(stored: str, wanted: str, written: Optional[str]) -> None:
    spec = spec_of(stored)
    plan = make_plan(spec, target(wanted))
    assert plan.needed is (written is not None)
    assert (plan.before, plan.after) == (stored, written or stored)
    assert plan.changes == ({"image": (stored, written)} if written else {})
    assert plan.spec == spec_of(written or stored)
    assert spec == spec_of(stored), "the spec handed in is not touched"


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ("whoami:0.7", {"force_update": (3, 4)}),
        ("whoami:0.8", {"image": ("whoami:0.7", "whoami:0.8"), "force_update": (3, 4)}),
    ],
)
def test_force_redeploys(wanted: str, changes: Dict[str, Tuple[Any, Any]]) -> None:
    plan = make_plan(spec_of("whoami:0.7"), target(wanted), force=True)
    assert plan.changes == changes
    assert plan.spec == spec_of(wanted, ForceUpdate=4)


@pytest.mark.parametrize("counter", [{}, {"ForceUpdate": 0}], ids=["absent", "zero"])
def test_force_counts_from_nothing(counter: Dict[str, int]) -> None:
    spec: ServiceSpec = {"TaskTemplate": {"ContainerSpec": {"Image": "nginx"}, **counter}}
    plan = make_plan(spec, target("nginx"), force=True)
    assert plan.changes == {"force_update": (0, 1)}
    assert plan.spec["TaskTemplate"]["ForceUpdate"] == 1


@pytest.mark.parametrize(
    ("stored", "placement", "platforms", "expected", "changes"),
    [
        pytest.param("a:1", {"Platforms": [ARM]}, None, {"Platforms": [ARM]}, ["image"], id="unresolved-are-left"),
        pytest.param("a:1", {"Platforms": [ARM]}, [AMD64], {"Platforms": [AMD64]}, ["image", "platforms"], id="follow"),
        pytest.param("a:1", {"Platforms": [AMD64]}, [AMD64], {"Platforms": [AMD64]}, ["image"], id="the-same"),
        pytest.param(
            "a:1", {"MaxReplicas": 2}, [ARM], {"MaxReplicas": 2, "Platforms": [ARM]}, ["image", "platforms"], id="new"
        ),
        pytest.param("a:1", {}, [AMD64], {"Platforms": [AMD64]}, ["image", "platforms"], id="no-placement"),
        pytest.param("a:1", {"Platforms": [ARM]}, [], {}, ["image", "platforms"], id="cleared"),
        pytest.param("a:1", {"MaxReplicas": 2}, [], {"MaxReplicas": 2}, ["image"], id="none-to-clear"),
        pytest.param(
            "a:1",
            {"MaxReplicas": 2, "Platforms": [ARM]},
            [],
            {"MaxReplicas": 2},
            ["image", "platforms"],
            id="others-stay",
        ),
        pytest.param("a:2", {"Platforms": [ARM]}, [AMD64], {"Platforms": [ARM]}, [], id="alone-are-no-change"),
    ],
)
def test_platforms(
    stored: str, placement: Dict[str, Any], platforms: Optional[Platforms], expected: Dict[str, Any], changes: List[str]
) -> None:
    plan = make_plan(spec_of(stored, Placement=placement), target("a:2", platforms))
    assert plan.spec == spec_of("a:2", Placement=expected)
    assert list(plan.changes) == changes


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=5), jsons, max_size=4)
images = st.sampled_from(["a:1", "a", f"a:1@{A}", f"a@{A}", "b:1", "host:5000/a:1", "NONE", "docker.io/foo.com/a:1"])
wanted_images = images.filter(lambda image: image != "NONE")
platform_lists = st.none() | st.lists(st.sampled_from([AMD64, ARM]), max_size=2, unique_by=str)


@st.composite
def specs(draw: st.DrawFn) -> ServiceSpec:
    container = {**draw(objects), "Image": draw(images)}
    known: Dict[str, Any] = {"ContainerSpec": container}
    if draw(st.booleans()):
        known["Placement"] = draw(st.none() | objects)
    if draw(st.booleans()):
        known["ForceUpdate"] = draw(st.integers(min_value=0, max_value=99))
    return {**draw(objects), "TaskTemplate": {**draw(objects), **known}}


ALLOWED = {
    "image": "TaskTemplate.ContainerSpec.Image",
    "force_update": "TaskTemplate.ForceUpdate",
    "platforms": "TaskTemplate.Placement.Platforms",
}


@given(specs(), wanted_images, platform_lists, st.booleans())
def test_nothing_else_of_any_spec_is_changed(
    spec: ServiceSpec, wanted: str, platforms: Optional[Platforms], force: bool
) -> None:
    was = copy.deepcopy(spec)
    plan = make_plan(spec, target(wanted, platforms), force)
    assert spec == was
    # A placement that is absent or null is made for the platforms; take that for granted, then compare.
    if "platforms" in plan.changes and not was["TaskTemplate"].get("Placement"):
        was["TaskTemplate"]["Placement"] = {}
    assert differing_fields(was, plan.spec) == sorted(ALLOWED[name] for name in plan.changes)


@given(specs(), wanted_images, platform_lists)
def test_what_was_planned_needs_no_second_plan(spec: ServiceSpec, wanted: str, platforms: Optional[Platforms]) -> None:
    first = make_plan(spec, target(wanted, platforms))
    second = make_plan(first.spec, target(wanted, platforms))
    assert not second.needed
    assert second.spec == first.spec


def test_a_wanted_change_is_met_where_it_changes_nothing() -> None:
    change, spec = ImageChange(target("app:2")), spec_of("app:1")
    assert not change.is_met_by(spec)
    assert change.is_met_by(change.plan(spec).spec)
    assert change.plan(spec) == make_plan(spec, target("app:2"))
    assert change.shown() == "app:2"


def test_a_forced_change_is_never_met() -> None:
    change = ImageChange(target("app:1"), force=True)
    assert not change.is_met_by(spec_of("app:1", ForceUpdate=3))
    assert change.plan(spec_of("app:1", ForceUpdate=3)).spec["TaskTemplate"]["ForceUpdate"] == 4


@pytest.mark.parametrize(
    ("image", "counter", "met"),
    [
        pytest.param("app:2", 3, True, id="the wanted image was deployed"),
        pytest.param("app:1", 4, True, id="redeployed"),
        pytest.param("app:1", 3, False, id="as it was"),
        pytest.param("app:3", 3, False, id="another image"),
        pytest.param("app:3", 4, False, id="another image, redeployed"),
    ],
)
def test_a_forced_change_is_met_where_somebody_else_has_deployed_the_image_since(
    image: str, counter: int, met: bool
) -> None:
    since, now = spec_of("app:1", ForceUpdate=3), spec_of(image, ForceUpdate=counter)
    change = ImageChange(target("app:2" if image == "app:2" else "app:1"), force=True)
    assert change.is_met_by(now, since) is met
    assert not change.is_met_by(now)


def test_a_change_that_is_not_forced_is_not_met_by_another_image_however_new() -> None:
    change = ImageChange(target("app:2"))
    assert not change.is_met_by(spec_of("app:1", ForceUpdate=4), spec_of("app:1", ForceUpdate=3))


@pytest.mark.parametrize("is_there", [True, False])
def test_whether_a_change_whose_answer_was_lost_was_made(is_there: bool) -> None:
    read, change = make_service("app:1"), ImageChange(target("app:2"))
    now = copy.deepcopy(read)
    replace(now, change.plan(read["Spec"]).spec if is_there else spec_of("app:3"))
    assert change.has_landed(Attempt(read, change.plan(read["Spec"]).spec), now) is is_there


@pytest.mark.parametrize(
    ("image", "accepted"), [("app:2", True), (f"docker.io/library/app:2@{A}", True), ("app:1", False)]
)
def test_whose_image_a_wanted_change_accepts(image: str, accepted: bool) -> None:
    assert ImageChange(target("app:2")).accepts(image) is accepted


ASKED = [
    ("app:1", "app:1", "never", False),
    ("app:1", "app:2", "never", False),
    ("app:1", "app:1", "changed", False),
    ("app:1", f"app:1@{DIGEST}", "changed", False),
    ("app:1", "app:2", "changed", True),
    ("app:1", f"app@{DIGEST}", "changed", True),
    ("app", "app:latest", "changed", False),
    ("app:1", "app:1", "always", True),
    ("app:1", f"app:1@{DIGEST}", "always", True),
    *((f"app@{DIGEST}", f"app:1@{DIGEST}", resolve, False) for resolve in ("never", "changed", "always")),
    *((f"app@{DIGEST}", f"app:1@{OTHER_DIGEST}", resolve, True) for resolve in ("never", "changed", "always")),
    *((f"app:1@{DIGEST}", f"app:2@{DIGEST}", resolve, True) for resolve in ("never", "changed", "always")),
]


@pytest.mark.parametrize(("wanted", "stored", "resolve", "asks"), ASKED, ids=[" ".join(row[:3]) for row in ASKED])
def test_when_the_registry_is_asked(wanted: str, stored: str, resolve: str, asks: bool) -> None:
    assert asks_registry(Reference.parse(wanted), stored, resolve) is asks


def test_what_is_settled() -> None:
    platforms = [{"OS": "linux"}]
    wanted = Reference.parse("app")
    assert settle(wanted, None) == Target(wanted)
    pinned = Reference.parse(f"app:latest@{DIGEST}")
    assert settle(wanted, Resolved(DIGEST, platforms)) == Target(pinned, platforms)
    digest_only = Reference.parse(f"app@{DIGEST}")
    assert settle(digest_only, Resolved(DIGEST, platforms)) == Target(digest_only, platforms)
    assert settle(wanted, Resolved(DIGEST)) == Target(pinned, []), "an image that is known to name none"
    assert settle(digest_only, Resolved(DIGEST)) == Target(digest_only, [])


def test_a_registry_with_another_digest_than_the_stated_one_is_not_trusted() -> None:
    wanted = Reference.parse(f"registry.example.com/app@{DIGEST}")
    with pytest.raises(OtherDigest) as caught:
        settle(wanted, Resolved(OTHER_DIGEST))
    assert str(caught.value) == (
        f"The registry registry.example.com was asked for registry.example.com/app@{DIGEST} and answered with the "
        f"digest {OTHER_DIGEST}. Something between the engine and the registry cannot be trusted."
    )


def test_digests_of_two_algorithms_are_not_compared() -> None:
    wanted = Reference.parse(f"app@{DIGEST}")
    assert settle(wanted, Resolved(f"sha512:{'a' * 128}")) == Target(wanted, [])


@pytest.mark.parametrize(
    ("image", "fields", "changes"),
    [
        ("app:1", {}, {"image": ("app:2", "app:1")}),
        (
            "app:2",
            {"ForceUpdate": 4},
            {
                "other_fields": (
                    ["TaskTemplate.ForceUpdate: present", "TaskTemplate.LogDriver: present"],
                    ["TaskTemplate.ForceUpdate: previous", "TaskTemplate.LogDriver: previous"],
                )
            },
        ),
        (
            "app:1",
            {},
            {
                "image": ("app:2", "app:1"),
                "other_fields": (["TaskTemplate.LogDriver: present"], ["TaskTemplate.LogDriver: previous"]),
            },
        ),
        ("app:2", {}, {}),
    ],
    ids=["the image", "other fields", "both", "nothing"],
)
def test_a_rollback_shows_the_image_and_names_the_other_fields(
    image: str, fields: Dict[str, Any], changes: Dict[str, Any]
) -> None:
    driver: Dict[str, Any] = {"LogDriver": {"Options": {"token": "hunter2"}}} if "other_fields" in changes else {}
    service: Service = {**make_service("app:2"), "PreviousSpec": spec_of(image, **fields, **driver)}
    assert rollback_changes(service) == changes

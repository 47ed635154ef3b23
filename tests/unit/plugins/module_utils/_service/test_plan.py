# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import ServiceSpec
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    Platforms,
    Resolved,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    ImageChange,
    Target,
    asks_registry,
    make_plan,
    settle,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import (
    differing_fields,
)
from tests.unit.plugins.module_utils.fakes import (
    DIGEST,
    OTHER_DIGEST,
    make_service,
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
    assert change.is_met_by(change.apply(spec))
    assert change.plan(spec) == make_plan(spec, target("app:2"))
    assert change.shown() == "app:2"


def test_a_forced_change_is_never_met() -> None:
    change = ImageChange(target("app:1"), force=True)
    assert not change.is_met_by(spec_of("app:1", ForceUpdate=3))
    assert change.apply(spec_of("app:1", ForceUpdate=3))["TaskTemplate"]["ForceUpdate"] == 4


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

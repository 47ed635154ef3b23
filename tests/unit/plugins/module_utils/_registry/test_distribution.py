# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import RolloutError
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import (
    MissingImage,
    Platforms,
    Resolved,
    UnresolvedImage,
    platforms_of,
)

AMD64 = {"Architecture": "amd64", "OS": "linux"}
ARM = {"OS": "linux"}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param(None, None, id="null"),
        pytest.param([{"os": "linux", "architecture": "amd64"}], [AMD64], id="one"),
        pytest.param([{"os": "linux", "architecture": "amd64"}] * 2, [AMD64], id="twice"),
        pytest.param([{"os": "unknown", "architecture": "unknown"}], None, id="attestation-alone"),
        pytest.param(
            [{"os": "linux", "architecture": "amd64"}, {"os": "unknown", "architecture": "unknown"}],
            [AMD64],
            id="attestation",
        ),
        pytest.param(
            [
                {"os": "linux", "architecture": "arm", "variant": "v6"},
                {"os": "linux", "architecture": "arm", "variant": "v7"},
            ],
            [ARM],
            id="arm",
        ),
        pytest.param(
            [{"os": "linux", "architecture": "arm64", "variant": "v8"}],
            [{"Architecture": "arm64", "OS": "linux"}],
            id="arm64",
        ),
    ],
)
def test_platforms_of_an_image(named: Optional[List[Dict[str, str]]], expected: Optional[Platforms]) -> None:
    assert platforms_of({"Platforms": named} if named is not None else {}) == expected


def test_an_image_that_is_missing_is_one_that_is_not_resolved() -> None:
    assert isinstance(MissingImage("no"), UnresolvedImage)
    assert not isinstance(UnresolvedImage("no"), MissingImage)
    assert not MissingImage("no").may_have_written
    assert issubclass(UnresolvedImage, RolloutError)


@pytest.mark.parametrize("architecture", ["arm", "ARM"])
def test_arm_in_any_case_keeps_its_system_alone(architecture: str) -> None:
    assert platforms_of({"Platforms": [{"os": "linux", "architecture": architecture}]}) == [ARM]


def test_platforms_keep_the_registrys_order() -> None:
    named = [{"os": "windows", "architecture": "amd64"}, {"os": "linux", "architecture": "amd64"}]
    assert platforms_of({"Platforms": named}) == [{"Architecture": "amd64", "OS": "windows"}, AMD64]


def test_what_names_no_platforms_has_none() -> None:
    assert Resolved("sha256:1").platforms is None

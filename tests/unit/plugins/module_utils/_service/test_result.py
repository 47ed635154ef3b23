# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import (
    CONVERGED,
    PAUSED,
    UNCHANGED,
    Outcome,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Entry, as_result
from tests.unit.plugins.module_utils.fakes import make_service


def entry(outcome: Outcome = CONVERGED, **fields: Any) -> Entry:
    changes = {"image": ("app:1", "app:2"), "platforms": (None, [{"OS": "linux"}])}
    given = {"changed": True, "changes": changes, **fields}
    return Entry(make_service("app:1"), "app:1", "app:2", 11, outcome=outcome, **given)


def test_an_image_that_is_not_known_is_returned_as_none() -> None:
    assert dataclasses.replace(entry(), image_after=None).as_result()["image"]["after"] is None


def test_images_are_fit_to_be_shown() -> None:
    strange = dataclasses.replace(
        entry(changes={"image": ("app\n:1", "app\x1b:2")}), image_before="app\n:1", image_after="app\x1b:2"
    )
    assert "\n" not in strange.as_result()["image"]["before"] + strange.as_diff()["before"]["image"]
    assert "\x1b" not in strange.as_result()["image"]["after"] + strange.as_diff()["after"]["image"]


def test_an_entry_as_it_is_returned() -> None:
    assert entry(warnings=["Beware."], running=1, desired=2).as_result() == {
        "id": make_service()["ID"],
        "name": "t001",
        "changed": True,
        "outcome": "converged",
        "image": {"before": "app:1", "after": "app:2"},
        "version": {"before": 10, "after": 11},
        "progress": {"running": 1, "desired": 2},
        "tasks": [],
        "warnings": ["Beware."],
    }


def test_an_outcome_is_returned_as_plain_text() -> None:
    assert entry().as_result()["outcome"].__class__ is str


def test_the_diff_has_the_fields_that_change_and_no_other() -> None:
    assert entry().as_diff() == {
        "before_header": "t001",
        "after_header": "t001",
        "before": {"image": "app:1", "platforms": None},
        "after": {"image": "app:2", "platforms": [{"OS": "linux"}]},
    }


@pytest.mark.parametrize("single", [True, False])
def test_the_result_of_a_task(single: bool) -> None:
    same = entry(UNCHANGED, changed=False, changes={})
    result = as_result([entry(), same], single)
    assert (result["changed"], len(result["services"]), len(result["diff"])) == (True, 2, 1)
    assert ("service" in result) == single
    assert as_result([same], single)["changed"] is False
    assert "service" not in as_result([], single)


@pytest.mark.parametrize("name", ["outcome", "changed"])
def test_an_entry_is_made_once(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(entry(), name, PAUSED)

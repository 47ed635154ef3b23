# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.stage import (
    ENDED,
    QUEUED,
    ROLLING,
    ROLLING_BACK,
)
from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import Progress

STAGES = (QUEUED, ROLLING, ROLLING_BACK, ENDED)


def test_no_two_stages_are_one() -> None:
    assert len(set(STAGES)) == len(STAGES)
    assert all(STAGES)


@pytest.mark.parametrize(
    ("stage", "begun", "over"),
    [(QUEUED, False, False), (ROLLING, True, False), (ROLLING_BACK, True, False), (ENDED, True, True)],
)
def test_what_the_controller_makes_of_a_stage(stage: str, begun: bool, over: bool) -> None:
    progress = Progress()
    progress.take({"at": 1.0, "left": 2.0, "trouble": "", "warnings": [], "services": [{"name": "a", "stage": stage}]})
    assert (progress.begun == ["a"], progress.is_over) == (begun, over)

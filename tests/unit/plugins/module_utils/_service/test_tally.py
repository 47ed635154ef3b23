# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import monitor_seconds


@pytest.mark.parametrize(
    ("config", "seconds"), [({}, 5.0), (None, 5.0), ({"Monitor": 0}, 0.0), ({"Monitor": 10**9}, 1)]
)
def test_monitor_in_seconds(config: Any, seconds: float) -> None:
    assert monitor_seconds({"UpdateConfig": config}) == seconds

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tests.swarm.specs import Change, differing


def test_fields_that_differ() -> None:
    before = {"Labels": {"a": "1"}, "TaskTemplate": {"ContainerSpec": {"Image": "x:1", "Env": ["B=1", "A=1"]}, "N": 0}}
    after = {"TaskTemplate": {"ContainerSpec": {"Image": "x:2", "Env": ["A=1", "B=1"], "Init": True}}}
    assert differing(before, before) == Change(2, (), ())
    assert differing(before, after) == Change(2, ("Labels.a",), ("TaskTemplate.ContainerSpec.Init",))
    assert str(differing(before, after)) == "1 of 2 lost or changed, 1 added"

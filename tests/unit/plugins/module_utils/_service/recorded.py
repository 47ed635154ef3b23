# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of real services, recorded from an Engine 20.10.24 of one node and trimmed.

A task's `UpdatedAt`, which the recording left out, is 15 ms after its status's moment, as on such an engine.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Collection, Dict, List, Union

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Filters
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock, FakeEngine

_RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
NAMES = tuple(_RECORDED["snapshots"])


def node(identifier: str = "", state: str = "", **spec: Any) -> Any:
    """Give the recorded node, with another ID, state or spec where asked for."""
    made = copy.deepcopy(_RECORDED["node"])
    made["ID"] = identifier or made["ID"]
    made["Status"]["State"] = state or made["Status"]["State"]
    made["Spec"].update(spec)
    return made


def snapshot(name: str, **fields: Any) -> Snapshot:
    """Give a recorded snapshot of one's own, with other fields where asked for."""
    recorded: Dict[str, Any] = copy.deepcopy(_RECORDED["snapshots"][name])
    return Snapshot(**{"nodes": [node()], **recorded, **fields})


class RecordedEngine(FakeEngine):
    """An engine that shows one moment after the other at each look, and stays at the last one.

    A moment is a snapshot, an error that befalls the look, or None where the service is gone. `limits` are the seconds
    that lists were bounded to.
    """

    def __init__(self, *moments: Union[Snapshot, Exception, None]) -> None:
        super().__init__()
        self.moments = list(moments)
        self.looks = 0
        self.limits: List[float] = []

    def _get(self, parts: List[str], filters: Filters) -> Answer:
        self.limits.append(self.limit)
        if parts[0] == "services":
            if self.looks and len(self.moments) > 1:
                self.moments.pop(0)
            self.looks += 1
        self._show(self.moments[0])
        return super()._get(parts, filters)

    def _show(self, moment: Union[Snapshot, Exception, None]) -> None:
        if isinstance(moment, Exception):
            raise moment
        self.services, self.tasks, self.nodes = {}, [], [node()]
        if moment is not None:
            self.services = {moment.service["ID"]: moment.service}
            self.tasks, self.nodes, self.date = moment.tasks, moment.nodes, moment.date


class FakeWatch(Watch):
    """Lets the time of a clock pass, and hears of nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def pause(self, seconds: float, identifiers: Collection[str]) -> None:
        del identifiers
        self._clock.sleep(seconds)

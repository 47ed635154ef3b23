# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of real services, recorded from an Engine 20.10.24 of one node and trimmed.

A task's `UpdatedAt`, which the recording left out, is 15 ms after its status's moment, as on such an engine.
"""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any, Collection, Dict, Iterator, List, Union

from ansible_collections.swarmops.rollout.plugins.module_utils._errors import NotFound
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.observer import Watch
from ansible_collections.swarmops.rollout.plugins.module_utils._service.tally import Snapshot
from tests.unit.plugins.module_utils.fakes import FakeClock

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


class RecordedEngine:
    """An engine that shows one moment after the other at each look, and stays at the last one.

    A moment is a snapshot, an error that befalls the look, or None where the service is gone. `rollbacks` are the
    version indexes at which a rollback was asked for, each answered by the next of `answers`. `limits` are the seconds
    that calls were bounded to.
    """

    call_timeout = 60.0

    def __init__(self, *moments: Union[Snapshot, Exception, None]) -> None:
        self.moments = list(moments)
        self.answers: List[Any] = []
        self.rollbacks: List[int] = []
        self.looks = 0
        self.limits: List[float] = []
        self.told: Dict[str, Any] = {}  # of itself

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self.limits.append(seconds)
        yield

    @property
    def date(self) -> str:
        return self._moment().date

    def services(self, _filters: Any = None) -> List[Any]:
        if self.looks and len(self.moments) > 1:
            self.moments.pop(0)
        self.looks += 1
        present = self.moments[0]
        if isinstance(present, Exception):
            raise present
        return [] if present is None else [present.service]

    def service(self, _identifier: str) -> Any:
        return self._moment().service

    def tasks(self, _filters: Any) -> List[Any]:
        return self._moment().tasks

    def info(self) -> Dict[str, Any]:
        return self.told

    def nodes(self) -> List[Any]:
        return [node()] if self.moments[0] is None else self._moment().nodes

    def roll_back_service(self, service: Any) -> List[str]:
        self.rollbacks.append(service["Version"]["Index"])
        given = self.answers.pop(0) if self.answers else []
        if callable(given):
            given = given(self)
        if isinstance(given, Exception):
            raise given
        return list(given)

    def _moment(self) -> Snapshot:
        present = self.moments[0]
        if isinstance(present, Snapshot):
            return present
        raise present or NotFound("GET /tasks", 404, "service gone not found")


class FakeWatch(Watch):
    """Lets the time of a clock pass, and hears of nothing."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def pause(self, seconds: float, identifiers: Collection[str]) -> None:
        del identifiers
        self._clock.sleep(seconds)

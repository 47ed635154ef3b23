# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine whose services roll out as somebody looks on."""

from __future__ import annotations

import contextlib
import copy
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from tests.unit.plugins.module_utils.fakes import OUT_OF_SEQUENCE, FakeClock, make_service

OLD, NEW, CRASH, THEIRS = "whoami:0.7", "whoami:0.6", "crash:1", "theirs:1"
LOOKS = 3  # after which a rollout has ended
SILENCE = 90.0  # seconds for which a service cannot be read whose update got no answer


class RollingEngine:
    """Services by number, of one task each.

    `befalls` says with what each of them meets: a `conflict` or an `unknown fate` at its update, or that it is
    `removed` while it rolls out.
    """

    call_timeout = 60.0
    date = "Thu, 01 Jan 2026 12:00:00 GMT"

    def __init__(self, size: int) -> None:
        self.clock = FakeClock()
        self.befalls: Dict[int, str] = {}
        self.takes: Dict[int, int] = {}  # looks after which the rollout of a service has ended, where not `LOOKS`
        self.written: List[int] = []
        self.written_at: List[float] = []  # moments of the clock, as those of the ends
        self.ended_at: List[float] = []
        self.rolled_back: List[int] = []
        self.most_at_once = 0
        self.is_dark = False  # nobody can see how services stand then
        self._looks: Dict[str, int] = {}
        self._silent_until: Dict[str, float] = {}
        self._services = {}
        for number in range(size):
            made: Any = make_service(OLD, f"s{number}", f"id{number}")
            made["Spec"]["Mode"]["Replicated"]["Replicas"] = 1
            for config in ("UpdateConfig", "RollbackConfig"):
                made["Spec"][config] = {"Monitor": 0}
            self._services[made["ID"]] = made

    def present(self) -> List[Any]:
        return copy.deepcopy(list(self._services.values()))

    def image(self, number: int) -> Optional[str]:
        """The image of a service; None where it is gone."""
        service = self._services.get(f"id{number}")
        return str(service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) if service else None

    @contextlib.contextmanager
    def within(self, _seconds: float) -> Iterator[None]:
        yield

    def service(self, identifier: str) -> Any:
        if self.clock.now() < self._silent_until.get(identifier, 0.0):
            raise errors.EngineUnreachable("Nothing listens on the socket.")
        if identifier not in self._services:
            raise errors.NotFound(f"GET /services/{identifier}", 404, "service not found")
        return copy.deepcopy(self._services[identifier])

    def services(self, filters: Any = None) -> List[Any]:
        """The services, each of which has moved on a bit."""
        wanted = (filters or {}).get("id", list(self._services))
        for identifier in list(self._services):
            self._move_on(identifier)
        return [service for service in self.present() if service["ID"] in wanted]

    def tasks(self, filters: Any) -> List[Any]:
        own = [service for service in self._services.values() if service["ID"] in filters["service"]]
        return [self._task(service) for service in own]

    def nodes(self) -> List[Any]:
        if self.is_dark:
            raise errors.EngineUnreachable("Nothing listens on the socket.")
        return [{"ID": "n1", "Status": {"State": "ready"}, "Spec": {"Availability": "active"}}]

    def update_service(self, read: Any, spec: Any, _header: Any = None) -> List[str]:
        service = self._services[read["ID"]]
        met = self.befalls.pop(int(read["ID"][2:]), "")
        if met == "conflict":
            self._put(service, THEIRS)
        if service["Version"]["Index"] != read["Version"]["Index"]:
            raise errors.OutOfSequence("POST /services/x/update", 500, OUT_OF_SEQUENCE)
        self._put(service, spec["TaskTemplate"]["ContainerSpec"]["Image"])
        self.written.append(int(read["ID"][2:]))
        self.written_at.append(self.clock.now())
        self._begin(service, "updating")
        if met == "unknown fate":
            self._silent_until[read["ID"]] = self.clock.now() + SILENCE
            raise errors.AnswerLost("POST /services/x/update: the connection broke.")
        if met:
            self.befalls[int(read["ID"][2:])] = met
        return []

    def roll_back_service(self, read: Any) -> List[str]:
        service = self._services[read["ID"]]
        self._put(service, read["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"])
        self.rolled_back.append(int(read["ID"][2:]))
        self._begin(service, "rollback_started")
        return []

    def _put(self, service: Any, image: str) -> None:
        service["PreviousSpec"] = service["Spec"]
        service["Spec"] = copy.deepcopy(service["Spec"])
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = image
        service["Version"]["Index"] += 1
        service.pop("UpdateStatus", None)

    def _begin(self, service: Any, state: str) -> None:
        service["UpdateStatus"] = {"State": state, "StartedAt": f"2026-01-01T11:00:{len(self.written):02}Z"}
        self._looks[service["ID"]] = self.takes.get(int(service["ID"][2:]), LOOKS)
        states = [each.get("UpdateStatus", {}).get("State") for each in self._services.values()]
        self.most_at_once = max(self.most_at_once, states.count("updating"))

    def _move_on(self, identifier: str) -> None:
        """What a look's time brings about."""
        service = self._services[identifier]
        state = service.get("UpdateStatus", {}).get("State")
        if state not in ("updating", "rollback_started"):
            return
        self._looks[identifier] -= 1
        if self._looks[identifier] > 0:
            return
        if self.befalls.get(int(identifier[2:])) == "removed":
            del self._services[identifier]
            return
        self.ended_at.append(self.clock.now())
        has_crashed = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == CRASH
        service["UpdateStatus"]["State"] = {
            "updating": "paused" if has_crashed else "completed",
            "rollback_started": "rollback_completed",
        }[state]
        service["UpdateStatus"]["CompletedAt"] = "2026-01-01T11:30:00Z"
        service["Version"]["Index"] += 1

    @staticmethod
    def _task(service: Any) -> Any:
        image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
        state = "failed" if image == CRASH else "running"
        return {
            "ID": f"task of {service['ID']} at {service['Version']['Index']}",
            "ServiceID": service["ID"],
            "NodeID": "n1",
            "Slot": 1,
            "DesiredState": "running",
            "Status": {"State": state},
            "CreatedAt": "2026-01-01T11:20:00Z",
            "UpdatedAt": "2026-01-01T11:20:00Z",
            "Spec": {"ContainerSpec": {"Image": image}},
        }

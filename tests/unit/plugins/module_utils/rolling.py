# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine whose services roll out as somebody looks on."""

from __future__ import annotations

import copy
from typing import Dict, List, Mapping, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import (
    Filters,
    Service,
    ServiceSpec,
    Task,
)
from tests.unit.plugins.module_utils.fakes import FakeEngine, make_service, replace

OLD, NEW, CRASH, THEIRS = "whoami:0.7", "whoami:0.6", "crash:1", "theirs:1"
LOOKS = 3  # after which a rollout has ended
SILENCE = 90.0  # seconds for which a service cannot be read whose update got no answer


def numbered(number: int) -> Service:
    """A service of one task."""
    made = make_service(OLD, f"s{number}", f"id{number}")
    made["Spec"].update(
        Mode={"Replicated": {"Replicas": 1}}, UpdateConfig={"Monitor": 0}, RollbackConfig={"Monitor": 0}
    )
    return made


def with_image(spec: ServiceSpec, image: str) -> ServiceSpec:
    """A spec of its own, with another image."""
    made = copy.deepcopy(spec)
    made["TaskTemplate"]["ContainerSpec"]["Image"] = image
    return made


def number_of(identifier: str) -> int:
    return int(identifier[2:])


class RollingEngine(FakeEngine):
    """Services by number, of one task each.

    `befalls` says with what each of them meets: a `conflict` or an `unknown fate` at its update, or that it is
    `removed` while it rolls out.
    """

    def __init__(self, size: int) -> None:
        super().__init__(*map(numbered, range(size)))
        self.date = "Thu, 01 Jan 2026 12:00:00 GMT"
        self.nodes = [{"ID": "n1", "Status": {"State": "ready"}, "Spec": {"Availability": "active"}}]
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

    def present(self) -> List[Service]:
        return copy.deepcopy(list(self.services.values()))

    def image(self, number: int) -> Optional[str]:
        """The image of a service; None where it is gone."""
        service = self.services.get(f"id{number}")
        return str(service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) if service else None

    def begin(self, number: int, image: str) -> None:
        """Somebody else's update of a service begins."""
        service = self.services[f"id{number}"]
        replace(service, with_image(service["Spec"], image))
        self._start(service, "updating")

    def _get(self, parts: List[str], filters: Filters) -> Answer:
        if parts == ["nodes"] and self.is_dark:
            raise errors.EngineUnreachable("Nothing listens on the socket.")
        return super()._get(parts, filters)

    def _read(self, wanted: str) -> Answer:
        if self.clock.now() < self._silent_until.get(wanted, 0.0):
            raise errors.EngineUnreachable("Nothing listens on the socket.")
        return super()._read(wanted)

    def _list_services(self, filters: Filters) -> List[Service]:
        """The services, each of which has moved on a bit."""
        for identifier in list(self.services):
            self._move_on(identifier)
        return super()._list_services(filters)

    def _list_tasks(self, filters: Filters) -> List[Task]:
        self.tasks = [self._task(service) for service in self.services.values()]
        return super()._list_tasks(filters)

    def _post(
        self, identifier: str, params: Mapping[str, str], spec: ServiceSpec, headers: Mapping[str, str]
    ) -> Answer:
        service = self.services[identifier]
        if self.befalls.get(number_of(identifier)) == "conflict":
            del self.befalls[number_of(identifier)]
            replace(service, with_image(service["Spec"], THEIRS))
        answered = super()._post(identifier, params, spec, headers)
        if answered.status == 200 and self.befalls.get(number_of(identifier)) == "unknown fate":
            del self.befalls[number_of(identifier)]
            self._silent_until[identifier] = self.clock.now() + SILENCE
            raise errors.AnswerLost("POST /services/x/update: the connection broke.")
        return answered

    def _update(self, service: Service, spec: ServiceSpec) -> None:
        super()._update(service, spec)
        self.written.append(number_of(service["ID"]))
        self.written_at.append(self.clock.now())
        self._start(service, "updating")

    def _roll_back(self, service: Service, started: str = "") -> None:
        super()._roll_back(service, started)
        self.rolled_back.append(number_of(service["ID"]))
        self._start(service, "rollback_started")

    def _start(self, service: Service, state: str) -> None:
        service["UpdateStatus"] = {"State": state, "StartedAt": f"2026-01-01T11:00:{len(self.written):02}Z"}
        self._looks[service["ID"]] = self.takes.get(number_of(service["ID"]), LOOKS)
        states = [(each.get("UpdateStatus") or {}).get("State") for each in self.services.values()]
        self.most_at_once = max(self.most_at_once, states.count("updating"))

    def _move_on(self, identifier: str) -> None:
        """What a look's time brings about."""
        service = self.services[identifier]
        status = service.get("UpdateStatus") or {}
        if status.get("State") not in ("updating", "rollback_started"):
            return
        self._looks[identifier] -= 1
        if self._looks[identifier] > 0:
            return
        if self.befalls.get(number_of(identifier)) == "removed":
            del self.services[identifier]
            return
        self.ended_at.append(self.clock.now())
        has_crashed = self.image(number_of(identifier)) == CRASH
        status["State"] = {
            "updating": "paused" if has_crashed else "completed",
            "rollback_started": "rollback_completed",
        }[status["State"]]
        status["CompletedAt"] = "2026-01-01T11:30:00Z"
        service["Version"]["Index"] += 1

    @staticmethod
    def _task(service: Service) -> Task:
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

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide what to do with each service before any is touched. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import quote
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.convergence import Wait
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Plan,
    Target,
    make_plan,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry
from ansible_collections.swarmops.rollout.plugins.module_utils._service.resolution import (
    CHANGED,
    Resolved,
    Resolver,
    UnresolvedImage,
    asks_registry,
    settle,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.update import Written

WARN = "warn"
FAIL = "fail"


@dataclass(frozen=True)
class Settings:
    """How a task goes about it; names and meaning are those of the module's options, times are in seconds."""

    check_mode: bool = False
    resolve: str = CHANGED
    on_unresolved: str = WARN
    force: bool = False
    wait: bool = True
    wait_timeout: float = 300
    on_failure: str = FAIL
    max_parallel: int = 0


@dataclass
class Member:
    """One service of a task on its way through it. `problem` is what went wrong."""

    service: Service
    target: Target
    plan: Plan
    entry: Entry
    credential: Optional[Credential] = None
    written: Optional[Written] = None
    wait: Optional[Wait] = None
    problem: str = ""

    @property
    def identifier(self) -> str:
        """The service's ID."""
        return self.service["ID"]


def decide(service: Service, wanted: Reference, resolver: Resolver, settings: Settings) -> Member:
    """Decide what to do with one service, asking the registry where that is needed.

    Raises UnresolvedImage with `on_unresolved: fail`, UnsupportedService, CredentialError, InvalidInput.
    """
    image = stored_image(service["Spec"])
    answer = resolver.ask(wanted) if asks_registry(wanted, image, settings.resolve) else None
    if isinstance(answer, UnresolvedImage) and settings.on_unresolved == FAIL:
        raise answer
    target = settle(wanted, answer if isinstance(answer, Resolved) else None)
    plan = make_plan(service["Spec"], target, settings.force)
    entry = Entry.of_plan(service, plan)
    if isinstance(answer, UnresolvedImage):
        entry.warnings.append(f"{answer} {_consequence(wanted, image)}")
    credential = resolver.credential(wanted) if plan.needed else None
    return Member(service, target, plan, entry, credential)


def _consequence(wanted: Reference, image: str) -> str:
    """What a missing digest means for a service that holds `image`."""
    if Target(wanted).is_met_by(image):
        return f"Whether the tag has moved is not known; the service keeps {quote(image)}."
    if wanted.digest is not None:
        return "The digest is the one that was asked for; the service's platforms are left as they are."
    image = wanted.with_default_tag().familiar
    return f"The service gets {image} without a digest, so each node pulls what the tag is then."

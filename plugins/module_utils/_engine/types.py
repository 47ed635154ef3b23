# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of the engine's JSON that this collection reads. Private to this collection.

Names and meaning: Engine API, `Service`, `Task`, `Node` (api/types/swarm in github.com/moby/moby). A
spec stays raw: it is patched, never rebuilt, so that fields unknown here survive.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, List

if sys.version_info >= (3, 8):
    from typing import TypedDict
else:

    class TypedDict(dict):
        """A stand-in that lets Python 3.7 read the classes below; types are checked on newer versions."""

        def __init_subclass__(cls, total: bool = True) -> None:
            super().__init_subclass__()


ServiceSpec = Dict[str, Any]


class Version(TypedDict):
    """The version index: the swarm's compare-and-swap."""

    Index: int


class UpdateStatus(TypedDict, total=False):
    """How the last update or rollback stands."""

    State: str
    StartedAt: str
    CompletedAt: str
    Message: str


class Service(TypedDict, total=False):
    """A service as `GET /services/ID` returns it."""

    ID: str
    Version: Version
    Spec: ServiceSpec
    PreviousSpec: ServiceSpec
    UpdateStatus: UpdateStatus
    JobStatus: Dict[str, Any]
    UpdatedAt: str


class Task(TypedDict, total=False):
    """A task as `GET /tasks` returns it."""

    ID: str
    ServiceID: str
    NodeID: str
    Slot: int
    Spec: Dict[str, Any]
    Status: Dict[str, Any]
    DesiredState: str
    CreatedAt: str
    UpdatedAt: str
    JobIteration: Version


class Node(TypedDict, total=False):
    """A node as `GET /nodes` returns it."""

    ID: str
    Spec: Dict[str, Any]
    Version: Version
    UpdatedAt: str
    Description: Dict[str, Any]
    Status: Dict[str, Any]
    ManagerStatus: Dict[str, Any]


class Distribution(TypedDict, total=False):
    """A registry's answer about an image: `GET /distribution/NAME/json`."""

    Descriptor: Dict[str, Any]
    Platforms: List[Dict[str, str]]


Filters = Dict[str, List[str]]

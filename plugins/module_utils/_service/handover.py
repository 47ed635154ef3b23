# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hand a rollout over from one process to the next. Private to this collection.

What is handed over goes through the controller and its logs. It has no spec in it, nor any part of one but names,
images and counters; specs are told apart by their fingerprints.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._service.attempt import Footprint
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import GOING_BACK, QUEUED, ROLLING
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import (
    Target,
    fingerprint,
    name_of,
    stored_image,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.credentials import Credential
    from ansible_collections.swarmops.rollout.plugins.module_utils._service.rollout import Rollout

    FindCredential = Callable[[Reference], Optional[Credential]]

Packed = Dict[str, Any]

ENTRY_FIELDS = (
    "image_before",
    "image_after",
    "version_after",
    "changed",
    "outcome",
    "changes",
    "warnings",
    "running",
    "desired",
    "tasks",
)
MEMBER_FIELDS = ("stage", "expected_image", "force_update", "problem", "aftermath")


def pack(rollout: Rollout, now: float) -> str:
    """What the next process needs to go on; `now` is a moment of the rollout's clock."""
    content = {
        "members": [_pack_member(member, now) for member in rollout.members],
        "held": rollout.waiting.convergence.observer.held,
    }
    return base64.b64encode(zlib.compress(json.dumps(content).encode())).decode()


def unpack(rollout: Rollout, text: str, gap: float, is_retry: bool, find_credential: FindCredential) -> None:
    """Go on with what was packed, `gap` seconds ago.

    With `is_retry` a process before this one has gone on with it already, and nothing is known of it. Raises
    InvalidInput.
    """
    try:
        content = json.loads(zlib.decompress(base64.b64decode(text)))
    except (ValueError, zlib.error):
        raise errors.InvalidInput("The rollout that was handed over cannot be read.") from None
    for packed in content["members"]:
        member = _unpack_member(packed)
        rollout.members.append(member)
        if member.stage == QUEUED and member.target is not None:
            member.credential = find_credential(member.target.reference)
            member.known_footprint = member.known_footprint if is_retry else None
        if member.stage in (ROLLING, GOING_BACK):
            rollout.waiting.resume(member, packed["seconds"] - gap)
    rollout.waiting.convergence.observer.held = content["held"]


def _pack_member(member: Member, now: float) -> Packed:
    wait, entry, target = member.wait, member.entry, member.target
    if wait is not None and wait.judgement is not None:
        entry.running, entry.desired = wait.judgement.running, wait.judgement.desired
    footprint = member.footprint
    if member.stage == QUEUED:
        footprint = footprint or Footprint("", fingerprint(member.service["Spec"]))
    return {
        **{name: getattr(member, name) for name in MEMBER_FIELDS},
        "service": _parts(wait.service if wait else member.service),
        "first_service": _parts(entry.service),
        "entry": {name: getattr(entry, name) for name in ENTRY_FIELDS},
        "target": [target.reference.canonical, target.platforms] if target else None,
        "footprint": footprint,
        "seconds": wait.deadline - now if wait else None,
    }


def _unpack_member(packed: Packed) -> Member:
    member = Member(packed["service"], Entry(packed["first_service"], **packed["entry"]), is_stale=True)
    for name in MEMBER_FIELDS:
        setattr(member, name, packed[name])
    if packed["target"]:
        reference, platforms = packed["target"]
        member.target = Target(Reference.parse(reference), platforms)
    if packed["footprint"]:
        member.known_footprint = Footprint(*packed["footprint"])
    return member


def _parts(service: types.Service) -> types.Service:
    """A service without what nobody else needs to know of it."""
    image = stored_image(service["Spec"])
    return {
        "ID": service["ID"],
        "Version": {"Index": service["Version"]["Index"]},
        "Spec": {"Name": name_of(service), "TaskTemplate": {"ContainerSpec": {"Image": image}}},
    }

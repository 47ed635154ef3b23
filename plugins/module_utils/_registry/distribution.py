# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry's answer about a reference, as the engine passes it on (pure). Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Union

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

Platforms = List[Dict[str, str]]


class UnresolvedImage(errors.RolloutError):
    """The registry returned no digest; the message names registry, reference and status."""


class MissingImage(UnresolvedImage):
    """The registry says that it has no such tag or digest."""


class AccessRefused(UnresolvedImage):
    """The registry refuses the credentials that it was asked with, or access without any."""


class Resolved(NamedTuple):
    """What a registry has for a reference now; `platforms` is None if it names none."""

    digest: str
    platforms: Optional[Platforms] = None


Answer = Union[Resolved, UnresolvedImage]


def platforms_of(distribution: types.Distribution) -> Optional[Platforms]:
    """The platforms of an image, as the Docker CLI writes them into a spec; None if the registry names none.

    `unknown` platforms (attestations) are left out; `arm` loses its architecture, which nodes report in too many
    spellings (github.com/moby/swarmkit issue 2294).
    """
    platforms: Platforms = []
    for entry in distribution.get("Platforms") or []:
        system, architecture = str(entry.get("os") or ""), str(entry.get("architecture") or "")
        if "unknown" in (system, architecture):
            continue
        fields = {"Architecture": "" if architecture.lower() == "arm" else architecture, "OS": system}
        platform = {name: value for name, value in fields.items() if value}
        if platform not in platforms:
            platforms.append(platform)
    return platforms or None

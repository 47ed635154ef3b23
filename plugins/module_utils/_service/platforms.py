# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a swarm has nodes for the platforms of an image (pure). Private to this collection.

The swarm starts no task on a node that has none of the platforms in a spec (swarmkit, manager/scheduler/filter.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import brief
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.distribution import Platforms
from ansible_collections.swarmops.rollout.plugins.module_utils._service.placement import (
    has_platform,
    meant_nodes,
    platform_name,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.plan import Target
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of, stored_image

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

MOST_NODES = 3  # nodes of one platform that a message names


class NoNodeFits(errors.RolloutError):
    """No node that is eligible for a service has a platform of its new image."""


def check_platforms(service: types.Service, target: Target, nodes: List[types.Node]) -> str:
    """Check that a node that is eligible for a service has a platform of its new image, if these are known.

    A node that is down counts, and so does one that has not said what it is. Returns a warning that names the nodes on
    which a global service cannot run; empty if there are none. The update of such a service does not end, since it
    waits for each of its tasks to start (swarmkit, manager/orchestrator/update/updater.go). Raises NoNodeFits.
    """
    spec = service["Spec"]
    if not target.platforms or target.is_met_by(stored_image(spec)):
        return ""
    meant = meant_nodes(spec, nodes)
    eligible = [node for node in nodes if node["ID"] in meant]
    others = [node for node in eligible if _platform(node) and not has_platform(node, target.platforms)]
    if not others:
        return ""
    image, own = brief(target.reference.familiar), names_of(target.platforms)
    if len(others) == len(eligible):
        raise NoNodeFits(
            f"The image {image} is for {own}, and the nodes that the service {name_of(service)} may run on are "
            f"{_by_platform(others)}. No task of it could start. Push the image for one of their platforms too, or "
            "change the placement constraints of the service."
        )
    if {"Global", "GlobalJob"}.isdisjoint(spec.get("Mode") or {}):
        return ""
    return (
        f"The image {image} is for {own}, and this global service is meant for other nodes too: "
        f"{_by_platform(others)}. Its tasks there cannot start, and the swarm waits for them without end. Leave these "
        "nodes out by a placement constraint, or push the image for their platforms too."
    )


def warning_of_kept_platforms(spec: types.ServiceSpec) -> str:
    """A warning that a spec keeps the platforms of another image; empty if it has none."""
    platforms = (spec["TaskTemplate"].get("Placement") or {}).get("Platforms")
    if not platforms:
        return ""
    return (
        f"The service keeps the platforms of its former image ({names_of(platforms)}), since those of the new one are "
        "not known."
    )


def names_of(platforms: Platforms) -> str:
    """The names of platforms, for a message."""
    return errors.quote(", ".join(filter(None, map(platform_name, platforms))))


def _platform(node: types.Node) -> str:
    """The name of a node's platform; empty if it has not said what it is."""
    return platform_name((node.get("Description") or {}).get("Platform") or {})


def _by_platform(nodes: List[types.Node]) -> str:
    """The platforms of nodes, each with the first of its nodes: `linux/arm64 (w1, w2 and 5 more)`."""
    hosts: Dict[str, List[str]] = {}
    for node in nodes:
        hostname = (node.get("Description") or {}).get("Hostname") or node["ID"]
        hosts.setdefault(_platform(node), []).append(errors.quote(str(hostname)))
    return ", ".join(f"{errors.quote(platform)} ({_first(names)})" for platform, names in sorted(hosts.items()))


def _first(names: List[str]) -> str:
    shown = ", ".join(sorted(names)[:MOST_NODES])
    return shown if len(names) <= MOST_NODES else f"{shown} and {len(names) - MOST_NODES} more"

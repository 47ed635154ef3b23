# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes on which a global service has tasks (pure). Private to this collection.

Rules: swarmkit, manager/constraint/constraint.go and manager/scheduler/filter.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Set

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types


ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # all that the swarm knows; it compares them letter by letter
AWAY = ("unknown", "disconnected")
_SUBNET = re.compile(r"[^/]+(/\d+)?")


def owed_nodes(spec: types.ServiceSpec, nodes: List[types.Node]) -> Set[str]:
    """The IDs of the nodes on which a global service should run: those eligible for it.

    If no node has a platform of the image, they are the nodes for which the swarm creates a task anyway, though it
    cannot place it. If all of these are down, they are the nodes that are down.
    """
    return eligible_nodes(spec, nodes) or placed_nodes(spec, nodes) or placed_nodes(spec, nodes, are_down=True)


def eligible_nodes(spec: types.ServiceSpec, nodes: List[types.Node]) -> Set[str]:
    """The IDs of the nodes that accept tasks, and meet the constraints and platforms of a spec."""
    platforms = (spec["TaskTemplate"].get("Placement") or {}).get("Platforms") or []
    placed = placed_nodes(spec, nodes)
    return {node["ID"] for node in nodes if node["ID"] in placed and has_platform(node, platforms)}


def placed_nodes(spec: types.ServiceSpec, nodes: List[types.Node], are_down: bool = False) -> Set[str]:
    """The IDs of the nodes that accept tasks and meet the constraints of a spec, whatever their platform.

    With `are_down`, the nodes that would if they were not down.

    The swarm creates a task of a global service for each of them (swarmkit, manager/orchestrator/global/global.go).
    """
    constraints = (spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or []
    return {
        node["ID"]
        for node in nodes
        if _takes_tasks(node, are_down) and all(_meets(node, str(constraint)) for constraint in constraints)
    }


def meant_nodes(spec: types.ServiceSpec, nodes: List[types.Node]) -> Set[str]:
    """The IDs of the nodes that meet the constraints of a spec and are active, whether they are down now or not."""
    return placed_nodes(spec, nodes) | placed_nodes(spec, nodes, are_down=True)


def state_of_node(node: types.Node) -> str:
    """A node's state, as the engine names it: ready, down, unknown, disconnected."""
    return str((node.get("Status") or {}).get("State", ""))


def has_platform(node: types.Node, platforms: List[Dict[str, str]]) -> bool:
    """Whether a node has one of these platforms; each has if there are none."""
    own: Dict[str, str] = (node.get("Description") or {}).get("Platform") or {}
    return not platforms or any(
        platform.get("OS", "") in ("", own.get("OS")) and _architecture(platform) in ("", _architecture(own))
        for platform in platforms
    )


def platform_name(platform: Dict[str, str]) -> str:
    """A platform as registries write it, whatever name a node has for its architecture: `linux/amd64`."""
    return "/".join(part for part in (platform.get("OS") or "", _architecture(platform)) if part)


def away_nodes(nodes: List[types.Node]) -> Set[str]:
    """The IDs of the nodes that the leader has not heard from: what it knows of their tasks may be outdated.

    A new leader marks every node unknown until it hears from it (swarmkit, manager/dispatcher/dispatcher.go).
    """
    return {node["ID"] for node in nodes if state_of_node(node) in AWAY}


def _takes_tasks(node: types.Node, is_down: bool) -> bool:
    is_meant = state_of_node(node) in (("down",) if is_down else ("ready", *AWAY))
    return is_meant and (node.get("Spec") or {}).get("Availability", "active") == "active"


def _meets(node: types.Node, constraint: str) -> bool:
    """Whether a node meets a constraint. One with an unknown key, or with what is no address, is met by no node."""
    operator = "==" if "==" in constraint else "!="
    key, _operator, wanted = (part.strip() for part in constraint.partition(operator))
    if key.lower() == "node.ip":
        is_equal = _has_address(node, wanted)
    else:
        value = _value(node, key)
        is_equal = None if value is None else value.lower() == wanted.lower()
    return is_equal is not None and is_equal == (operator == "==")


def _value(node: types.Node, key: str) -> Optional[str]:
    """A node's value for the key of a constraint; an absent label is empty, an unknown key is None."""
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    labels = {"node.labels.": spec.get("Labels"), "engine.labels.": (description.get("Engine") or {}).get("Labels")}
    for prefix, held in labels.items():
        name = key[len(prefix) :]
        if name and key.lower().startswith(prefix):
            return str((held or {}).get(name, ""))
    platform = description.get("Platform") or {}
    values: Dict[str, Any] = {
        "node.id": node["ID"],
        "node.hostname": description.get("Hostname", ""),
        "node.role": spec.get("Role", ""),
        "node.platform.os": platform.get("OS", ""),
        "node.platform.arch": platform.get("Architecture", ""),
    }
    return values.get(key.lower())


def _has_address(node: types.Node, wanted: str) -> Optional[bool]:
    """Whether a node has this address, or one in this subnet; None if that is neither."""
    subnet, own = _subnet(wanted), _subnet(str((node.get("Status") or {}).get("Addr")))
    return None if subnet is None else own is not None and own.network_address in subnet


def _subnet(text: str) -> Any:
    """A subnet, or the subnet of one address; None if the text is neither: the swarm knows no netmasks."""
    import ipaddress  # few constraints need it

    try:
        return ipaddress.ip_network(text, strict=False) if _SUBNET.fullmatch(text) else None
    except ValueError:
        return None


def _architecture(platform: Dict[str, str]) -> str:
    name = platform.get("Architecture") or ""
    return ARCHITECTURES.get(name, name)

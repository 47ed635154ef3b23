# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real swarms for tests, benchmarks and the demo: what starts and ends engines, registries, managers and proxies."""

from __future__ import annotations

from . import images, services
from .engine import Endpoint, Engine, EngineError, eventually
from .proxy import Proxy, StubEngine
from .registry import Registry
from .swarm import Swarm

__all__ = [
    "Endpoint",
    "Engine",
    "EngineError",
    "Proxy",
    "Registry",
    "StubEngine",
    "Swarm",
    "eventually",
    "images",
    "services",
]

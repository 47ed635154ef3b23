# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad days have the fixtures of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import secret, service

__all__ = ["secret", "service"]

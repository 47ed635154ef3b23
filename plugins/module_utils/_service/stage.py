# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of a service on its way through a task. Private to this collection."""

from __future__ import annotations

QUEUED = "queued"
ROLLING = "rolling"
ROLLING_BACK = "rolling back"
ENDED = "ended"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stages of a service in a task, and its outcomes, as documented under RETURN. Private to this collection."""

from __future__ import annotations

QUEUED = "queued"
ROLLING = "rolling"
GOING_BACK = "going back"
ENDED = "ended"

UNCHANGED = "unchanged"
UPDATED = "updated"
CONVERGED = "converged"
ROLLED_BACK = "rolled_back"
PAUSED = "paused"
TIMED_OUT = "timed_out"
SUPERSEDED = "superseded"
NOT_STARTED = "not_started"

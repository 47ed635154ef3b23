# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live progress for the module of the same name."""

from __future__ import annotations

from ansible_collections.swarmops.rollout.plugins.plugin_utils._watched import WatchedAction


class ActionModule(WatchedAction):
    """Shows the progress of the module of the same name."""

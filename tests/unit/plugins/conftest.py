# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import settings

# The same examples on every run, and none kept: a failure here is a failure everywhere.
settings.register_profile("unit", derandomize=True, database=None, deadline=None)
settings.load_profile("unit")

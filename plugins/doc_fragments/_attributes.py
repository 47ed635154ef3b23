# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module of the collection can and cannot do. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes in common."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the services, and the tags in the registry, have not changed in between.
  platform:
    description: Target operating systems that this module works on.
    support: full
    platforms: linux
"""

    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/swarmops.rollout.swarm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - swarmops.rollout.swarm
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - Changes nothing, so it does the same in check mode.
  diff_mode:
    support: N/A
    details:
      - Changes nothing.
  idempotent:
    support: full
"""

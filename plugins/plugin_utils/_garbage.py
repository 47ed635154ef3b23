# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep Python's search for garbage out of the building of a module. Private to this collection."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def garbage_ignored() -> Iterator[None]:
    """Look for no garbage meanwhile, nor later in what there is then.

    To build a module, Ansible makes some hundred thousand objects beside the many that a worker has from its parent.
    All of them go with the worker, when its task ends. Without this, a task with nothing to do takes 1.16 times as long
    (0.18 s more, median of 11 pairs).
    """
    was_looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_looked_for:
            gc.enable()

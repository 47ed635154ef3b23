# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gc

import pytest

from ansible_collections.swarmops.rollout.plugins.plugin_utils._garbage import garbage_ignored


def fail_without_garbage_collected() -> None:
    with garbage_ignored():
        assert not gc.isenabled()
        raise KeyError


def test_garbage_is_looked_for_again_after_a_failure_too() -> None:
    try:
        with pytest.raises(KeyError):
            fail_without_garbage_collected()
        assert gc.isenabled()
    finally:
        gc.unfreeze()

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.swarmops.rollout` importable from this checkout, for pytest and for ansible-playbook."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack

import pytest

from tests.swarm.box import keep_temporary_files_together
from tests.swarm.collection import collection_path

pytest_plugins = ["tests.swarm.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    stack = ExitStack()
    config.add_cleanup(stack.close)
    if not hasattr(config, "workerinput"):  # the processes of pytest-xdist have the folder of the one that starts them
        keep_temporary_files_together()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background of a shell; what is started inherits it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    home = str(stack.enter_context(collection_path()))
    sys.path.insert(0, home)
    stack.callback(sys.path.remove, home)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = home

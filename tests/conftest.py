# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.swarmops.rollout` importable from this checkout, for pytest and for ansible-playbook."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.swarm.fixtures"]

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    home = tempfile.mkdtemp(prefix="collections-")
    config.stash[COLLECTIONS] = home
    namespace = Path(home, "ansible_collections", "swarmops")
    namespace.mkdir(parents=True)
    namespace.joinpath("rollout").symlink_to(ROOT, target_is_directory=True)
    sys.path.insert(0, home)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = home


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(COLLECTIONS, None)
    if home is not None:
        sys.path.remove(home)
        shutil.rmtree(home)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout as an installed collection, for Ansible and for Python's imports."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, which is the collection's root."""
NAME = ("swarmops", "rollout")


@contextmanager
def collection_path(parent: Path | None = None) -> Iterator[Path]:
    """Yield a folder that has the checkout as ``ansible_collections/swarmops/rollout``, and remove it at the end.

    It is made below ``parent``, the system's folder for temporary files where none is given, and fit for
    Ansible's ``collections_path`` and for ``sys.path``.
    """
    with tempfile.TemporaryDirectory(prefix="collections-", dir=parent) as folder:
        home = Path(folder, "ansible_collections", *NAME)
        home.parent.mkdir(parents=True)
        home.symlink_to(ROOT)
        yield Path(folder)

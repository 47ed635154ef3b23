# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine that is gone is to those who ask it; the rest is seen on real engines."""

from __future__ import annotations

import gc
import socket
from pathlib import Path

import pytest
import requests

from tests.swarm import Endpoint


def test_engine_that_is_gone(tmp_path: Path) -> None:
    """A socket left open here would end a later test, whichever it is."""
    path = tmp_path / "gone.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    with Endpoint(f"unix://{path}") as gone:
        assert not gone.answers
        with pytest.raises(requests.ConnectionError, match=r"gone\.sock: Connection refused"):
            gone.get("/info")
    gc.collect()

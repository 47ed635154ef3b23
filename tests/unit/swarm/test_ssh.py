# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH server of the tests leaves alone what belongs to the user who runs them."""

from __future__ import annotations

from pathlib import Path

from tests.swarm.box import run
from tests.swarm.ssh import ANY_HOST_KEY, SSHServer


def test_nothing_of_a_connection_is_left_outside(tmp_path: Path) -> None:
    """A connection that is cut kills the shell, in the user's start files perhaps, and what it runs."""
    with SSHServer(tmp_path) as server:
        connection = ("-p", str(server.port), "-i", str(server.key), *ANY_HOST_KEY, "127.0.0.1")
        said = run("ssh", *connection, 'echo "$HOME $TMPDIR"')
    assert said.split() == [str(tmp_path), str(tmp_path)]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.swarm.specs import Change
from tools.compare import Contender, Judged, Said, cli_version, table


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("20.10.24+dfsg1, build 297e128", "20.10.24"),
        ("28.5.2+dfsg4, build 89c5e8f", "28.5.2"),
        ("28.5.2, build ecc6942", "28.5.2"),
    ],
)
def test_version_of_dockers_command(told: str, version: str) -> None:
    assert cli_version(told) == version


def test_cell_on_digests_names_the_version_that_it_depends_on() -> None:
    def run(_settings: object, _name: str, _image: str) -> Said:
        raise AssertionError

    assert Contender("docker-py", "", run).pinned("no") == "no"
    assert Contender("`docker service update`", "", run, "28.5.2").pinned("yes") == "yes (28.5.2)"
    judged = Judged(Contender("one", "", run), Change(1, (), ()), Change(1, (), ()), tuple("abcdefgh"))
    assert table([judged]).splitlines()[4] == "| The new image has its digest | c |"

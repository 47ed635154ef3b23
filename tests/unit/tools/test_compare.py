# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tools.compare import Change, Contender, Judged, Said, cli_version, differing, table


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


def test_fields_that_differ() -> None:
    before = {"Labels": {"a": "1"}, "TaskTemplate": {"ContainerSpec": {"Image": "x:1", "Env": ["B=1", "A=1"]}, "N": 0}}
    after = {"TaskTemplate": {"ContainerSpec": {"Image": "x:2", "Env": ["A=1", "B=1"], "Init": True}}}
    assert differing(before, before) == Change(2, (), ())
    assert differing(before, after) == Change(2, ("Labels.a",), ("TaskTemplate.ContainerSpec.Init",))
    assert str(differing(before, after)) == "1 of 2 lost or changed, 1 added"

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part and the node's agree on the words between them."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils import _module
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout import parts, progress_file
from ansible_collections.swarmops.rollout.plugins.plugin_utils import _job, _watched


def test_the_parts_of_a_task() -> None:
    assert (_watched.PART, parts.PLAN, parts.JOB) == (_module.PART, "plan", "job")


@pytest.mark.parametrize("name", ["TICKET", "PROGRESS", "STOP", "WAKE", "WATCHED"])
def test_the_files_of_a_job(name: str) -> None:
    file = getattr(progress_file, name)
    scripts = " ".join((_job.MAKE, _job.LOOK, _job.FETCH, _job.STOP, _job.GIVE_UP))
    assert f" {file}" in scripts or f"/{file}" in scripts


def test_the_folder_of_a_job() -> None:
    scripts: List[str] = []

    def run(script: str) -> Dict[str, Any]:
        scripts.append(script)
        return {"stdout": "/x/y\n@rollout:made\n"}

    job = _job.Job(run)
    assert job.make_folder("/x")
    assert f"/x/{progress_file.NAME}" in scripts[0]

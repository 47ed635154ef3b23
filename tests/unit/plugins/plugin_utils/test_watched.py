# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part and the node's agree on the words between them."""

from __future__ import annotations

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils import _module
from ansible_collections.swarmops.rollout.plugins.module_utils._rollout import progress_file
from ansible_collections.swarmops.rollout.plugins.plugin_utils import _job, _watched


def test_the_variable_that_names_the_folder_of_the_jobs() -> None:
    assert _watched.JOBS == _module.JOBS


@pytest.mark.parametrize("name", ["TICKET", "CANCELLED", "PROGRESS", "RESULT", "GO", "STOP", "WAKE", "WATCHED"])
def test_the_files_of_a_job(name: str) -> None:
    file = getattr(progress_file, name)
    scripts = " ".join((_job.LOOK, _job.FETCH, _job.STOP))
    assert f" {file}" in scripts

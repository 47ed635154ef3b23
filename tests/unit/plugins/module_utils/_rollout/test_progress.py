# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress import tell
from ansible_collections.swarmops.rollout.plugins.module_utils._service.decision import Member
from ansible_collections.swarmops.rollout.plugins.module_utils._service.outcome import ENDED
from ansible_collections.swarmops.rollout.plugins.module_utils._service.report import Entry
from tests.unit.plugins.module_utils.fakes import make_service


@pytest.mark.parametrize(("problem", "outcome"), [("", "converged"), ("It cannot be seen.", "unchanged")])
def test_a_service_with_a_problem_is_not_told_to_have_converged(problem: str, outcome: str) -> None:
    service = make_service()
    told = tell(Member(service, Entry.of_service(service), stage=ENDED, problem=problem))
    assert told["outcome"] == outcome

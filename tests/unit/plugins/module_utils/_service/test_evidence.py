# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._service.evidence import (
    NO_CONTAINER,
    TOO_MANY,
    Failure,
    evidence,
)

FATAL = "FATAL: cannot connect to database db:5432"


def task(number: int = 1, exit_code: Optional[int] = 3, **fields: Any) -> Dict[str, Any]:
    return {"id": f"task{number}", "slot": number, "node": "vm", "exit_code": exit_code, **fields}


@pytest.mark.parametrize(
    ("failures", "lines"),
    [
        ([], []),
        ([Failure("t001", [task()])], ["To see more: docker service logs --tail 20 t001"]),
        ([Failure("t001", [task(exit_code=None), task(2)])], ["To see more: docker service ps --no-trunc t001"]),
        ([Failure("t001", [])], ["To see more: docker service ps --no-trunc t001"]),
        (
            [Failure("t001", [task(exit_code=0)]), Failure("t002", [])],
            ["To see more: docker service logs --tail 20 t001; docker service ps --no-trunc t002"],
        ),
        (
            [Failure("t001", [task(exit_code=None, log=[], log_note=NO_CONTAINER)])],
            ["To see more: docker service ps --no-trunc t001"],
        ),
    ],
)
def test_the_command_that_shows_more(failures: Any, lines: List[str]) -> None:
    assert evidence(failures) == lines


@pytest.mark.parametrize(
    ("tasks", "lines"),
    [
        ([task(log=["hello", FATAL], log_note=None)], ["Log of t001, slot 1:", "  hello", f"  {FATAL}"]),
        (
            [task(log=["hello"], log_note="Incomplete: cut.")],
            ["Log of t001, slot 1:", "  hello", "(Incomplete: cut.)"],
        ),
        (
            [task(log=[], log_note="Not read: node vm is down.")],
            ["No log of t001, slot 1. Not read: node vm is down."],
        ),
        ([task(slot=None, log=[FATAL], log_note=None)], ["Log of t001, node vm:", f"  {FATAL}"]),
        (
            [task(number, log=[FATAL], log_note=None) for number in (1, 2)]
            + [task(3, log=["b"], log_note=None), task(4, log=[], log_note=TOO_MANY)],
            ["Log of t001, slot 1, slot 2:", f"  {FATAL}", "Log of t001, slot 3:", "  b"],
        ),
    ],
    ids=["whole", "incomplete", "none", "global", "equal ones once"],
)
def test_the_logs(tasks: Any, lines: List[str]) -> None:
    assert evidence([Failure("t001", tasks)]) == lines


def test_a_service_without_a_failing_task_beside_one_with_a_log() -> None:
    failures = [Failure("t001", [task(log=[FATAL], log_note=None)]), Failure("t002", [])]
    assert evidence(failures) == [
        "To see more: docker service ps --no-trunc t002",
        "Log of t001, slot 1:",
        f"  {FATAL}",
    ]

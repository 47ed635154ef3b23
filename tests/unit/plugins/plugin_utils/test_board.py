# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import MOST_SINGLE_SERVICES, Board

FAILED = "slot 1 on node vm, failed, exit code 1: task: non-zero exit (1)"


def service(name: str = "t001", line: str = "0/2 running whoami:0.6", stage: str = "rolling", **fields: Any) -> Any:
    outcome: Optional[str] = fields.pop("outcome", "converged" if stage == "ended" else None)
    told = {"name": name, "stage": stage, "outcome": outcome, "line": f"{name}: {line}", "failing": {}, "tasks": {}}
    return {**told, **fields}


def progress(*services: Any, trouble: str = "") -> Dict[str, Any]:
    return {"services": list(services), "trouble": trouble}


def test_a_line_is_printed_when_it_changes() -> None:
    board = Board()
    assert board.lines(progress(service())) == ["t001: 0/2 running whoami:0.6"]
    assert board.lines(progress(service())) == []
    assert board.lines(progress(service(line="1/2 running whoami:0.6"))) == ["t001: 1/2 running whoami:0.6"]


def test_the_end_is_printed_once_whatever_the_line_says_later() -> None:
    board = Board()
    end = "t001: 2/2 running whoami:0.6, converged"
    assert board.lines(progress(service(line="2/2 running whoami:0.6", stage="ended"))) == [end]
    assert board.lines(progress(service(line="converged", stage="ended"))) == []


def test_a_service_that_goes_back_ends_a_second_time() -> None:
    board = Board()
    board.lines(progress(service(stage="ended")))
    assert board.lines(progress(service(line="1/2 running whoami:0.7", stage="going back"))) != []
    end = service(line="2/2 running whoami:0.7", stage="ended", outcome="rolled_back")
    assert board.lines(progress(end)) == ["t001: 2/2 running whoami:0.7, rolled_back"]


def test_a_failure_is_added_to_the_line_once() -> None:
    board = Board()
    failing = {"1 task: non-zero exit (1)": FAILED}
    assert board.lines(progress(service(failing=failing))) == [f"t001: 0/2 running whoami:0.6; {FAILED}"]
    assert FAILED not in "".join(board.lines(progress(service(line="0/2 running (1 ready)", failing=failing))))


def test_hosts_are_named_only_where_one_is_given() -> None:
    assert Board("manager1").lines(progress(service()))[0].startswith("[manager1] t001: ")


def test_many_services_share_a_line() -> None:
    board = Board()
    several = [service(f"s{number}", stage="queued") for number in range(MOST_SINGLE_SERVICES + 1)]
    assert board.lines(progress(*several)) == [f"[{'-' * 20}] 0/6 converged, 6 waiting"]
    several[:3] = [service(f"s{number}", stage="ended") for number in range(3)]
    several[3] = service("s3")
    assert board.lines(progress(*several)) == [f"[{'#' * 10}{'-' * 10}] 3/6 converged, 1 rolling, 2 waiting"]
    several[3] = service("s3", stage="ended", outcome="paused", failing={"1": FAILED})
    assert board.lines(progress(*several)) == [
        f"[{'#' * 10}{'-' * 10}] 3/6 converged, 2 waiting, 1 failed",
        f"s3: {FAILED}",
    ]


def test_an_engine_that_is_away_is_told_of_once() -> None:
    board = Board()
    assert board.lines(progress(service(), trouble="Nothing listens."))[-1] == "Nothing listens."
    assert board.lines(progress(service(), trouble="Nothing listens.")) == []


def test_details_are_the_tasks_that_changed() -> None:
    board = Board()
    before, after = {"a": "slot 1, whoami:0.7: running"}, {"a": "slot 1, whoami:0.7: shutdown"}
    assert board.details(progress(service(tasks=before))) == []
    assert board.details(progress(service(tasks=before))) == []
    assert board.details(progress(service(tasks=after))) == ["t001: slot 1, whoami:0.7: shutdown"]

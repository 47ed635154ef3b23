# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import MOST_SINGLE_SERVICES, Board, Progress

FAILED = "slot 1 on node vm, failed, exit code 1: task: non-zero exit (1)"


def service(name: str = "t001", line: str = "0/2 running whoami:0.6", stage: str = "rolling", **fields: Any) -> Any:
    outcome: Optional[str] = fields.pop("outcome", "converged" if stage == "ended" else None)
    told = {"name": name, "stage": stage, "outcome": outcome, "line": f"{name}: {line}"}
    return {**told, "failing": {}, "tasks": {}, **fields}


class Shown:
    """A board and what it is shown, a second after the other."""

    def __init__(self, host: str = "") -> None:
        self.board = Board(host)
        self.progress = Progress()
        self.seconds = 0

    def take(self, *services: Any, trouble: str = "", warnings: Sequence[str] = (), after: int = 1) -> Progress:
        self.seconds += after
        told = {"trouble": trouble, "warnings": list(warnings), "services": list(services)}
        assert self.progress.take({"at": self.seconds, "left": 9, **told})
        return self.progress

    def lines(self, *services: Any, trouble: str = "", after: int = 1) -> List[str]:
        return self.board.lines(self.take(*services, trouble=trouble, after=after))

    def details(self, *services: Any) -> List[str]:
        return self.board.details(self.take(*services))


def test_a_line_is_printed_when_it_changes() -> None:
    shown = Shown()
    assert shown.lines(service()) == ["t001: 0/2 running whoami:0.6, 1 s"]
    assert shown.lines(service()) == []
    assert shown.lines() == []
    assert shown.lines(service(line="1/2 running whoami:0.6")) == ["t001: 1/2 running whoami:0.6, 4 s"]


def test_warnings_are_those_of_the_last_line() -> None:
    shown = Shown("manager1")
    progress = shown.take(service(), warnings=["t001: Beware."])
    assert shown.board.warnings(progress) == ["[manager1] [WARNING]: t001: Beware."]
    assert shown.board.warnings(shown.take(service())) == []


def test_the_seconds_before_the_job_count() -> None:
    shown = Shown()
    shown.progress.lag = 2.6
    assert shown.lines(service()) == ["t001: 0/2 running whoami:0.6, 4 s"]


def test_the_end_is_printed_once_whatever_the_line_says_later() -> None:
    shown = Shown()
    end = "t001: 2/2 running whoami:0.6, converged in 27 s"
    assert shown.lines(service(line="2/2 running whoami:0.6", stage="ended"), after=27) == [end]
    assert shown.lines(service(line="converged", stage="ended")) == []


def test_a_service_that_goes_back_ends_a_second_time() -> None:
    shown = Shown()
    shown.lines(service(stage="ended"))
    assert shown.lines(service(line="1/2 running whoami:0.7", stage="rolling back")) != []
    end = service(line="2/2 running whoami:0.7", stage="ended", outcome="rolled_back")
    assert shown.lines(end) == ["t001: 2/2 running whoami:0.7, rolled_back, 3 s"]


def test_a_failure_is_added_to_the_line_once() -> None:
    shown = Shown()
    failing = {"1 task: non-zero exit (1)": FAILED}
    assert shown.lines(service(failing=failing)) == [f"t001: 0/2 running whoami:0.6; {FAILED}, 1 s"]
    assert FAILED not in "".join(shown.lines(service(line="0/2 running (1 ready)", failing=failing)))


def test_hosts_are_named_only_where_one_is_given() -> None:
    assert Shown("manager1").lines(service())[0].startswith("[manager1] t001: ")


def test_many_services_share_a_line_every_five_seconds() -> None:
    shown = Shown()
    names = [f"s{number}" for number in range(MOST_SINGLE_SERVICES + 1)]
    assert shown.lines(*(service(name, stage="queued") for name in names)) == ["0 of 6 converged, 1 s"]
    assert shown.lines(*(service(name, stage="ended") for name in names[:3]), service("s3")) == []
    assert shown.lines(service("s4"), after=4) == ["3 of 6 converged, 2 rolling out, 6 s"]
    bad = service("s3", stage="ended", outcome="paused", failing={"1": FAILED})
    assert shown.lines(bad) == [f"s3: {FAILED}, 7 s"]
    assert shown.lines(after=4) == ["3 of 6 converged, 1 rolling out, 1 failed, 11 s"]
    assert shown.lines(service("s4", stage="ended"), service("s5", stage="ended")) == [
        "5 of 6 converged, 1 failed, after 12 s"
    ]


def test_the_last_line_on_many_services_is_the_sum() -> None:
    shown = Shown()
    shown.lines(*(service(f"s{number}") for number in range(6)))
    ended = [service(f"s{number}", stage="ended") for number in range(6)]
    assert shown.lines(*ended) == ["6 of 6 converged in 2 s"]


def test_an_engine_that_is_away_is_told_of_once() -> None:
    shown = Shown()
    assert shown.lines(service(), trouble="Nothing listens.")[-1] == "Nothing listens, 1 s"
    assert shown.lines(service(), trouble="Nothing listens.") == []


def test_details_are_the_tasks_that_changed() -> None:
    shown = Shown()
    before, after = {"a": "slot 1, whoami:0.7: running"}, {"a": "slot 1, whoami:0.7: shutdown"}
    assert shown.details(service(tasks=before)) == []
    assert shown.details(service(tasks=before)) == []
    assert shown.details(service(tasks=after)) == ["t001: slot 1, whoami:0.7: shutdown, 3 s"]


def test_what_has_begun() -> None:
    shown = Shown()
    shown.take(service("a"), service("b", stage="queued"))
    assert (shown.progress.begun, shown.progress.is_all_begun, shown.progress.is_over) == (["a"], False, False)
    shown.take(service("b", stage="ended"))
    assert (shown.progress.begun, shown.progress.is_all_begun, shown.progress.is_over) == (["a", "b"], True, False)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, List, Optional, Sequence

import pytest

from ansible_collections.swarmops.rollout.plugins.plugin_utils._board import MOST_SINGLE_SERVICES, Board, Progress

FAILED = "slot 1 failed, exit code 1: task: non-zero exit (1)"


def service(name: str = "t001", line: str = "0/2 running whoami:0.6", stage: str = "rolling", **fields: Any) -> Any:
    outcome: Optional[str] = fields.pop("outcome", "converged" if stage == "ended" else None)
    told = {"name": name, "stage": stage, "outcome": outcome, "line": line, "failed": False, "change": "", "back": None}
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
    shown.lines(service(line="2/2 running whoami:0.6"))
    assert shown.lines(service(line="2/2 running whoami:0.6", stage="ended"), after=26) == [end]
    assert shown.lines(service(line="converged", stage="ended")) == []


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"outcome": "timed_out"}, "0/2 running whoami:0.6, timed out after 1 s"),
        ({"outcome": "paused"}, "0/2 running whoami:0.6, stopped after 1 s"),
        ({"outcome": "superseded"}, "0/2 running whoami:0.6, given up after 1 s"),
        ({"outcome": "rolled_back", "failed": False}, "0/2 running whoami:0.6, put back in 1 s"),
        ({"outcome": "not_started", "line": ""}, "failed after 1 s"),
        ({"outcome": "not_started", "line": "", "failed": False}, "not started after 1 s"),
    ],
)
def test_an_end_is_told_in_words_with_its_time(fields: Any, end: str) -> None:
    assert Shown().lines(service(stage="ended", **{"failed": True, **fields})) == [f"t001: {end}"]


def test_what_changes_is_told_once_at_the_start() -> None:
    shown, change = Shown(), "from whoami:0.7 to whoami:0.6"
    services = [
        service("a", change=change),
        service("b", change=change, stage="queued"),
        service("c", "", stage="queued"),
    ]
    assert shown.lines(*services) == [
        f"a: {change}, 1 s",
        f"b: {change}, 1 s",
        "a: 0/2 running whoami:0.6, 1 s",
        "c: queued, 1 s",
    ]
    assert shown.lines(*services) == []


def test_a_service_that_goes_back_says_why_and_ends_a_second_time() -> None:
    shown = Shown()
    shown.lines(service(stage="ended"))
    back = service(
        line="1/2 running whoami:0.7", stage="rolling back", back="slot 1 failed, exit code 1", failing={"1": FAILED}
    )
    assert shown.lines(back) == [
        f"t001: {FAILED}, 2 s",
        "t001: going back: slot 1 failed, exit code 1, 2 s",
        "t001: 1/2 running whoami:0.7, 2 s",
    ]
    end = service(line="2/2 running whoami:0.7", stage="ended", outcome="rolled_back", failed=True)
    assert shown.lines(end) == ["t001: 2/2 running whoami:0.7, put back after 3 s"]


def test_a_service_that_was_not_seen_yet_says_no_more_than_why() -> None:
    back = service(line="", stage="rolling back", back="t002 failed")
    assert Shown().lines(back) == ["t001: going back: t002 failed, 1 s"]
    assert Shown().lines(service(line="", change="from a:1 to a:2")) == ["t001: from a:1 to a:2, 1 s"]
    assert Shown().lines(service(line="")) == ["t001: rolling, 1 s"]


def test_a_service_that_the_swarm_puts_back_says_so() -> None:
    assert Shown().lines(service(back=""))[0] == "t001: going back: the swarm has seen a task fail, 1 s"


def test_a_failure_is_told_once_and_before_the_line() -> None:
    shown = Shown()
    failing = {"1 task: non-zero exit (1)": FAILED}
    assert shown.lines(service(failing=failing)) == [f"t001: {FAILED}, 1 s", "t001: 0/2 running whoami:0.6, 1 s"]
    assert shown.lines(service(line="0/2 running (1 ready)", failing=failing)) == ["t001: 0/2 running (1 ready), 2 s"]


def test_a_sign_of_life_comes_after_a_minute_of_silence() -> None:
    shown = Shown("manager1")
    assert shown.board.sign_of_life(shown.progress, 100) == []
    shown.lines(service(), service("t002", stage="queued"), service("t003", stage="ended"))
    alive = "[manager1] t001: 0/2 running whoami:0.6, "
    said = [shown.board.sign_of_life(shown.progress, at) for at in (60.9, 61.4, 70, 121.2, 121.5)]
    assert said == [[], [f"{alive}61 s"], [], [], [f"{alive}122 s"]]


def test_a_sign_of_life_of_many_services_is_their_sum() -> None:
    shown = Shown()
    shown.lines(*(service(f"s{number}") for number in range(6)))
    assert shown.board.sign_of_life(shown.progress, 61) == ["0 of 6 converged, 6 rolling, 61 s"]


def test_hosts_are_named_only_where_one_is_given() -> None:
    assert Shown("manager1").lines(service())[0].startswith("[manager1] t001: ")


def test_many_services_share_a_line_every_five_seconds() -> None:
    shown = Shown()
    names = [f"s{number}" for number in range(MOST_SINGLE_SERVICES + 1)]
    change = {name: {"change": "from a:1 to a:2" if name != "s5" else "from b:1 to b:2"} for name in names}
    assert shown.lines(*(service(name, stage="queued", **change[name]) for name in names)) == [
        "5 services: from a:1 to a:2, 1 s",
        "s5: from b:1 to b:2, 1 s",
        "0 of 6 converged, 6 queued, 1 s",
    ]
    assert shown.lines(*(service(name, stage="ended") for name in names[:3]), service("s3")) == []
    assert shown.lines(service("s4"), after=4) == ["3 of 6 converged, 2 rolling, 1 queued, 6 s"]
    bad = service("s3", stage="ended", outcome="paused", failed=True, failing={"1": FAILED})
    assert shown.lines(bad) == [f"s3: {FAILED}, 7 s"]
    assert shown.lines(after=4) == ["3 of 6 converged, 1 rolling, 1 failed, 1 queued, 11 s"]
    assert shown.lines(service("s4", stage="ended"), service("s5", stage="ended")) == [
        "5 of 6 converged, 1 failed, after 12 s"
    ]


def test_many_services_that_go_back_share_a_line_and_are_no_failures() -> None:
    shown = Shown()
    names = [f"s{number}" for number in range(8)]
    shown.lines(*(service(name) for name in names))
    why = {name: "s3 failed" if name != "s3" else "slot 1 failed, exit code 1" for name in names}
    back = [service(name, stage="rolling back", back=why[name], failed=name == "s3") for name in names[:7]]
    assert shown.lines(*back, service("s7", stage="ended", outcome="not_started"), after=5) == [
        "6 services: going back: s3 failed, 6 s",
        "s3: going back: slot 1 failed, exit code 1, 6 s",
        "0 of 8 converged, 7 going back, 1 not started, 6 s",
    ]
    ended = [service(name, stage="ended", outcome="rolled_back", failed=name == "s3") for name in names[:7]]
    assert shown.lines(*ended) == ["0 of 8 converged, 6 back, 1 failed and back, 1 not started, after 7 s"]


def test_many_services_that_were_to_go_back_are_counted_as_such() -> None:
    shown = Shown()
    ended = [service(f"s{number}", stage="ended", outcome="rolled_back") for number in range(8)]
    assert shown.lines(*ended) == ["8 of 8 back in 1 s"]


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

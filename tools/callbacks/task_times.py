# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down when each task began and ended, and its outcomes, a line of JSON each, to the file ``BENCH_TASKS``."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: When tasks began and ended
description: Writes down when each task, or each round of a loop, began and ended.
"""


RESULT = ("result", "_result")
"""What the result is called from ansible-core 2.19 on, and was before."""


class CallbackModule(CallbackBase):
    """The times of tasks, in seconds since 1970."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"

    def __init__(self) -> None:
        super().__init__()
        self._began = 0.0

    def v2_runner_on_start(self, _host: Any, _task: Any) -> None:
        """A task begins."""
        self._began = time.time()

    def _tell(self, result: Any, **_more: Any) -> None:
        ended = time.time()
        told = next(getattr(result, name) for name in RESULT if hasattr(result, name))
        outcomes = [service["outcome"] for service in told.get("services", [])]
        line = {"began": self._began, "ended": ended, "item": told.get("item"), "outcomes": outcomes}
        with open(os.environ["BENCH_TASKS"], "a", encoding="utf-8") as tasks:
            tasks.write(json.dumps(line) + "\n")

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_item_on_ok = v2_runner_item_on_failed = _tell

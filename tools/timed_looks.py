# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python timed_looks.py OBSERVER MODULE REPORT``: runs a module that waits, and tells what its looks took.

OBSERVER is the Python module that has the class ``Observer`` with its method ``look``, and ``judge``, which that calls;
version 1.0 has them too, elsewhere. REPORT becomes JSON: ``looks`` and ``judgements``, the seconds of each; and for the
whole process ``processor``, in seconds, and ``memory``, the most that it held, in bytes.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def timed(call: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    """Return a function that does the same, and writes down how long it took."""

    def measured(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*arguments, **named)
        finally:
            seconds.append(time.perf_counter() - began)

    return measured


def most_memory() -> int:
    """Return the most memory that this process held, in bytes; getrusage would count what its parent had."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def main() -> None:
    """Run the module, which reads its arguments from the standard input and ends the process."""
    observer_name, module, report = sys.argv[1:]
    observer: Any = importlib.import_module(observer_name)
    looks: list[float] = []
    judgements: list[float] = []
    observer.Observer.look = timed(observer.Observer.look, looks)
    observer.judge = timed(observer.judge, judgements)
    sys.argv = [module]
    try:
        importlib.import_module(module).main()
    finally:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        processor = usage.ru_utime + usage.ru_stime
        told = {"looks": looks, "judgements": judgements, "processor": processor, "memory": most_memory()}
        Path(report).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder
    main()

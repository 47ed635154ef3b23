# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.bench``: the time to change the image of many services, and how waits behave.

The figures go to ``docs/benchmark.md``, each single measurement to ``docs/benchmark.json``. With ``--waits`` the waits
are measured anew, and the other figures stay as they are.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.swarm import Engine, EngineError
from tests.swarm.box import BoxError
from tests.swarm.collection import ROOT, collection_path
from tests.swarm.packages import PackagesError
from tools.bench_images import Bench, measure_all
from tools.bench_page import COUNTS, IMAGES, WAITS, Book, numbers, read_numbers, report
from tools.bench_runs import BenchFailed, former_collection, machine
from tools.bench_waits import measure_waits
from tools.demo import say


def measure_images(most: int) -> tuple[Book, dict[str, str]]:
    """Measure the change of many services; return the book and what the figures depend on."""
    with Engine() as engine, collection_path(engine.space.folder) as collections:
        runner = Bench(engine, collections)
        about = machine(engine)
        runner.populate(COUNTS[-1])
        measure_all(runner, most)
    return runner.book, about


def bench(folder: Path, most: int, *, only_waits: bool) -> None:
    """Run the benchmark and write its page and its numbers."""
    with tempfile.TemporaryDirectory() as scratch:
        former_collection(Path(scratch))  # before anything is measured
    page, listed = folder / "benchmark.md", folder / "benchmark.json"
    say("Starting a swarm of one node (missing Debian packages are installed first) …")
    if only_waits:
        book, _waits, about = read_numbers(listed.read_text(encoding="utf-8"))
    else:
        book, about_images = measure_images(most)
        about = {IMAGES: about_images}
    waits, about_waits = measure_waits(most)
    about = {IMAGES: about[IMAGES], WAITS: about_waits}
    page.write_text(report(book, waits, about), encoding="utf-8")
    listed.write_text(numbers(book, waits, about), encoding="utf-8")
    say("\n" + page.read_text(encoding="utf-8").partition("# Benchmark\n\n")[2])


def main() -> int:
    """Run the benchmark and return the exit status: 0 where all could be measured."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="Measure the collection.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the folder for benchmark.md and .json")
    parser.add_argument("--rounds", type=int, default=100, help="measure nothing more often than this")
    parser.add_argument("--waits", action="store_true", help="measure the waits alone; the other figures stay")
    options = parser.parse_args()
    try:
        bench(options.output, options.rounds, only_waits=options.waits)
    except KeyboardInterrupt:
        say("\nInterrupted. The swarm was ended and removed.")
        return 130
    except (BenchFailed, BoxError, EngineError, PackagesError) as error:
        print(f"\nThe benchmark could not continue: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

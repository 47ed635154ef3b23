# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.machines [SUITE…]``: the README's two commands on machines that have never seen the project."""

from __future__ import annotations

import argparse
import signal
import sys
import time

from tests.swarm.box import BoxError
from tests.swarm.packages import PackagesError
from tests.swarm.trees import TreeError

from .machine import Machine

SUITES = ("bookworm", "trixie", "sid")
COMMANDS = ("make demo", "make test")
USER = "cp -R . /srv/rollout && chown -R nobody /srv/rollout && cd /srv/rollout && su -s /bin/sh nobody -c"
REFUSALS = {
    f"{USER} 'make demo'": ("root", "sudo make demo"),
    f"{USER} 'make test'": ("root", "sudo make test"),
    f"{USER} 'make lint'": ("Python 3", "sudo apt-get install python3-venv"),
    "unshare --net make demo": ("network", "build/setup.log"),
    "unshare --net make test": ("network", "build/setup.log"),
}
"""What a machine without anything says, in one line, where a command cannot work."""


def say(text: str) -> None:
    """Print a line at once, before what a command prints next."""
    print(text, flush=True)


def refused(machine: Machine) -> bool:
    """Whether each command that cannot work says why in one line, and does nothing."""
    good = True
    for command, words in REFUSALS.items():
        status, text = machine.told(command)
        lines = [line for line in text.splitlines() if not line.startswith("make: ***")]
        holds = status != 0 and len(lines) == 1 and all(word in lines[0] for word in words)
        say(f"{'ok' if holds else 'NOT OK'}  {command.rpartition('&& ')[2]}\n{text}")
        good = good and holds
    return good


def tried(suite: str) -> list[tuple[str, str]]:
    """Run the commands on a fresh machine; return each with what came of it. After a failure none is run."""
    with Machine(suite) as machine:
        say(f"\n== Debian {suite}: where a command cannot work ==\n")
        lines = [(f"{suite}: refusals", "ok" if refused(machine) else "FAILED")]
        for command in COMMANDS:
            say(f"\n== Debian {suite}: {command} ==\n")
            began = time.monotonic()
            outcome = "FAILED" if machine.run(command) else "ok"
            lines.append((f"{suite}: {command}", f"{outcome}, {time.monotonic() - began:.0f} s"))
            if outcome != "ok":
                break
    return lines


def main() -> int:
    """Try each suite, say what came of each command, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.machines", description=__doc__)
    parser.add_argument("suites", nargs="*", default=SUITES, help="releases of Debian (default: %(default)s)")
    lines: list[tuple[str, str]] = []
    try:
        for suite in parser.parse_args().suites or SUITES:
            lines += tried(suite)
    except KeyboardInterrupt:
        say("\nInterrupted. The machines were removed.")
        return 130
    except (BoxError, PackagesError, TreeError) as error:
        print(f"make test-machines: {error}", file=sys.stderr)
        return 1
    say("\n== On machines that had never seen the project ==\n")
    for line in lines:
        say(": ".join(line))
    return 1 if any(outcome.startswith("FAILED") for _command, outcome in lines) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())

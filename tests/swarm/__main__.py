# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.swarm``: a swarm to try things on, gone when this ends."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from . import EngineError, Swarm, images, services
from .box import BoxError
from .packages import PackagesError


def play(managers: int, workers: int) -> None:
    """Start a swarm with the test images and the README's service, say where it is, and wait for Ctrl-C."""
    print(f"Starting a private swarm of {managers} manager(s) and {workers} worker(s) …", flush=True)
    with Swarm(managers, workers) as swarm:
        for node in swarm.nodes:
            images.load(node)
        services.story(swarm.leader)
        print(f"It has the service {services.STORY_SERVICE}, and the images {', '.join(images.IMAGES)}.\n")
        for node in swarm.nodes:
            print(f"export DOCKER_HOST={node.host}  # {'manager' if node in swarm.managers else 'worker'}")
        print("\nCtrl-C ends the swarm and removes everything.", flush=True)
        threading.Event().wait()


def main() -> int:
    """Play until Ctrl-C, and return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="make swarm", description=__doc__)
    parser.add_argument("--managers", type=int, default=1, choices=range(1, 8), help="how many managers (default: 1)")
    parser.add_argument("--workers", type=int, default=0, choices=range(17), help="how many workers (default: 0)")
    wanted = parser.parse_args()
    try:
        play(wanted.managers, wanted.workers)
    except KeyboardInterrupt:
        print("\nThe swarm is gone, and nothing is left of it.")
    except (BoxError, EngineError, PackagesError) as error:
        print(f"make swarm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

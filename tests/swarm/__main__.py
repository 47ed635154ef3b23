# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.swarm``: a swarm to try things on, gone when this ends."""

from __future__ import annotations

import argparse
import contextlib
import signal

from . import Swarm, images, services


def main() -> None:
    """Start a swarm with the test images and the README's service, say where it is, and wait for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.swarm", description=__doc__)
    parser.add_argument("--managers", type=int, default=1, help="number of managers (default: 1)")
    parser.add_argument("--workers", type=int, default=0, help="number of workers (default: 0)")
    wanted = parser.parse_args()
    with Swarm(wanted.managers, wanted.workers) as swarm:
        for node in swarm.nodes:
            images.load(node)
        services.story(swarm.leader)
        print("\n".join(f"export DOCKER_HOST={node.host}" for node in swarm.nodes))
        print("Ctrl-C ends the swarm and removes everything.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()

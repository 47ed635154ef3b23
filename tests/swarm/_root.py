# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a mount namespace another root; run as a program in a box, imports nothing of this package.

The root is a system's tree under a layer in memory, so that the tree stays as it was made, with the box's folder where
it is outside. ``runc`` cannot pivot in a plain chroot, hence the pivot here. This process stays: it keeps the
namespace, and with it the mounts of an engine that crashed, until the box ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

LAYER = Path("/run/tree")
READY = "root.pid"
"""The file in the box's folder that holds this process's number in the box once the new root is there."""


def run(*command: str) -> None:
    """Run a command, which must succeed."""
    subprocess.run(command, check=True)


def mount_root(tree: Path, folder: Path) -> Path:
    """Mount the new root and what belongs into it, and return where it is."""
    upper, work, root = (LAYER / name for name in ("upper", "work", "root"))
    for directory in (upper, work, root):
        directory.mkdir(parents=True)
    run("mount", "-t", "overlay", "-o", f"lowerdir={tree},upperdir={upper},workdir={work}", "overlay", str(root))
    for shared in ("/proc", "/sys", "/dev"):
        run("mount", "--rbind", shared, f"{root}{shared}")
    inside = Path(f"{root}{folder}")
    inside.mkdir(parents=True)
    run("mount", "--rbind", str(folder), str(inside))
    resolver = root / "etc" / "resolv.conf"
    resolver.unlink(missing_ok=True)
    shutil.copy(folder / "resolv.conf", resolver)
    return root


def main(tree: Path, folder: Path) -> None:
    """Make the tree the root, say so, and keep it."""
    root = mount_root(tree, folder)
    old = root / "mnt"
    run("pivot_root", str(root), str(old))
    os.chdir("/")
    run("umount", "--lazy", "/mnt")
    ready = folder / READY
    ready.with_suffix(".new").write_bytes(b"%d" % os.getpid())
    ready.with_suffix(".new").rename(ready)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

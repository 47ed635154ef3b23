# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack of the examples, on a real swarm, and whatever a reader's playbook does with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration import rolling, state
from tests.integration.run import Run
from tests.papers.desk import Desk
from tests.swarm import Endpoint, Registry, services
from tests.swarm.collection import ROOT

EXAMPLES = ROOT / "docs" / "examples"
OLD, NEW, BROKEN = "2.4.0", "2.4.1", "2.4.2"
STACK_LABEL = "com.docker.stack.namespace"
IMAGES = {OLD: "whoami:0.7", NEW: "whoami:0.6", BROKEN: "crash:1"}
"""What is in the registry at each tag."""


@dataclass(frozen=True)
class Shop:
    """The stack of the examples, under a name of this process's own."""

    engine: Endpoint
    registry: Registry
    desk: Desk
    name: str

    def play(self, example: str, *arguments: str) -> Run:
        """Run an example on this shop."""
        self.put(f"{example}.yml")
        return self.desk.run("ansible-playbook", f"{example}.yml", *arguments)

    def put(self, name: str) -> str:
        """Put an example on the desk, with the names of this shop in it, and return its text."""
        return self.write(name, (EXAMPLES / name).read_text(encoding="utf-8"))

    def write(self, name: str, text: str) -> str:
        """Put a text on the desk, with the names of this shop in it, and return it."""
        names = {"registry.example.com": self.registry.address, "shop": self.name, "t001": self.t001}
        for theirs, ours in names.items():
            text = text.replace(theirs, ours)
        (self.desk.folder / name).write_text(text, encoding="utf-8")
        return text

    def fill(self) -> None:
        """Push all releases to the shop's registry."""
        for part in ("app", "web"):
            for tag, image in IMAGES.items():
                self.registry.push(image, f"{self.name}/{part}:{tag}")

    @property
    def t001(self) -> str:
        """The name of the service t001."""
        return f"{self.name}-t001"

    def image(self, part: str, tag: str) -> str:
        """Return the reference of an image, with the digest that its tag has now."""
        repository = f"{self.name}/{part}"
        return f"{self.registry.address}/{repository}:{tag}@{self.registry.digest(repository, tag)}"

    def stand(self, images: Mapping[str, str], monitor: float = 0.2, **fields: Any) -> list[str]:
        """Create services with these images, and return their names when all of them run.

        ``monitor`` is that of :func:`services.simple`, for updates alone: it must outlast a task that is to fail.
        """
        fields.setdefault("Labels", {STACK_LABEL: self.name})
        for name, image in images.items():
            spec = services.simple(f"{self.name}_{name}", image, monitor=monitor, **fields)
            spec["RollbackConfig"] = {**spec["UpdateConfig"], "Monitor": services.SECOND // 5}
            services.post(self.engine, spec)
        names = [f"{self.name}_{name}" for name in images]
        for name in names:
            services.started(self.engine, name, timeout=rolling.LONG)
        return names

    def has(self, name: str) -> str:
        """Return the image that a service has; its tasks run it."""
        image = state.of(self.engine, name).image
        services.started(self.engine, name, image=image, timeout=rolling.LONG)
        return image


def changed(done: Run) -> list[int]:
    """Return how many changes each host of a run that ended well reports."""
    assert done.status == 0, done.text
    return [int(number) for number in re.findall(r"changed=(\d+)", done.text)]

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is in the engine, and another writer who changes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.swarm import Endpoint, services

UPDATE = r"/services/[^/?]+/update"
INSPECT = r"/services/[^/?]+$"
READ = r"/services(/[^/?]+)?(\?.*)?$"
"""Where a proxy finds the write of a service, its inspection, and any read of services, lists included."""


@dataclass(frozen=True)
class State:
    """A service at one moment; the specs are the engine's own bytes."""

    index: int
    spec: str
    previous: str

    @property
    def image(self) -> str:
        """The image that the service is to run."""
        return str(json.loads(self.spec)["TaskTemplate"]["ContainerSpec"]["Image"])

    @property
    def previous_image(self) -> str:
        """The image of the spec that the last update replaced."""
        return str(json.loads(self.previous)["TaskTemplate"]["ContainerSpec"]["Image"])

    def with_image(self, image: str) -> str:
        """Return the spec's bytes with another image and everything else as it is."""
        before = f'"Image":{json.dumps(self.image)}'
        assert self.spec.count(before) == 1, self.spec
        return self.spec.replace(before, f'"Image":{json.dumps(image)}')


def of(engine: Endpoint, name: str) -> State:
    """Return a service's present state."""
    text = engine.checked("GET", f"/services/{name}").text
    return State(json.loads(text)["Version"]["Index"], _member(text, "Spec"), _member(text, "PreviousSpec"))


def change(engine: Endpoint, name: str, edit: Callable[[Any], object]) -> None:
    """Be another writer: edit a service's spec in place and update the service."""
    service = services.inspect(engine, name)
    edit(service["Spec"])
    services.update(engine, service, service["Spec"])


def set_replicas(engine: Endpoint, name: str, count: int) -> None:
    """Be another writer, who scales a service."""
    change(engine, name, lambda spec: spec["Mode"]["Replicated"].update(Replicas=count))


def set_image(engine: Endpoint, name: str, image: str) -> None:
    """Be another writer, who sets an image."""
    change(engine, name, lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Image=image))


def replicas(state: State) -> int:
    """Return how many tasks a replicated service asks for."""
    return int(json.loads(state.spec)["Mode"]["Replicated"]["Replicas"])


def _member(text: str, name: str) -> str:
    """Return the bytes of a member of the outermost object, empty where it is absent."""
    decoder = json.JSONDecoder()
    position = text.index("{") + 1
    while True:
        key, position = decoder.raw_decode(text, position)
        start = position + 1
        _value, position = decoder.raw_decode(text, start)
        if key == name:
            return text[start:position]
        if text[position] != ",":
            return ""
        position += 1

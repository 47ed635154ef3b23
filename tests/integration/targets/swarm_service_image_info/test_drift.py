# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks of the real ``docker stack deploy``: what their file said, what runs, and what the next deployment does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration import run, state
from tests.swarm import Endpoint, Registry, services

STACK_IMAGE = "com.docker.stack.image"
FILE = """
version: "3.8"
services:
  web:
    image: {image}
    deploy:
      replicas: 0
"""


def info(engine: Endpoint, name: str) -> Any:
    """Return what the module tells of a service, and of its drift alone."""
    result = run.module("swarm_service_image_info", name=name, docker_host=engine.host)
    assert not result.failed, result.text
    return result.service["image"], result.service["stack_image"], result.service["drifted"]


def change_image(engine: Endpoint, name: str, image: str) -> None:
    """Run a release as this collection does it, beside the stack's file."""
    params: dict[str, Any] = {"name": name, "image": image, "resolve": "changed", "docker_host": engine.host}
    assert run.module("swarm_service_image", **params).changed


class Stack:
    """A stack of one service, deployed from a file."""

    def __init__(self, engine: Endpoint, name: str, folder: Path) -> None:
        self.engine, self.name = engine, name
        self.web = f"{name}_web"
        self._file = folder / "stack.yml"

    def deploy(self, image: str, resolve: str) -> None:
        self._file.write_text(FILE.format(image=image), encoding="utf-8")
        self.engine.docker("stack", "deploy", "--resolve-image", resolve, "--compose-file", str(self._file), self.name)

    @property
    def platforms(self) -> Any:
        """The platforms in the service's spec."""
        task = services.inspect(self.engine, self.web)["Spec"]["TaskTemplate"]
        return task.get("Placement", {}).get("Platforms")


@pytest.fixture
def stack(engine: Endpoint, service_name: str, tmp_path: Path) -> Stack:
    return Stack(engine, service_name, tmp_path)


@pytest.mark.parametrize("resolve", ["always", "changed", "never"])
def test_what_the_next_deployment_does(engine: Endpoint, registry: Registry, stack: Stack, resolve: str) -> None:
    """With `always` the file's image comes back; otherwise what runs stays, without its platforms."""
    repository = f"{registry.address}/drift-{resolve}"
    digests = {tag: registry.push(f"whoami:0.{tag}", f"drift-{resolve}:{tag}") for tag in ("7", "8")}
    old, new = f"{repository}:7", f"{repository}:8"
    stack.deploy(old, "always")
    assert info(engine, stack.web) == (f"{old}@{digests['7']}", old, False)

    change_image(engine, stack.web, new)
    assert info(engine, stack.web) == (f"{new}@{digests['8']}", old, True)
    assert stack.platforms

    stack.deploy(old, resolve)
    if resolve == "always":
        assert info(engine, stack.web) == (f"{old}@{digests['7']}", old, False)
        assert stack.platforms
    else:
        assert info(engine, stack.web) == (f"{new}@{digests['8']}", old, True)
        assert not stack.platforms

    stack.deploy(new, resolve)
    image, stack_image, drifted = info(engine, stack.web)
    assert (image.partition("@")[0], stack_image, drifted) == (new, new, False)


def test_stack_that_states_a_digest(engine: Endpoint, registry: Registry, stack: Stack) -> None:
    digests = [registry.push(f"whoami:0.{tag}", f"pinned-drift:{tag}") for tag in ("7", "8")]
    repository = f"{registry.address}/pinned-drift"
    stack.deploy(f"{repository}@{digests[0]}", "always")
    assert info(engine, stack.web)[1:] == (f"{repository}@{digests[0]}", False)
    change_image(engine, stack.web, f"{repository}@{digests[1]}")
    assert info(engine, stack.web)[1:] == (f"{repository}@{digests[0]}", True)


LABELS: dict[str, tuple[str, Any, Any]] = {
    "the same": ("whoami:0.7", "whoami:0.7", False),
    "in full": ("whoami:0.7", "docker.io/library/whoami:0.7", False),
    "another tag": ("whoami:0.7", "whoami:0.6", True),
    "no tag": ("whoami:0.7", "whoami", True),
    "no tag, latest runs": ("whoami:latest", "whoami", False),
    "another repository": ("whoami:0.7", "team/whoami:0.7", True),
    "no reference": ("whoami:0.7", "who ami", None),
    "none": ("whoami:0.7", None, None),
}


@pytest.mark.parametrize("name", LABELS)
def test_label_of_the_stack(engine: Endpoint, service_name: str, name: str) -> None:
    stored, label, drifted = LABELS[name]
    labels = {} if label is None else {STACK_IMAGE: label}
    services.create(engine, service_name, stored, replicas=0, Labels=labels)
    before = state.of(engine, service_name)
    assert info(engine, service_name) == (stored, label, drifted)
    assert state.of(engine, service_name) == before


def test_label_that_is_no_reference_is_an_error_of_the_service(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7", replicas=0, Labels={STACK_IMAGE: "who ami"})
    told = run.module("swarm_service_image_info", name=service_name, docker_host=engine.host).service
    assert told["error"].startswith(
        f"Whether the service has drifted is not known ({STACK_IMAGE}): 'who ami' is not a valid image reference: "
    )

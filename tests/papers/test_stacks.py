# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``docker stack deploy`` does to the image of a service, and the playbook that deploys around a release."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration import rolling
from tests.papers.shop import NEW, OLD, Shop, changed
from tests.swarm import services

COMPOSE = "compose.yml"


@pytest.fixture
def stack(shop: Shop) -> Iterator[Shop]:
    """Return the shop, deployed from its compose file at the old release."""
    shop.put(COMPOSE)
    deploy(shop, OLD)
    runs(shop, OLD)
    yield shop
    shop.engine.docker("stack", "rm", shop.name)


def deploy(shop: Shop, version: str, *options: str) -> None:
    """Deploy the stack's compose file by Docker's command line."""
    file = shop.desk.folder / COMPOSE
    text = file.read_text(encoding="utf-8")
    file.with_name("deployed.yml").write_text(text.replace("${VERSION}", version), encoding="utf-8")
    shop.engine.docker("stack", "deploy", *options, "--compose-file", str(file.with_name("deployed.yml")), shop.name)


def runs(shop: Shop, tag: str) -> None:
    """Wait until both services run a release, by its digest."""
    services.started(shop.engine, f"{shop.name}_api", 2, image=shop.image("app", tag), timeout=rolling.LONG)
    services.started(shop.engine, f"{shop.name}_worker", 1, image=shop.image("app", tag), timeout=rolling.LONG)


def has(shop: Shop) -> tuple[str, bool]:
    """Return the image of the stack's worker, and whether its spec says on which platforms it runs."""
    task = services.inspect(shop.engine, f"{shop.name}_worker")["Spec"]["TaskTemplate"]
    return task["ContainerSpec"]["Image"], bool(task["Placement"].get("Platforms"))


def release(shop: Shop) -> None:
    """Release the new version of the stack with the collection."""
    assert changed(shop.play("stack_release", "-e", f"release={NEW}")) == [1]
    runs(shop, NEW)
    assert has(shop) == (shop.image("app", NEW), True)


def test_deploy_brings_the_files_images_back(stack: Shop) -> None:
    release(stack)
    deploy(stack, OLD)
    assert has(stack) == (stack.image("app", OLD), True)


@pytest.mark.parametrize("resolve", ["changed", "never"])
def test_deploy_of_an_equal_file_keeps_the_image_and_loses_the_platforms(stack: Shop, resolve: str) -> None:
    release(stack)
    deploy(stack, OLD, "--resolve-image", resolve)
    assert has(stack) == (stack.image("app", NEW), False)


@pytest.mark.parametrize("resolve", ["always", "changed"])
def test_deploy_of_a_file_with_the_release_changes_no_image(stack: Shop, resolve: str) -> None:
    release(stack)
    before = services.inspect(stack.engine, f"{stack.name}_worker")["Spec"]["TaskTemplate"]
    deploy(stack, NEW, "--resolve-image", resolve)
    assert has(stack) == (stack.image("app", NEW), True)
    after = services.inspect(stack.engine, f"{stack.name}_worker")["Spec"]["TaskTemplate"]
    assert after == before


def test_deploy_without_resolving_writes_what_the_file_says(stack: Shop) -> None:
    deploy(stack, NEW, "--resolve-image", "never")
    assert has(stack) == (f"{stack.registry.address}/{stack.name}/app:{NEW}", False)


def test_stack_deploy_keeps_the_release(stack: Shop) -> None:
    release(stack)
    text = (stack.desk.folder / COMPOSE).read_text(encoding="utf-8")
    (stack.desk.folder / COMPOSE).write_text(text.replace("replicas: 2", "replicas: 3"), encoding="utf-8")
    assert changed(stack.play("stack_deploy")) == [1]
    assert has(stack) == (stack.image("app", NEW), True)
    assert services.running(stack.engine, f"{stack.name}_api", stack.image("app", NEW)) == 3


def test_stack_deploy_ends_where_there_are_several_releases(stack: Shop) -> None:
    stack.engine.docker("service", "update", "--image", stack.image("app", NEW), "--detach", f"{stack.name}_worker")
    ended = stack.play("stack_deploy")
    assert ended.status == 2
    assert f"They run {OLD} and {NEW}." in ended.text

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option groups that several modules share, each parsed once into one value. Private to this collection.

Nothing below the commands knows the module's parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.services import find_services, select_services
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock, Retry
from ansible_collections.swarmops.rollout.plugins.module_utils._image import Reference
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    GivenKeychain,
    Keychain,
    RunProgram,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import Result, RolloutFailed
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import Selector
from ansible_collections.swarmops.rollout.plugins.module_utils._service.spec import name_of

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.rollout import Rollout

    CarryOut = Callable[[Rollout, bool], Result]

Params = Dict[str, Any]


MOST_LOG_LINES = 1000


def carry_out(rollout: Rollout, single: bool) -> Result:
    """Run a rollout from start to end. Raises RolloutFailed."""
    return rollout.run(single)


def lines_of_logs(params: Params) -> int:
    """Read `task_logs`. Raises InvalidInput."""
    lines: int = params["task_logs"]
    if not 0 <= lines <= MOST_LOG_LINES:
        raise errors.InvalidInput(f"task_logs is {lines} lines; it must be from 0 (no logs) to {MOST_LOG_LINES}.")
    return lines


class Host(NamedTuple):
    """What Ansible provides on the managed node: check mode, a way to run programs, and one to carry out a rollout.

    A watched task is carried out in the background (`_rollout/job.py`).
    """

    check_mode: bool
    run_program: RunProgram
    carry_out: CarryOut = carry_out


class Chosen(NamedTuple):
    """The services of a task, each with the image that the options give it.

    `excluded` are the names of those that `select` left out, None without `select`; `warning` is about the selection.
    """

    services: List[Tuple[types.Service, Optional[Reference]]]
    excluded: Optional[List[str]] = None
    warning: str = ""

    def report(self, act: Callable[[], Result]) -> Result:
        """Do a task's work. Returns its result with what was left out in it; so does the result in RolloutFailed."""
        try:
            return {**act(), **self._own_result}
        except RolloutFailed as error:
            error.result.update(self._own_result)
            raise

    @property
    def _own_result(self) -> Result:
        excluded = {} if self.excluded is None else {"excluded": self.excluded}
        return {**excluded, "warnings": [self.warning]} if self.warning else excluded


class Choice(NamedTuple):
    """The services that a task is about: those in `names`, each with its own image, or those a `selector` matches.

    `image` is the one for all of them. `is_single` says that the options name one service, not a list of one.
    """

    names: List[str]
    images: List[Optional[Reference]]
    selector: Optional[Selector] = None
    image: Optional[Reference] = None
    allow_none: bool = False
    is_single: bool = False

    @classmethod
    def parse(cls, params: Params) -> Choice:
        """Read `name`, `services`, `select`, `allow_none` and `image`. Raises InvalidInput."""
        image = params.get("image")
        common = Reference.parse(image) if image is not None else None
        listed = params.get("services")
        if listed is not None:
            if common is not None:
                raise errors.InvalidInput("image goes with name and select; in services each item has its own.")
            if not listed:
                raise errors.InvalidInput("services is an empty list.")
            images = [Reference.parse(item["image"]) if item.get("image") is not None else None for item in listed]
            return cls([item["name"] for item in listed], images)
        if params["select"] is not None:
            return cls([], [], Selector.parse(**params["select"]), common, params["allow_none"])
        if params["name"] is None:
            raise errors.InvalidInput("No service is named: name, services and select are all empty.")
        return cls([params["name"]], [common], image=common, is_single=True)

    def read(self, engine: Engine, clock: Clock) -> Chosen:
        """Read the services. Raises RolloutError."""
        engine.connect()
        return Retry(clock, engine).read(lambda: self._read(engine))

    def _read(self, engine: Engine) -> Chosen:
        if self.selector is None:
            return Chosen(list(zip(find_services(engine, self.names), self.images)))
        selected = select_services(engine, self.selector, self.allow_none)
        services = [(service, self.image) for service in selected.services]
        return Chosen(services, [name_of(service) for service in selected.excluded], selected.warning)


class RegistryOptions(NamedTuple):
    """The options that say where registry credentials come from."""

    auth: str
    docker_config: Optional[str]
    username: Optional[str]
    password: Optional[str]

    @classmethod
    def parse(cls, params: Params) -> RegistryOptions:
        """Read the registry options. Raises InvalidInput if they contradict each other."""
        read = cls(
            params["registry_auth"],
            params["docker_config"],
            params["registry_username"],
            params["registry_password"],
        )
        if read.docker_config is not None and (read.is_given or not read.is_configured):
            raise errors.InvalidInput("docker_config is given, but it is read only with registry_auth=docker_config.")
        return read

    @property
    def is_given(self) -> bool:
        """Whether a user and a password are given."""
        return self.username is not None

    @property
    def is_configured(self) -> bool:
        """Whether the credentials are those of the Docker CLI."""
        return self.auth == "docker_config"

    def check(self, wanted: List[Reference]) -> None:
        """Check that one user's password goes to one registry only. Raises InvalidInput."""
        domains = sorted({reference.domain for reference in wanted})
        if self.is_given and len(domains) > 1:
            raise errors.InvalidInput(
                f"registry_username and registry_password are for one registry, but the images are in "
                f"{', '.join(domains)}. "
                "Use registry_auth=docker_config, or a task for each registry."
            )

    def keychain(self, run_program: RunProgram) -> Keychain:
        """The keychain that finds the credentials for a registry."""
        if self.is_given:
            return GivenKeychain(str(self.username), str(self.password))
        return _docker_config_keychain(self.docker_config, run_program) if self.is_configured else Keychain()


def _docker_config_keychain(folder: Optional[str], run_program: RunProgram) -> Keychain:
    """Make the Docker CLI's keychain; what reads config files and runs helpers is imported only here."""
    from ansible_collections.swarmops.rollout.plugins.module_utils._registry.docker_config import DockerConfigKeychain

    return DockerConfigKeychain(run_program, folder)

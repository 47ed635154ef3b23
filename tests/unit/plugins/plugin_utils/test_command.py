# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import shlex
from types import SimpleNamespace
from typing import Any, Dict

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs

from ansible_collections.swarmops.rollout.plugins.module_utils import _module
from ansible_collections.swarmops.rollout.plugins.modules import swarm_service_wait
from ansible_collections.swarmops.rollout.plugins.plugin_utils._command import (
    CERTIFICATES,
    OPTIONS,
    VARIABLES,
    WAYS_TO_SELECT,
    Hint,
    wait_arguments,
)


def become(method: str = "sudo", user: str = "root") -> Any:
    return SimpleNamespace(name=method, get_option={"become_user": user}.__getitem__)


@pytest.fixture(autouse=True)
def _command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"inventory": ("my hosts.ini",)}))


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"service": "t001"}, {"name": "t001"}),
        ({"name": "t001", "docker_url": "tcp://m1"}, {"name": "t001", "docker_host": "tcp://m1"}),
        ({"select": {"stack": "shop"}, "allow_none": True}, {"select": {"stack": "shop"}, "allow_none": True}),
        (
            {"services": [{"service": "a", "image": "x:1"}, {"name": "b"}]},
            {"services": [{"name": "a"}, {"name": "b"}]},
        ),
        ({"name": "a", "tls_verify": True, "ca_cert": "/c"}, {"name": "a", "validate_certs": True, "ca_path": "/c"}),
        (
            {"name": "a", "tls_client_cert": "/c", "key_path": "/k", "wait_timeout": 9, "image": "x:1", "force": True},
            {"name": "a", "client_cert": "/c", "client_key": "/k", "wait_timeout": 9},
        ),
        ({"name": "a", "registry_username": "u", "registry_password": "hunter2"}, {"name": "a"}),
    ],
)
def test_options_are_kept_whatever_they_are_called(given: Dict[str, Any], arguments: Dict[str, Any]) -> None:
    assert wait_arguments(given, {}) == arguments


def test_the_tasks_environment_counts_where_the_options_say_nothing() -> None:
    variables = {"DOCKER_HOST": "tcp://m2", "DOCKER_TLS_VERIFY": "1", "SECRET": "hunter2"}
    assert wait_arguments({"name": "a"}, variables) == {"name": "a", "docker_host": "tcp://m2", "validate_certs": "1"}
    assert wait_arguments({"name": "a", "docker_url": "tcp://m1"}, variables)["docker_host"] == "tcp://m1"


def test_a_variable_that_is_empty_counts_as_not_set() -> None:
    empty = dict.fromkeys([*VARIABLES.values(), CERTIFICATES], "")
    assert wait_arguments({"name": "a", "tls": True}, empty) == {"name": "a", "tls": True}


@pytest.mark.parametrize(
    ("given", "variables"),
    [({"tls": True}, {}), ({}, {"DOCKER_TLS_VERIFY": "1"}), ({}, {"DOCKER_HOST": "https://m1"})],
    ids=["tls", "variable", "https"],
)
def test_the_folder_of_certificates_counts_where_tls_is_spoken(
    given: Dict[str, Any], variables: Dict[str, str]
) -> None:
    arguments = wait_arguments(given, {**variables, CERTIFICATES: "/certs"})
    files = {"ca_path": "/certs/ca.pem", "client_cert": "/certs/cert.pem", "client_key": "/certs/key.pem"}
    assert {name: arguments.get(name) for name in files} == files
    own = wait_arguments({**given, "ca_cert": "/own.pem"}, {**variables, CERTIFICATES: "/certs"})
    assert (own["ca_path"], own["client_key"]) == ("/own.pem", "/certs/key.pem")


def test_the_folder_of_certificates_does_not_count_without_tls() -> None:
    variables = {"DOCKER_HOST": "unix:///run/docker.sock", CERTIFICATES: "/certs"}
    assert wait_arguments({}, variables) == {"docker_host": "unix:///run/docker.sock"}


def test_a_host_that_no_inventory_knows_is_one_of_the_command() -> None:
    assert shlex.split(Hint({}, "m9", None, ["m1"]).command([]))[:6] == [
        "ansible",
        "-i",
        "my hosts.ini",
        "-i",
        "m9,",
        "m9",
    ]
    for host in ("m1", "localhost", "127.0.0.1"):
        assert shlex.split(Hint({}, host, None, ["m1"]).command([]))[3] == host


def test_the_command_waits_for_what_was_begun() -> None:
    hint = Hint({"select": {"stack": "shop"}, "docker_host": "tcp://m1"}, "manager 1", become(), ["manager 1"])
    words = shlex.split(hint.say("Interrupted.", ["a", "b"]).partition("\n")[2])
    assert words[:-1] == [
        *("ansible", "-i", "my hosts.ini", "-b", "manager 1"),
        *("-m", f"swarmops.rollout.{swarm_service_wait.__name__.rpartition('.')[2]}", "-a"),
    ]
    assert json.loads(words[-1]) == {"services": [{"name": "a"}, {"name": "b"}], "docker_host": "tcp://m1"}
    assert json.loads(shlex.split(hint.command(["a"]))[-1]) == {"name": "a", "docker_host": "tcp://m1"}
    assert json.loads(shlex.split(hint.command([]))[-1])["select"] == {"stack": "shop"}


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (None, []),
        (become(), ["-b"]),
        (become(user="ops"), ["-b", "--become-user", "ops"]),
        (become("su"), ["-b", "--become-method", "su"]),
    ],
)
def test_the_command_becomes_whom_the_task_becomes(plugin: Any, words: Any) -> None:
    command = shlex.split(Hint({"name": "a"}, "m1", plugin, ["m1"]).command([]))
    assert command[3:-5] == words


def test_the_options_are_those_of_the_module() -> None:
    groups = (_module.SELECTION_OPTIONS, _module.ENGINE_OPTIONS, _module.WAIT_OPTIONS, _module.LOG_OPTIONS)
    known = {name: option for group in groups for name, option in group.items()}
    assert {name: option.get("aliases", []) for name, option in known.items()} == OPTIONS
    fallbacks = {name: option["fallback"][1] for name, option in known.items() if "fallback" in option}
    assert {name: [variable] for name, variable in VARIABLES.items()} == fallbacks
    assert WAYS_TO_SELECT == _module.WAYS_TO_SELECT

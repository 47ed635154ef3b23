# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.swarmops.rollout.plugins.doc_fragments import _engine, _registry, _rollout, _selection
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import LibraryMissing, RolloutError
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    ENGINE_OPTIONS,
    LOG_OPTIONS,
    PROGRESS_OPTIONS,
    REGISTRY_OPTIONS,
    SELECTION_OPTIONS,
    WAIT_OPTIONS,
    run_module,
    run_reader,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed

Options = Dict[str, Any]
ABSENT = object()


def outline(options: Options) -> Options:
    """What documentation and argument spec must agree on."""
    kept = ("type", "default", "choices", "aliases", "required", "elements")
    return {
        name: {
            **{key: option[key] for key in kept if key in option},
            "options": outline(option.get("suboptions") or option.get("options") or {}),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize(
    ("documented", "taken"),
    [
        (_engine.ModuleDocFragment.DOCUMENTATION, ENGINE_OPTIONS),
        (_registry.ModuleDocFragment.DOCUMENTATION, REGISTRY_OPTIONS),
        (_selection.ModuleDocFragment.DOCUMENTATION, SELECTION_OPTIONS),
        (_rollout.ModuleDocFragment.DOCUMENTATION, WAIT_OPTIONS),
        (_rollout.ModuleDocFragment.LOGS, LOG_OPTIONS),
        (_rollout.ModuleDocFragment.PROGRESS, PROGRESS_OPTIONS),
    ],
    ids=["engine", "registry", "selection", "rollout", "logs", "progress"],
)
def test_the_options_are_the_documented_ones(documented: str, taken: Options) -> None:
    assert outline(taken) == outline(yaml.safe_load(documented)["options"])


def test_the_environment_variables_are_the_documented_ones() -> None:
    options = yaml.safe_load(_engine.ModuleDocFragment.DOCUMENTATION)["options"]
    for name, option in ENGINE_OPTIONS.items():
        if "fallback" in option:
            (variable,) = option["fallback"][1]
            assert f"E({variable})" in " ".join(options[name]["description"])


@pytest.fixture(autouse=True)
def _no_docker_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        "DOCKER_HOST",
        "DOCKER_TIMEOUT",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "DOCKER_TLS_HOSTNAME",
        "DOCKER_CERT_PATH",
    ):
        monkeypatch.delenv(variable, raising=False)


class Act:
    """A module's work that keeps what it is given, then gives a result or raises."""

    def __init__(self, result: Optional[Options] = None, error: Optional[Exception] = None, writes: int = 0) -> None:
        self.result = result or {"changed": False}
        self.error = error
        self.writes = writes
        self.engine: Optional[Engine] = None
        self.check_mode: Optional[bool] = None

    def __call__(self, engine: Engine, _params: Options, host: Host) -> Options:
        self.engine, self.check_mode = engine, host.check_mode
        engine.writes = self.writes
        if self.error is not None:
            raise self.error
        return self.result

    @property
    def transport(self) -> Any:
        assert self.engine is not None
        return self.engine._transport


@pytest.fixture(autouse=True)
def _as_on_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tests of the controller's part ran before, Ansible takes this process for a controller."""
    internal = sys.modules.get("ansible.module_utils._internal")
    if internal is not None:
        monkeypatch.setattr(internal, "is_controller", False, raising=False)


def run(capsys: pytest.CaptureFixture[str], act: Act, params: Optional[Options] = None) -> Tuple[int, Options]:
    """Run a module; gives its exit code and its result."""
    given = {name: value for name, value in {"name": "t001", **(params or {})}.items() if value is not ABSENT}
    with patch_module_args(given), pytest.raises(SystemExit) as caught:
        run_module(act, {})
    return int(str(caught.value.code)), json.loads(capsys.readouterr().out)


def test_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    act = Act({"changed": True, "services": [{"name": "t001", "warnings": []}]})
    code, result = run(capsys, act)
    assert (code, act.check_mode) == (0, False)
    assert result["changed"] is True
    assert result["services"] == [{"name": "t001", "warnings": []}]
    assert "warnings" not in result


def test_check_mode_is_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    act = Act()
    run(capsys, act, {"_ansible_check_mode": True})
    assert act.check_mode is True


def texts(warnings: List[Any]) -> List[str]:
    """Warnings as texts: ansible-core tells them in more than one form."""
    return [json.dumps(warning) for warning in warnings]


def test_warnings_of_a_service_are_warnings_of_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    _status, result = run(capsys, Act({"changed": True, "services": [{"name": "t001", "warnings": ["not pinned"]}]}))
    (warning,) = texts(result["warnings"])
    assert "t001: not pinned" in warning


@pytest.mark.parametrize(
    ("writes", "message"),
    [(0, "It burns. Nothing was changed."), (1, "It burns.")],
    ids=["before-a-write", "after-one"],
)
def test_an_error_says_whether_anything_was_changed(
    writes: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = run(capsys, Act(error=RolloutError("It burns."), writes=writes))
    assert (code, result["failed"], result["msg"]) == (1, True, message)


def test_a_failed_rollout_carries_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"name": "t001", "changed": True, "outcome": "paused", "warnings": ["not pinned"]}
    code, result = run(
        capsys, Act(error=RolloutFailed("It has stopped.", {"changed": True, "services": [entry]}), writes=1)
    )
    assert (code, result["failed"], result["msg"], result["changed"]) == (1, True, "It has stopped.", True)
    assert result["services"] == [entry]
    assert len(result["warnings"]) == 1


def test_a_missing_library_is_told_with_how_to_install_it(capsys: pytest.CaptureFixture[str]) -> None:
    code, result = run(capsys, Act(error=LibraryMissing("Traceback: No module named 'requests_unixsocket'")))
    assert code == 1
    assert "pip install requests-unixsocket" in result["msg"]
    assert "apt install python3-requests-unixsocket" in result["msg"]


@pytest.mark.parametrize(
    ("writes", "changed", "fate"),
    [(0, False, "Nothing was changed."), (1, True, "Whether something was changed is not known.")],
)
def test_a_fault_is_told_without_what_it_quotes(
    writes: int, changed: bool, fate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = run(capsys, Act(error=KeyError("PASSWORD=hunter2"), writes=writes))
    assert (code, result["failed"], result["changed"]) == (1, True, changed)
    assert result["msg"].endswith(fate)
    assert "please report it" in result["msg"]
    assert "(KeyError)" in result["msg"]
    assert "hunter2" not in json.dumps(result)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"docker_host": "ssh://m1"}, "docker_host 'ssh://m1' is not the address of an engine"),
        ({"docker_host": "ssh://deploy@m1"}, "docker_host 'ssh://deploy@m1' is not the address of an engine"),
        ({"docker_host": "tcp://user:hunter2@m1"}, "is not the address of an engine"),
        ({"timeout": 0}, "timeout is 0 seconds; it must be from 1 to 86400 (a day)."),
        ({"timeout": -1}, "timeout is -1 seconds"),
        ({"timeout": 86401}, "timeout is 86401 seconds; it must be from 1 to 86400 (a day)."),
        ({"timeout": 10**10}, "timeout is 10000000000 seconds"),
        ({"client_cert": "/cert.pem"}, "parameters are required together: client_cert, client_key"),
        ({"client_key": "/key.pem"}, "parameters are required together: client_cert, client_key"),
        ({"select": {"stack": "shop"}}, "parameters are mutually exclusive: name|services|select"),
        ({"name": ABSENT}, "one of the following is required: name, services, select"),
    ],
)
def test_options_that_cannot_be(params: Options, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    act = Act()
    code, result = run(capsys, act, params)
    assert (code, act.engine) == (1, None)
    assert says in result["msg"]


@pytest.mark.parametrize(
    ("params", "variables", "address", "timeout"),
    [
        ({}, {}, "unix:///var/run/docker.sock", 60),
        ({}, {"DOCKER_HOST": "tcp://m2:2375", "DOCKER_TIMEOUT": "7"}, "tcp://m2:2375", 7),
        ({}, {"DOCKER_HOST": "", "DOCKER_TIMEOUT": ""}, "unix:///var/run/docker.sock", 60),
        ({"docker_host": "tcp://m1"}, {"DOCKER_HOST": "tcp://m2:2375"}, "tcp://m1", 60),
        ({"docker_url": "tcp://m1", "timeout": 5}, {"DOCKER_TIMEOUT": "7"}, "tcp://m1", 5),
    ],
    ids=["default", "environment", "empty-environment", "option-before-environment", "alias"],
)
def test_where_the_engine_is(
    params: Options,
    variables: Dict[str, str],
    address: str,
    timeout: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    act = Act()
    run(capsys, act, params)
    assert (act.transport.address.text, act.transport.timeout) == (address, timeout)


FILES = {"ca_path": "/d/ca.pem", "client_cert": "/d/cert.pem", "client_key": "/d/key.pem"}
FOLDER = {"DOCKER_CERT_PATH": "/d"}


@pytest.mark.parametrize(
    ("params", "variables", "tls"),
    [
        ({}, {}, None),
        ({}, FOLDER, None),
        ({"tls": True}, {}, TLS(verify=True)),
        ({"tls": True, "validate_certs": False}, {}, TLS(verify=False)),
        ({"validate_certs": False}, {}, None),
        ({"validate_certs": True}, {}, TLS(verify=True)),
        ({"tls": True, "validate_certs": True}, {}, TLS(verify=True)),
        ({"tls_verify": True, "cacert_path": "/d/ca.pem"}, {}, TLS(ca_path="/d/ca.pem")),
        ({"tls": True, **FILES}, {}, TLS(True, "/d/ca.pem", "/d/cert.pem", "/d/key.pem")),
        ({"validate_certs": True}, FOLDER, TLS(True, "/d/ca.pem", "/d/cert.pem", "/d/key.pem")),
        ({"validate_certs": True, "ca_path": "/x"}, FOLDER, TLS(True, "/x", "/d/cert.pem", "/d/key.pem")),
        ({"validate_certs": True}, {"DOCKER_CERT_PATH": "/d/e"}, TLS(True, "/d/e/ca.pem")),
        ({}, {"DOCKER_TLS": "1"}, TLS(verify=True)),
        ({}, {"DOCKER_TLS": "1", "DOCKER_TLS_VERIFY": "0"}, TLS(verify=False)),
        ({"validate_certs": False}, {"DOCKER_TLS": "1", "DOCKER_TLS_VERIFY": "1"}, TLS(verify=False)),
        ({}, {"DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "", "DOCKER_CERT_PATH": "", "DOCKER_TLS_HOSTNAME": ""}, None),
        ({"tls": True}, {"DOCKER_CERT_PATH": "", "DOCKER_TLS_HOSTNAME": ""}, TLS(verify=True)),
        ({"docker_host": "https://m1"}, {"DOCKER_TLS_VERIFY": ""}, TLS(verify=True)),
        ({"docker_host": "https://m1", "validate_certs": False}, {}, TLS(verify=False)),
        ({}, {"DOCKER_TLS_VERIFY": "1"}, TLS(verify=True)),
        ({}, {"DOCKER_TLS_VERIFY": "1", "DOCKER_TLS_HOSTNAME": "m1"}, TLS(hostname="m1")),
        ({"docker_host": "https://m1"}, {}, TLS(verify=True)),
        ({"docker_host": "https://m1", "tls_hostname": "m2"}, {}, TLS(hostname="m2")),
    ],
)
def test_how_it_is_secured(
    params: Options,
    variables: Dict[str, str],
    tls: Optional[TLS],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """As in a folder /d that holds all three files, and another in it that holds no key."""
    for name in ("ca.pem", "cert.pem", "key.pem", "e/ca.pem", "e/cert.pem"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("/d", str(tmp_path)))
    act = Act()
    run(capsys, act, {"docker_host": "tcp://m1", **params})
    found = act.transport.address.tls
    assert found and found._replace(**shortened(found, tmp_path)) == tls if tls else found is None


def shortened(tls: TLS, folder: Path) -> Dict[str, Any]:
    """The paths of files as if the folder were /d."""
    return {name: value and value.replace(str(folder), "/d") for name, value in tls._asdict().items() if name in FILES}


def test_a_socket_is_never_secured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    act = Act()
    run(capsys, act, {"docker_host": f"unix://{tmp_path}/engine.sock", "tls": True})
    assert act.transport.address.tls is None


# A module without an engine

READER: Options = {"timeout": {"type": "int", "default": 60}, "a": {"type": "str"}, "b": {"type": "str"}}


def read(
    capsys: pytest.CaptureFixture[str], given: Options, result: Optional[Options] = None, error: Any = None
) -> Tuple[int, Options, List[Any]]:
    """Run a module that needs no engine; gives its exit code, its result, and what its work was called with."""
    calls: List[Any] = []

    def act(params: Options, host: Host) -> Options:
        calls.append((params["a"], host.check_mode))
        if error is not None:
            raise error
        return dict(result or {})

    with patch_module_args(given), pytest.raises(SystemExit) as caught:
        run_reader(act, READER, together=[("a", "b")], one_of=[("a", "timeout")])
    return int(str(caught.value.code)), json.loads(capsys.readouterr().out), calls


def test_a_reader_returns_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"a": "1", "b": "2", "_ansible_check_mode": True}
    code, result, calls = read(capsys, given, {"changed": False, "tag": "2.4", "warnings": ["none fits"]})
    assert (code, result["tag"], calls) == (0, "2.4", [("1", True)])
    assert any("none fits" in warning for warning in texts(result["warnings"]))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, RolloutError("It burns."), "It burns."),
        ({"timeout": 0}, None, "timeout is 0 seconds; it must be from 1 to 86400 (a day)."),
        ({"a": "1"}, None, "parameters are required together: a, b"),
    ],
)
def test_a_reader_fails(given: Options, error: Any, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, result, _calls = read(capsys, given, error=error)
    assert (code, result["failed"], result["msg"]) == (1, True, message)


def test_a_fault_of_a_reader_is_told_without_what_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    code, result, _calls = read(capsys, {}, error=KeyError("token hunter2"))
    assert (code, result["failed"]) == (1, True)
    assert "The registry's answers are not those of a registry, or this collection has a bug" in result["msg"]
    assert "hunter2" not in json.dumps(result)

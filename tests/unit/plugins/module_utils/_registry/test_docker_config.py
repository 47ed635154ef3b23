# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.swarmops.rollout.plugins.module_utils._module import _run_program
from ansible_collections.swarmops.rollout.plugins.module_utils._registry import docker_config
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    HUB_KEY,
    Credential,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.docker_config import (
    CredentialError,
    DockerConfigKeychain,
)
from tests.swarm import eventually

DOMAIN = "registry.example.com:5000"


def pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def keychain(folder: Path, config: Any) -> DockerConfigKeychain:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    return DockerConfigKeychain(run_program, str(folder))


def run_program(command: List[str], given: bytes) -> Tuple[int, bytes, bytes]:
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str = "tests") -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def decoded(header: str) -> Dict[str, str]:
    assert len(header) % 4 == 0
    fields: Dict[str, str] = json.loads(base64.b64decode(header, altchars=b"-_", validate=True))
    return fields


def test_no_credentials_are_none() -> None:
    assert DockerConfigKeychain(run_program).find(DOMAIN) is None


KEYS = [
    (DOMAIN, DOMAIN, True),
    (DOMAIN, f"https://{DOMAIN}", True),
    (DOMAIN, f"http://{DOMAIN}/", True),
    (DOMAIN, f"https://{DOMAIN}/v1/", True),
    (DOMAIN, "registry.example.com", False),
    (DOMAIN, "registry.example.com:5001", False),
    (DOMAIN, f"evil.example.com/{DOMAIN}", False),
    (DOMAIN, f"sub.{DOMAIN}", False),
    ("docker.io", HUB_KEY, True),
    ("docker.io", "index.docker.io", True),
    ("docker.io", "https://index.docker.io/v2/", True),
    ("docker.io", "docker.io", True),
    ("docker.io", "registry.example.com", False),
    ("registry.example.com", "https://registry.example.com", True),
    ("registry.example.com", DOMAIN, False),
]


@pytest.mark.parametrize(("domain", "key", "found"), KEYS, ids=[" ".join(row[:2]) for row in KEYS])
def test_keys_of_auths(tmp_path: Path, domain: str, key: str, found: bool) -> None:
    chain = keychain(tmp_path, {"auths": {key: {"auth": pair("robot", "word")}}})
    server = HUB_KEY if domain == "docker.io" else domain
    assert chain.find(domain) == (Credential(server, "robot", "word") if found else None)


def test_the_exact_key_comes_first(tmp_path: Path) -> None:
    auths = {f"https://{DOMAIN}": {"auth": pair("robot", "old")}, DOMAIN: {"auth": pair("robot", "new")}}
    assert keychain(tmp_path, {"auths": auths}).find(DOMAIN) == Credential(DOMAIN, "robot", "new")


ENTRIES = {
    "auth": ({"auth": pair("robot", "a:b")}, Credential(DOMAIN, "robot", "a:b")),
    "padded-with-nul": ({"auth": pair("robot", "word\0")}, Credential(DOMAIN, "robot", "word")),
    "identitytoken": ({"identitytoken": "t"}, Credential(DOMAIN, identity_token="t")),
    "auth-and-token": (
        {"auth": pair("robot", ""), "identitytoken": "t"},
        Credential(DOMAIN, "robot", identity_token="t"),
    ),
    "registrytoken": ({"registrytoken": "t"}, Credential(DOMAIN, registry_token="t")),
    "empty": ({}, None),
    "empty-texts": ({"auth": "", "identitytoken": ""}, None),
}


@pytest.mark.parametrize(("entry", "credential"), ENTRIES.values(), ids=ENTRIES)
def test_entries_of_auths(tmp_path: Path, entry: Any, credential: Optional[Credential]) -> None:
    assert keychain(tmp_path, {"auths": {DOMAIN: entry}}).find(DOMAIN) == credential


UNUSABLE = {
    "no-json": '{"auths": SECRET',
    "no-object": '["SECRET"]',
    "deep": "[" * 100_000,
    "auths-a-list": '{"auths": ["SECRET"]}',
    "entry-a-text": json.dumps({"auths": {DOMAIN: "SECRET"}}),
    "no-base64": json.dumps({"auths": {DOMAIN: {"auth": "SECRET!"}}}),
    "no-colon": json.dumps({"auths": {DOMAIN: {"auth": base64.b64encode(b"SECRET").decode()}}}),
    "no-name": json.dumps({"auths": {DOMAIN: {"auth": pair("", "SECRET")}}}),
    "no-utf-8": json.dumps({"auths": {DOMAIN: {"auth": base64.b64encode(b"\xff:SECRET").decode()}}}),
    "helpers-a-text": '{"credHelpers": "SECRET"}',
    "helper-a-path": '{"credsStore": "../SECRET"}',
    "helper-an-option": '{"credsStore": "-SECRET"}',
    "helper-a-shell": '{"credsStore": "x;echo SECRET"}',
    "helper-a-list": '{"credsStore": ["SECRET"]}',
    "helper-is-missing": '{"credsStore": "no-such-helper-anywhere"}',
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_config_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    with pytest.raises(CredentialError) as error:
        keychain(tmp_path, text).find(DOMAIN)
    assert "SECRET" not in str(error.value)
    assert error.value.__cause__ is None


def test_config_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="larger than 4 MiB"):
        keychain(tmp_path, " " * (docker_config.LARGEST_CONFIG + 1)).find(DOMAIN)


def test_folder_that_is_named_must_have_a_config(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match=r"there is no file .*/missing/config\.json"):
        DockerConfigKeychain(run_program, str(tmp_path / "missing")).find(DOMAIN)


def test_config_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(CredentialError, match="cannot be read: Is a directory"):
        DockerConfigKeychain(run_program, str(tmp_path)).find(DOMAIN)


def test_where_the_config_is_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("home/.docker", "variable"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        keychain(folder, {"auths": {DOMAIN: {"auth": pair("robot", name)}}})
    assert DockerConfigKeychain(run_program).find(DOMAIN) == Credential(DOMAIN, "robot", "home/.docker")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "variable"))
    assert DockerConfigKeychain(run_program).find(DOMAIN) == Credential(DOMAIN, "robot", "variable")


def test_an_empty_variable_names_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "home/.docker"
    folder.mkdir(parents=True)
    keychain(folder, {"auths": {DOMAIN: {"auth": pair("robot", "home")}}})
    for name in ("DOCKER_CONFIG", "DOCKER_AUTH_CONFIG"):
        monkeypatch.setenv(name, "")
    assert DockerConfigKeychain(run_program).find(DOMAIN) == Credential(DOMAIN, "robot", "home")


@pytest.mark.parametrize("text", ["", "\n", " \t\r\n"], ids=["empty", "line", "blank"])
def test_a_config_without_anything_in_it(tmp_path: Path, text: str) -> None:
    """As left by `touch`, or by a disk that was full; the Docker CLI takes it for one without credentials."""
    assert keychain(tmp_path, text).find(DOMAIN) is None


@pytest.mark.parametrize("auth", ["dXNlcjpwYXNz\n", "dXNl\ncjpwYXNz", "dXNlcjpw\r\nYXNz\r\n"])
def test_a_pair_that_was_broken_into_lines(tmp_path: Path, auth: str) -> None:
    """As base64(1) writes it; the Docker CLI takes it."""
    found = keychain(tmp_path, {"auths": {DOMAIN: {"auth": auth}}}).find(DOMAIN)
    assert found == Credential(DOMAIN, "user", "pass")


@pytest.mark.parametrize("auth", ["dXNl cjpwYXNz", "dXNlcjpwYXM", "dXNl\tcjpwYXNz"], ids=["space", "no-padding", "tab"])
def test_a_pair_that_the_docker_cli_does_not_take(tmp_path: Path, auth: str) -> None:
    with pytest.raises(CredentialError, match="is not the base64 of a name and a password"):
        keychain(tmp_path, {"auths": {DOMAIN: {"auth": auth}}}).find(DOMAIN)


def test_the_variable_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = keychain(tmp_path, {"auths": {key: {"auth": pair("robot", "file")} for key in (DOMAIN, "other.example")}})
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {DOMAIN: {"auth": pair("robot", "variable")}}}))
    assert chain.find(DOMAIN) == Credential(DOMAIN, "robot", "variable")
    assert chain.find("other.example") == Credential("other.example", "robot", "file")


@pytest.mark.parametrize("text", ["{SECRET", '["SECRET"]'])
def test_variable_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", text)
    with pytest.raises(CredentialError, match=r"^DOCKER_AUTH_CONFIG is ") as error:
        DockerConfigKeychain(run_program).find(DOMAIN)
    assert "SECRET" not in str(error.value)


ANSWER = """read -r server; echo "{\\"Username\\": \\"$1\\", \\"Secret\\": \\"$server\\"}"; """


def test_a_helper_is_asked_for_the_servers_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, ANSWER)
    chain = keychain(tmp_path, {"credsStore": "tests"})
    assert chain.find(DOMAIN) == Credential(DOMAIN, "get", DOMAIN)
    assert chain.find("docker.io") == Credential(HUB_KEY, "get", HUB_KEY)


def test_a_helper_is_asked_once_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, f"echo called >> {tmp_path}/calls; {ANSWER}")
    chain = keychain(tmp_path, {"credsStore": "tests"})
    found = chain.find(DOMAIN)
    assert found is not None
    assert chain.find(DOMAIN) == found
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "called\n"


def test_cred_helpers_before_creds_store_before_auths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        helper(tmp_path, monkeypatch, f"""echo '{{"Username": "robot", "Secret": "{name}"}}'""", name)
    hosts = (DOMAIN, "other.example", "file.example")
    auths = {host: {"auth": pair("robot", "file")} for host in hosts}
    config = {"credHelpers": {DOMAIN: "one", "file.example": ""}, "credsStore": "two", "auths": auths}
    chain = keychain(tmp_path, config)
    found = [chain.find(host) for host in hosts]
    assert [credential and credential.password for credential in found] == ["one", "two", "file"]


def test_a_helpers_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, """echo '{"Username": "<token>", "Secret": "t"}'""")
    chain = keychain(tmp_path, {"credsStore": "tests"})
    assert chain.find(DOMAIN) == Credential(DOMAIN, identity_token="t")


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_helper_that_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    helper(tmp_path, monkeypatch, f"echo 'credentials not found in native keychain' >&{stream}; exit 1")
    assert keychain(tmp_path, {"credsStore": "tests"}).find(DOMAIN) is None


FAILURES = {
    "exit 3": "exit code 3",
    "echo SECRET; exit 1": "its output is not shown",
    "echo SECRET >&2; exit 1": "its output is not shown",
    "echo 'no credentials server URL SECRET'; exit 1": "and said: no credentials server URL",
    "echo SECRET": "returned no user name and secret",
    """echo '{"Secret": "SECRET"}'""": "returned no user name and secret",
    """echo '["SECRET"]'""": "returned no user name and secret",
    "printf '\\377SECRET'": "returned no user name and secret",
    "kill -9 $$": "exit code 137",
}


@pytest.mark.parametrize(("text", "said"), FAILURES.items(), ids=FAILURES)
def test_a_helper_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    helper(tmp_path, monkeypatch, text)
    with pytest.raises(CredentialError, match=said) as error:
        keychain(tmp_path, {"credsStore": "tests"}).find(DOMAIN)
    assert "docker-credential-tests" in str(error.value)
    assert "SECRET" not in str(error.value)


def test_a_helper_that_does_not_listen(tmp_path: Path) -> None:
    def deaf(_command: List[str], _given: bytes) -> Tuple[int, bytes, bytes]:
        raise BrokenPipeError(32, "Broken pipe")

    (tmp_path / "config.json").write_text('{"credsStore": "tests"}', encoding="utf-8")
    with pytest.raises(CredentialError, match="ended before it had read"):
        DockerConfigKeychain(deaf, str(tmp_path)).find(DOMAIN)


def test_a_helper_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_config, "HELPER_TIMEOUT", 0.2)
    helper(tmp_path, monkeypatch, "echo SECRET; exec tail -f /dev/null")
    with pytest.raises(CredentialError, match=r"returned no answer for .* within 0\.2 seconds") as error:
        keychain(tmp_path, {"credsStore": "tests"}).find(DOMAIN)
    assert "SECRET" not in str(error.value)


STUBBORN = """trap '' TERM INT HUP
(trap '' TERM INT HUP; while true; do sleep 5; done) &
while true; do sleep 5; done
"""
SILENT = "(while true; do sleep 1; done) &"
TALKING = "(while echo SECRET >&2; do sleep 0.1; done) &"
LIMIT = 1.0  # second
AT_ONCE = 10.0  # seconds within which what is bounded by LIMIT has ended, on a slow machine too


def asked(folder: Path, command: Any) -> Tuple[str, float]:
    """What comes of asking a helper through Ansible's own call for programs, and the seconds that it takes."""
    (folder / "config.json").write_text('{"credsStore": "tests"}', encoding="utf-8")
    with patch_module_args({}):
        module = AnsibleModule({})
    began = time.monotonic()
    try:
        said = repr(DockerConfigKeychain(partial(command, module), str(folder)).find(DOMAIN))
    except CredentialError as error:
        said = str(error)
    return said, time.monotonic() - began


def left_over(folder: Path) -> List[str]:
    """The processes that still run a helper in the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(path.read_bytes().decode(errors="replace"))
    return [command for command in found if str(folder) in command]


@pytest.mark.parametrize("path", ["all", "helper"])
def test_a_helper_that_heeds_no_signal_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    helper(tmp_path, monkeypatch, STUBBORN)
    if path == "helper":  # a system without a program `timeout`
        for name in ("sh", "sleep"):
            (tmp_path / name).symlink_to(shutil.which(name) or "")
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(docker_config, "HELPER_TIMEOUT", LIMIT)
    said, seconds = asked(tmp_path, _run_program)
    assert f"returned no answer for {DOMAIN} within 1 seconds" in said
    assert LIMIT <= seconds < AT_ONCE
    eventually(lambda: not left_over(tmp_path), "nothing of the helper is left")


@pytest.mark.parametrize("child", [SILENT, TALKING], ids=["silent", "talking"])
def test_a_child_that_keeps_a_helpers_output_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    helper(tmp_path, monkeypatch, f"{ANSWER}\n{child}")
    said, seconds = asked(tmp_path, _run_program)
    assert said == repr(Credential(DOMAIN, "get", DOMAIN))
    assert seconds < AT_ONCE
    eventually(lambda: not left_over(tmp_path), "nothing of the helper is left")


def test_a_helper_is_run_without_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, ANSWER)
    chain = keychain(tmp_path, {"credsStore": "tests"})
    assert chain.find("$(id).example") == Credential("$(id).example", "get", "$(id).example")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("auth", "username", "password", "identitytoken", "registrytoken")
ANY_ENTRY: st.SearchStrategy[Any] = (
    st.dictionaries(st.sampled_from(FIELDS), JSON | st.just(pair("robot", "secret"))) | JSON
)
ANY_KEY = st.sampled_from([DOMAIN, f"https://{DOMAIN}/v1/", HUB_KEY, "other.example.com"])
CONFIGS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "auths": st.dictionaries(ANY_KEY, ANY_ENTRY) | JSON,
        "credHelpers": st.dictionaries(ANY_KEY, JSON) | JSON,
        "credsStore": JSON,
    },
)
FILES = CONFIGS.map(lambda config: json.dumps(config).encode()) | JSON.map(lambda value: json.dumps(value).encode())


@given(
    st.binary(max_size=60) | FILES | FILES.flatmap(lambda file: st.integers(0, len(file)).map(lambda end: file[:end]))
)
def test_any_config_gives_credentials_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "config.json").write_bytes(content)
    try:
        found = DockerConfigKeychain(run_program, str(folder)).find(DOMAIN)
    except CredentialError as error:
        told = str(error)
        assert told.isprintable()
        assert len(told) < 500
    else:
        assert found is None or decoded(found.header())["serveraddress"] == DOMAIN

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registry credentials, found as the Docker CLI finds them. Private to this collection.

Rules: github.com/docker/cli, cli/config/configfile/file.go (which store is asked), cli/config/credentials
(the file and the helpers), and github.com/docker/docker-credential-helpers (how a helper talks). No text of
a credential, of a config file or of a helper's output is ever part of an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import sys
from typing import Any, Dict, List, Optional

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._registry.credentials import (
    HUB_DOMAIN,
    Credential,
    Keychain,
    RunProgram,
    key_of,
)

CONFIG_NAME = "config.json"
CONFIG_VARIABLE = "DOCKER_CONFIG"
AUTH_VARIABLE = "DOCKER_AUTH_CONFIG"
HELPER_PREFIX = "docker-credential-"
HELPER_TIMEOUT = 30.0  # seconds
TIMED_OUT = 124  # exit statuses of LIMITED, which are those of coreutils' timeout(1)
CANNOT_RUN = {126: "Permission denied", 127: "No such file or directory"}
# A Python program: run a command, and kill it and its children if it takes longer than so many seconds. Not every
# system has timeout(1), which by default only asks a program to end. Children that stay behind are killed too: one
# that never stops writing to the output would be read for ever.
LIMITED = """
import errno, os, signal, sys

def kill(*_signal):
    try:
        os.killpg(helper, signal.SIGKILL)
    except OSError:
        pass

def give_up(*_signal):
    kill()
    os._exit(124)

helper = os.fork()
if helper == 0:
    try:
        os.setsid()
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        os._exit(127 if error.errno == errno.ENOENT else 126)
signal.signal(signal.SIGALRM, give_up)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
status = os.waitpid(helper, 0)[1]
kill()
os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"""
TOKEN_USER = "<token>"  # a helper's way of saying that the secret is an identity token
NOT_FOUND = "credentials not found in native keychain"
HARMLESS_HELPER_TEXTS = (NOT_FOUND, "no credentials server URL", "no credentials username")
LARGEST_CONFIG = 4 * 1024 * 1024  # bytes
_LINE_BREAK = re.compile(r"[\r\n]")  # what Go's encoding/base64 ignores
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class CredentialError(errors.InvalidInput):
    """Credentials were asked for, but their source cannot be used."""


class DockerConfigKeychain(Keychain):
    """The Docker CLI's own sources: DOCKER_AUTH_CONFIG, then `credHelpers`, `credsStore` and `auths` of config.json.

    `run_program` runs a helper. `folder` holds config.json; by default it is DOCKER_CONFIG, then `~/.docker`, where the
    file may be missing.
    """

    inherits = False

    def __init__(self, run_program: RunProgram, folder: Optional[str] = None) -> None:
        self._run_program = run_program
        self._must_exist = folder is not None
        chosen = folder or os.environ.get(CONFIG_VARIABLE) or os.path.join("~", ".docker")
        self._path = os.path.join(os.path.expanduser(chosen), CONFIG_NAME)
        self._found: Dict[str, Optional[Credential]] = {}
        self._config: Optional[Dict[str, Any]] = None

    def find(self, domain: str) -> Optional[Credential]:
        """The credential for a domain; each source is asked once."""
        if domain not in self._found:
            self._found[domain] = self._look_up(domain)
        return self._found[domain]

    def _look_up(self, domain: str) -> Optional[Credential]:
        in_variable = os.environ.get(AUTH_VARIABLE)
        if in_variable:
            credential = _from_auths(_parse(in_variable, AUTH_VARIABLE), domain, AUTH_VARIABLE)
            if credential is not None:
                return credential
        if self._config is None:
            self._config = self._read()
        helper = self._helper(self._config, domain)
        credential = _from_helper(self._run_program, helper, key_of(domain)) if helper else None
        return credential or _from_auths(self._config, domain, self._path)

    def _helper(self, config: Dict[str, Any], domain: str) -> Optional[str]:
        helpers = _section(config, "credHelpers", self._path)
        matching = [helpers[key] for key in helpers if _is_key_of(key, domain)]
        name = matching[0] if matching else config.get("credsStore")
        if not name:
            return None
        if not isinstance(name, str) or not _HELPER_NAME.fullmatch(name):
            raise CredentialError(f"In {self._path}, the name of the credential helper for {domain} is not valid.")
        return name

    def _read(self) -> Dict[str, Any]:
        try:
            with open(self._path, "rb") as file:
                content = file.read(LARGEST_CONFIG + 1)
        except FileNotFoundError:
            if self._must_exist:
                raise CredentialError(f"docker_config: there is no file {self._path}.") from None
            return {}
        except OSError as error:
            raise CredentialError(f"{self._path} cannot be read: {error.strerror}.") from None
        if len(content) > LARGEST_CONFIG:
            raise CredentialError(f"{self._path} is larger than {LARGEST_CONFIG // 2**20} MiB; it was not used.")
        return _parse(content.decode("utf-8", errors="replace"), self._path) if content.strip() else {}


def _is_key_of(key: str, domain: str) -> bool:
    """Whether a config file's key stands for the domain; the scheme and path in older files are ignored."""
    if key == key_of(domain):
        return True
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    return host == domain or (domain == HUB_DOMAIN and host == "index.docker.io")


def _parse(text: str, source: str) -> Dict[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialError(f"{source} is not valid JSON; no credentials were taken from it.") from None
    if not isinstance(config, dict):
        raise CredentialError(f"{source} is JSON, but not an object; no credentials were taken from it.")
    return config


def _section(config: Dict[str, Any], name: str, source: str) -> Dict[str, Any]:
    section = config.get(name) or {}
    if not isinstance(section, dict):
        raise CredentialError(f"{name} in {source} is not an object; no credentials were taken from it.")
    return section


def _from_auths(config: Dict[str, Any], domain: str, source: str) -> Optional[Credential]:
    auths = _section(config, "auths", source)
    keys = sorted((key for key in auths if _is_key_of(key, domain)), key=lambda key: key != key_of(domain))
    for key in keys:
        credential = _from_entry(auths[key], domain, source)
        if credential is not None:
            return credential
    return None


def _from_entry(entry: Any, domain: str, source: str) -> Optional[Credential]:
    """Read one entry of `auths`; an empty one only says that a helper knows more."""
    if not isinstance(entry, dict):
        raise CredentialError(f"The entry for {domain} in {source} is not an object.")
    texts = {name: str(entry.get(name) or "") for name in ("username", "password", "identitytoken", "registrytoken")}
    if entry.get("auth"):
        texts["username"], texts["password"] = _decode_pair(entry["auth"], domain, source)
    if not any(texts.values()):
        return None
    return Credential(
        key_of(domain), texts["username"], texts["password"], texts["identitytoken"], texts["registrytoken"]
    )


def _decode_pair(auth: Any, domain: str, source: str) -> List[str]:
    try:
        pair = base64.b64decode(_LINE_BREAK.sub("", str(auth)), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        pair = ""
    username, colon, password = pair.partition(":")
    if not colon or not username:
        raise CredentialError(f"The auth of {domain} in {source} is not the base64 of a name and a password.")
    return [username, password.strip("\x00")]


def _from_helper(run_program: RunProgram, name: str, server: str) -> Optional[Credential]:
    """Ask a credential helper, with a time limit. None if it knows nothing of the server."""
    program = HELPER_PREFIX + name
    limited = [sys.executable, "-I", "-S", "-c", LIMITED, f"{HELPER_TIMEOUT:g}"]
    try:
        status, output, complaints = run_program([*limited, program, "get"], server.encode())
    except BrokenPipeError:
        raise CredentialError(f"The credential helper {program} ended before it had read the request.") from None
    except OSError as error:
        raise CredentialError(f"The credential helper {program} cannot be run: {error.strerror}.") from None
    if status == TIMED_OUT:
        raise CredentialError(
            f"The credential helper {program} returned no answer for {server} within {HELPER_TIMEOUT:g} seconds."
        )
    if status in CANNOT_RUN:
        raise CredentialError(f"The credential helper {program} cannot be run: {CANNOT_RUN[status]}.")
    if status == 0:
        return _from_answer(program, server, output)
    said = (output + complaints).decode("utf-8", errors="replace")
    if NOT_FOUND in said:
        return None
    raise _refusal(program, server, status, said)


def _refusal(program: str, server: str, exit_code: int, said: str) -> CredentialError:
    harmless = [text for text in HARMLESS_HELPER_TEXTS if text in said]
    words = (
        f" and said: {errors.quote(harmless[0])}"
        if harmless
        else " (its output is not shown, since it may hold a secret)"
    )
    return CredentialError(
        f"The credential helper {program} failed for {server} with exit code {exit_code}{words}. "
        f"Try 'echo {server} | {program} get' as the user that runs this task."
    )


def _from_answer(program: str, server: str, output: bytes) -> Credential:
    try:
        answer = json.loads(output.decode("utf-8"))
        username, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CredentialError(
            f"The credential helper {program} returned no user name and secret for {server}."
        ) from None
    if username == TOKEN_USER:
        return Credential(server, identity_token=str(secret))
    return Credential(server, str(username), str(secret))

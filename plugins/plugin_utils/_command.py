# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message for an interrupted run, with the command that resumes the wait. Private to this collection."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible import context
from ansible.constants import DEFAULT_HOST_LIST

# The options of swarm_service_wait with their aliases, and the environment variables that stand for some of them.
# Importing the module's own table takes 0.1 s, which a task with nothing to do would feel; a test compares the two.
OPTIONS = {
    "name": ["service"],
    "select": [],
    "allow_none": [],
    "docker_host": ["docker_url"],
    "timeout": [],
    "tls": [],
    "validate_certs": ["tls_verify"],
    "tls_hostname": [],
    "ca_path": ["ca_cert", "tls_ca_cert", "cacert_path"],
    "client_cert": ["tls_client_cert", "cert_path"],
    "client_key": ["tls_client_key", "key_path"],
    "wait_timeout": [],
    "task_logs": [],
}
VARIABLES = {
    "docker_host": "DOCKER_HOST",
    "timeout": "DOCKER_TIMEOUT",
    "tls": "DOCKER_TLS",
    "validate_certs": "DOCKER_TLS_VERIFY",
    "tls_hostname": "DOCKER_TLS_HOSTNAME",
}
CERTIFICATES = "DOCKER_CERT_PATH"  # a folder with these files, used with TLS
FILES = {"ca_path": "ca.pem", "client_cert": "cert.pem", "client_key": "key.pem"}
IMPLICIT = ("localhost", "127.0.0.1", "::1")  # hosts that need no inventory
WAYS_TO_SELECT = ("name", "services", "select")
WAIT_MODULE = "swarmops.rollout.swarm_service_wait"

Options = Mapping[str, Any]


class Hint:
    """The message for an interrupted run: how the rollout continues, and the command that waits.

    `known` lists the hosts of the inventory; a task may be delegated to a host outside it.
    """

    def __init__(self, arguments: Dict[str, Any], host: str, become: Any, known: Sequence[str]) -> None:
        self._arguments = arguments
        self._host = host
        self._become = become
        self._is_known = host in known or host in IMPLICIT

    def command(self, services: List[str]) -> str:
        """The shell command that waits for these services, or for all of the task's if the list is empty."""
        words = [*_inventories(), *([] if self._is_known else ["-i", f"{self._host},"]), *_becoming(self._become)]
        arguments = json.dumps(_for_services(self._arguments, services))
        return " ".join(map(shlex.quote, ["ansible", *words, self._host, "-m", WAIT_MODULE, "-a", arguments]))

    def say(self, said: str, services: Optional[List[str]] = None) -> str:
        """The whole message: what is to be said, and the command."""
        return f"{said} To keep waiting, run:\n  {self.command(services or [])}"


def wait_arguments(given: Options, variables: Options) -> Dict[str, Any]:
    """The options of swarm_service_wait, by their own names, that a task's options and environment stand for."""
    arguments = _by_own_names(given, OPTIONS)
    if isinstance(given.get("services"), list):
        items = [item for item in given["services"] if isinstance(item, dict)]
        arguments["services"] = [_by_own_names(item, {"name": OPTIONS["name"]}) for item in items]
    for name, variable in VARIABLES.items():
        if name not in arguments and variables.get(variable):
            arguments[name] = variables[variable]
    folder = variables.get(CERTIFICATES)
    if folder and _speaks_tls(arguments):
        arguments = {**{name: f"{folder}/{file}" for name, file in FILES.items()}, **arguments}
    return arguments


def _speaks_tls(arguments: Options) -> bool:
    is_https = str(arguments.get("docker_host", "")).startswith("https://")
    return is_https or bool(arguments.get("tls") or arguments.get("validate_certs"))


def _for_services(arguments: Options, names: List[str]) -> Dict[str, Any]:
    """The same options for these services alone, or for all if no name is given."""
    if not names:
        return dict(arguments)
    kept = {name: value for name, value in arguments.items() if name not in (*WAYS_TO_SELECT, "allow_none")}
    return {"name": names[0], **kept} if len(names) == 1 else {"services": [{"name": name} for name in names], **kept}


def _inventories() -> List[str]:
    """The command-line words that name this run's inventories."""
    sources = [source for source in context.CLIARGS.get("inventory") or () if source not in DEFAULT_HOST_LIST]
    return [word for source in sources for word in ("-i", source)]


def _becoming(become: Any) -> List[str]:
    """The command-line words for the task's privilege escalation; `become` is Ansible's become plugin, or None."""
    if become is None:
        return []
    words = ["-b"]
    method, user = getattr(become, "name", "sudo"), become.get_option("become_user")
    words += ["--become-method", method] if method not in ("sudo", "ansible.builtin.sudo") else []
    return words + (["--become-user", user] if user not in (None, "root") else [])


def _by_own_names(given: Options, known: Mapping[str, List[str]]) -> Dict[str, Any]:
    """The given options by their own names, whichever alias was used."""
    found = {}
    for own, aliases in known.items():
        values = [given[name] for name in (own, *aliases) if given.get(name) is not None]
        if values:
            found[own] = values[0]
    return found

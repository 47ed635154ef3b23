# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules share: the engine's options, and turning errors into failed tasks.

Private to this collection.
"""

from __future__ import annotations

import os
import traceback
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Tuple

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib
from ansible.module_utils.errors import AnsibleFallbackNotFound

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import Host, Params, carry_out
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.retry import Clock
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Transport
from ansible_collections.swarmops.rollout.plugins.module_utils._service.result import RolloutFailed

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._commands.options import CarryOut

LIBRARY = "requests-unixsocket"
HOW_TO_INSTALL = (
    f"to talk to the engine. Install it with 'pip install {LIBRARY}', "
    f"or on Debian and Ubuntu with 'apt install python3-{LIBRARY}'"
)


def _filled_variable(name: str) -> Any:
    """The value of an environment variable. An empty one counts as not set, as for the Docker CLI."""
    value = env_fallback(name)
    if not value:
        raise AnsibleFallbackNotFound
    return value


ENGINE_OPTIONS: Dict[str, Any] = {
    "docker_host": {
        "type": "str",
        "default": "unix:///var/run/docker.sock",
        "fallback": (_filled_variable, ["DOCKER_HOST"]),
        "aliases": ["docker_url"],
    },
    "timeout": {"type": "int", "default": 60, "fallback": (_filled_variable, ["DOCKER_TIMEOUT"])},
    "tls": {"type": "bool", "default": False, "fallback": (_filled_variable, ["DOCKER_TLS"])},
    "validate_certs": {
        "type": "bool",
        "fallback": (_filled_variable, ["DOCKER_TLS_VERIFY"]),
        "aliases": ["tls_verify"],
    },
    "tls_hostname": {"type": "str", "fallback": (_filled_variable, ["DOCKER_TLS_HOSTNAME"])},
    "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
    "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
    "client_key": {"type": "path", "aliases": ["tls_client_key", "key_path"]},
}

REGISTRY_OPTIONS: Dict[str, Any] = {
    "registry_auth": {"type": "str", "choices": ["inherit", "docker_config"], "default": "inherit"},
    "docker_config": {"type": "path"},
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
}
REGISTRY_TOGETHER = ("registry_username", "registry_password")

SELECTION_OPTIONS: Dict[str, Any] = {
    "name": {"type": "str", "aliases": ["service"]},
    "select": {
        "type": "dict",
        "options": {
            "stack": {"type": "str"},
            "labels": {"type": "dict"},
            "repository": {"type": "str"},
            "exclude": {
                "type": "dict",
                "options": {
                    "names": {"type": "list", "elements": "str"},
                    "labels": {"type": "dict"},
                    "repository": {"type": "list", "elements": "str"},
                },
            },
        },
    },
    "allow_none": {"type": "bool", "default": False},
}
NAMED_ITEM: Dict[str, Any] = {"name": {"type": "str", "required": True, "aliases": ["service"]}}
WAYS_TO_SELECT = ("name", "services", "select")

WAIT_OPTIONS: Dict[str, Any] = {"wait_timeout": {"type": "int", "default": 300}}

LOG_OPTIONS: Dict[str, Any] = {"task_logs": {"type": "int", "default": 0}}

PROGRESS_OPTIONS: Dict[str, Any] = {"show_progress": {"type": "bool", "default": True}}

# Set by the action plugins for a watched task: the folder in which a job may make its own.
JOBS = "SWARMOPS_ROLLOUT_JOBS"

LONGEST_TIMEOUT = 24 * 3600  # seconds; far more is a typing error, and more than a socket accepts

DETACHED = 'setsid "$@" </dev/null >/dev/null 2>&1 &'

# The text of such an error could quote an engine's answer, including a service's secrets.
UNEXPECTED = (
    "The engine's answers are not those of a Docker engine, or this collection has a bug: please report it with "
    "the output of -vvv"
)
NOTHING_CHANGED = "Nothing was changed."
NOT_KNOWN = "Whether something was changed is not known."

UNEXPECTED_BY_READER = (
    "The registry's answers are not those of a registry, or this collection has a bug: please report it with the "
    "output of -vvv"
)

Groups = List[Tuple[str, ...]]
Act = Callable[[Engine, Params, Host], Dict[str, Any]]
Read = Callable[[Params, Host], Dict[str, Any]]


def run_module(
    act: Act, options: Dict[str, Any], together: Optional[Groups] = None, exclusive: Optional[Groups] = None
) -> None:
    """Run a module: parse its options, do its work, and exit with its result or its error.

    `act` is called with the engine, the parameters and a `Host`, and returns the result. The options for services and
    the engine are added to `options`. `together` and `exclusive` are groups of options that must, and must not, be
    given at the same time.
    """
    module = AnsibleModule(
        argument_spec={**ENGINE_OPTIONS, **SELECTION_OPTIONS, **options},
        supports_check_mode=True,
        required_together=[("client_cert", "client_key"), *(together or [])],
        mutually_exclusive=[WAYS_TO_SELECT, *(exclusive or [])],
        required_one_of=[WAYS_TO_SELECT],
    )
    with _way_to_carry_out(module) as how:
        _run(module, act, Host(module.check_mode, partial(_run_program, module), how))


def run_reader(
    read: Read, options: Dict[str, Any], together: Optional[Groups] = None, one_of: Optional[Groups] = None
) -> None:
    """Run a module that needs no engine and changes nothing, and exit with its result or its error.

    `read` is called with the parameters and a `Host`, and returns the result; its `warnings` become those of the task.
    `together` and `one_of` are groups of options that go together, and of which at least one is needed.
    """
    module = AnsibleModule(
        argument_spec=options, supports_check_mode=True, required_together=together, required_one_of=one_of
    )
    try:
        _check_timeout(module.params)
        result = read(module.params, Host(module.check_mode, partial(_run_program, module)))
    except errors.RolloutError as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        where = "".join(traceback.format_tb(error.__traceback__))
        module.fail_json(msg=f"{UNEXPECTED_BY_READER} ({type(error).__name__}).", exception=where)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)


def _run(module: AnsibleModule, act: Act, host: Host) -> None:
    """Do a module's work, and exit with its result or its error."""
    engine: Optional[Engine] = None
    try:
        engine = _engine(module.params)
        result = act(engine, module.params, host)
    except errors.LibraryMissing as error:
        module.fail_json(msg=missing_required_lib(LIBRARY, reason=HOW_TO_INSTALL), exception=error.traceback)
    except RolloutFailed as error:
        _warn(module, error.result)
        module.fail_json(msg=str(error), **error.result)
    except errors.RolloutError as error:
        module.fail_json(msg=_message(error, engine))
    except Exception as error:
        where = "".join(traceback.format_tb(error.__traceback__))
        told = f"{UNEXPECTED} ({type(error).__name__}). {NOT_KNOWN if _has_written(engine) else NOTHING_CHANGED}"
        module.fail_json(msg=told, changed=_has_written(engine), exception=where)
    _warn(module, result)
    module.exit_json(**result)


@contextmanager
def _way_to_carry_out(module: AnsibleModule) -> Iterator[CarryOut]:
    """Yield what carries out the rollout: this process, or a job in the background if the action plugin watches it."""
    base = os.environ.get(JOBS)
    if base is None:
        yield carry_out
        return
    from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.job import Job

    job = Job(base, partial(module.exit_json, changed=False), Clock())
    try:
        yield job.carry_out
    finally:
        job.end(partial(_start_program, module))


def _start_program(module: AnsibleModule, command: List[str]) -> None:
    """Start a program in its own session, so that it outlives this process."""
    module.run_command(["/bin/sh", "-c", DETACHED, "start", *command], cwd="/")


def _run_program(module: AnsibleModule, command: List[str], given: bytes) -> Tuple[int, bytes, bytes]:
    """Run a program through Ansible. Raises OSError."""
    done: Tuple[int, bytes, bytes] = module.run_command(
        command, data=given, binary_data=True, encoding=None, handle_exceptions=False
    )
    return done


def _warn(module: AnsibleModule, result: Dict[str, Any]) -> None:
    for service in result.get("services", []):
        for warning in service.get("warnings", []):
            module.warn(f"{service['name']}: {warning}")


def _check_timeout(params: Params) -> None:
    if not 1 <= params["timeout"] <= LONGEST_TIMEOUT:
        raise errors.InvalidInput(
            f"timeout is {params['timeout']} seconds; it must be from 1 to {LONGEST_TIMEOUT} (a day)."
        )


def _engine(params: Params) -> Engine:
    _check_timeout(params)
    if params.get("wait_timeout", 0) < 0:
        raise errors.InvalidInput(f"wait_timeout is {params['wait_timeout']} seconds; it must be 0 or more.")
    address = Address.parse(params["docker_host"], _tls(params))
    return Engine(Transport(address, params["timeout"]))


def _tls(params: Params) -> Optional[TLS]:
    """The connection's TLS settings; None without TLS. Certificates are checked unless `validate_certs` is false."""
    secured = params["tls"] or params["validate_certs"] or params["docker_host"].startswith("https://")
    if not secured:
        return None
    pair = _client_pair()
    return TLS(
        verify=params["validate_certs"] is not False,
        ca_path=params["ca_path"] or _certificate_file("ca.pem"),
        client_cert=params["client_cert"] or pair[0],
        client_key=params["client_key"] or pair[1],
        hostname=params["tls_hostname"],
    )


def _certificate_file(name: str) -> Optional[str]:
    folder = os.environ.get("DOCKER_CERT_PATH")
    return os.path.join(folder, name) if folder else None


def _client_pair() -> Tuple[Optional[str], Optional[str]]:
    """The certificate and key in DOCKER_CERT_PATH; neither if one is missing, since an engine may want none."""
    pair = _certificate_file("cert.pem"), _certificate_file("key.pem")
    return pair if all(path and os.path.exists(path) for path in pair) else (None, None)


def _message(error: errors.RolloutError, engine: Optional[Engine]) -> str:
    return str(error) if _has_written(engine) else f"{error} {NOTHING_CHANGED}"


def _has_written(engine: Optional[Engine]) -> bool:
    """Whether a request was sent that may have changed something."""
    return engine is not None and engine.writes > 0

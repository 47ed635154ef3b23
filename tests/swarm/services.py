# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services for tests: from the plainest spec to one that uses every field the engine has."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from .engine import Endpoint, eventually

Spec = dict[str, Any]
MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
MEBIBYTE = 1024 * 1024

STORY_NETWORK = "t001only"
STORY_SERVICE = "t001"


def simple(name: str, image: str, *, replicas: int = 1, monitor: float = 0.5, **fields: Any) -> Spec:
    """Return the spec of a service that rolls and stops fast; ``monitor`` in seconds, ``fields`` are put over the spec.

    The engine's own monitor is 5 s a task. Stopped tasks get one second, failed ones are replaced after half of one.
    """
    return {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "StopGracePeriod": SECOND},
            "RestartPolicy": {"Condition": "any", "Delay": SECOND // 2},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 1, "Monitor": int(monitor * SECOND), "FailureAction": "pause"},
        **fields,
    }


def create(engine: Endpoint, name: str, image: str, **options: Any) -> str:
    """Create a :func:`simple` service and return its ID."""
    return post(engine, simple(name, image, **options))


def post(engine: Endpoint, spec: Spec) -> str:
    """Create a service of this spec and return its ID; raises :class:`EngineError` with the engine's words."""
    return str(engine.checked("POST", "/services/create", json=spec).json()["ID"])


def update(engine: Endpoint, service: Any, spec: Spec) -> None:
    """Give a service another spec, at the version in which it was read."""
    params = {"version": str(service["Version"]["Index"])}
    engine.checked("POST", f"/services/{service['ID']}/update", params=params, json=spec)


def inspect(engine: Endpoint, name: str) -> Any:
    """Return a service as the engine holds it, defaults not filled in."""
    return engine.get(f"/services/{name}")


def remove(engine: Endpoint, prefix: str) -> None:
    """Remove all services, secrets, configs and networks whose names start with ``prefix``.

    Tasks end a second or two later; that is waited for only where a network must go, which they hold.
    """
    for kind in ("services", "secrets", "configs"):
        for entry in _named(engine, kind, prefix):
            engine.api("DELETE", f"/{kind}/{entry['ID']}")
    for entry in _named(engine, "networks", prefix):
        gone = partial(_removed, engine, f"/networks/{entry['Id']}")
        eventually(gone, f"network {entry['Name']} is gone")


def _removed(engine: Endpoint, path: str) -> bool:
    """Ask for a network's removal; the swarm says yes before the node has let go of it."""
    engine.api("DELETE", path)
    return engine.api("GET", path).status_code == 404


def running(engine: Endpoint, name: str, image: str = "") -> int:
    """Count the running tasks of a service, those whose image starts with ``image``."""
    tasks = engine.get("/tasks", filters=f'{{"service":{{"{name}":true}}}}')
    return sum(
        task["Status"]["State"] == "running" and task["Spec"]["ContainerSpec"]["Image"].startswith(image)
        for task in tasks
    )


def started(engine: Endpoint, name: str, count: int = 1, image: str = "", timeout: float = 30.0) -> None:
    """Wait until ``count`` tasks of a service run, ``timeout`` seconds at most; raises :class:`EngineError`."""
    eventually(lambda: running(engine, name, image) >= count, f"{count} task(s) of {name} running", timeout)


def story(engine: Endpoint, image: str = "whoami:0.7", **task_fields: Any) -> str:
    """Create the README's service: ``t001`` on network ``t001only``, port 22222 to 80.

    ``task_fields`` are put over its task template.
    """
    network = _network(engine, STORY_NETWORK)
    spec = simple(STORY_SERVICE, image)
    spec["TaskTemplate"].update(task_fields, Networks=[{"Target": network}])
    port = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 22222, "PublishMode": "ingress"}
    spec["EndpointSpec"] = {"Mode": "vip", "Ports": [port]}
    return post(engine, spec)


def legacy_networks(engine: Endpoint, name: str, image: str = "whoami:0.7", replicas: int = 0) -> str:
    """Create a service with networks and aliases at the top of its spec, as clients of API 1.24 did."""
    network = _network(engine, f"{name}-net")
    spec = simple(name, image, replicas=replicas, Networks=[{"Target": network, "Aliases": [f"{name}-alias"]}])
    return str(engine.checked("POST", "/v1.24/services/create", json=spec).json()["ID"])


def rich(engine: Endpoint, name: str, *, mode: str = "replicated", image: str = "whoami:0.7", replicas: int = 0) -> str:
    """Create a service with :func:`rich_spec` and return its ID."""
    return post(engine, rich_spec(engine, name, mode=mode, image=image, replicas=replicas))


def rich_spec(
    engine: Endpoint, name: str, *, mode: str = "replicated", image: str = "whoami:0.7", replicas: int = 0
) -> Spec:
    """Return a spec with every field that the engine's API knows, and create the networks, secret and config it names.

    ``mode`` is one of :data:`MODES`. No task of it runs: replicated services have ``replicas`` 0 unless told
    otherwise, the other modes are constrained to a node that does not exist.
    """
    spec: Spec = {
        "Name": name,
        "Labels": {"com.example.team": "ops", "com.example.empty": ""},
        "TaskTemplate": {
            "ContainerSpec": _container(engine, name, image),
            "Resources": _resources(),
            "RestartPolicy": _restart(mode),
            "Placement": _placement(mode),
            "Networks": _attachments(engine, name),
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m", "max-file": "3"}},
            "ForceUpdate": 7,
            "Runtime": "container",
        },
        "Mode": MODES[mode](replicas),
        "EndpointSpec": {"Mode": "vip", "Ports": _ports(name)},
    }
    if not mode.endswith("job"):
        spec["UpdateConfig"] = _update_config("start-first")
        spec["RollbackConfig"] = _update_config("stop-first")
    _add_newer_fields(spec["TaskTemplate"]["ContainerSpec"], int(engine.version.partition(".")[2]))
    return spec


NEWER_FIELDS: tuple[tuple[int, str, Any], ...] = (
    (44, "Healthcheck.StartInterval", SECOND),
    (44, "Privileges.AppArmor", {"Mode": "disabled"}),
    (44, "Privileges.NoNewPrivileges", True),
    (44, "Privileges.Seccomp", {"Mode": "unconfined"}),
    (45, "Mounts.1.VolumeOptions.Subpath", "part"),
    (46, "Mounts.2.TmpfsOptions.Options", [["noexec"]]),
    (46, "OomScoreAdj", 100),
)
"""Fields of a container spec that came after API 1.41: the minor version that brought each, its path, a value."""


def _add_newer_fields(container: Spec, minor: int) -> None:
    for since, path, value in NEWER_FIELDS:
        *parents, name = path.split(".")
        if since <= minor:
            part: Any = container
            for key in parents:
                part = part[int(key)] if isinstance(part, list) else part[key]
            part[name] = value


MODES: dict[str, Callable[[int], Spec]] = {
    "replicated": lambda replicas: {"Replicated": {"Replicas": replicas}},
    "global": lambda _replicas: {"Global": {}},
    "replicated-job": lambda _replicas: {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 3}},
    "global-job": lambda _replicas: {"GlobalJob": {}},
}
"""The modes of a service, and how each is written for a number of replicas."""


def _container(engine: Endpoint, name: str, image: str) -> Spec:
    return {
        "Image": image,
        "Labels": {"com.example.part": "web"},
        "Command": ["/bin/httpd"],
        "Args": ["-f", "-p", "80", "-h", "/www"],
        "Hostname": "{{.Service.Name}}-{{.Task.Slot}}",
        "Env": ["PLAIN=1", "WITH_EQUALS=a=b", "EMPTY="],
        "Dir": "/",
        "User": "0:0",
        "Groups": ["1000", "2000"],
        "Privileges": {"SELinuxContext": {"User": "user", "Role": "role", "Type": "type", "Level": "level"}},
        "TTY": True,
        "OpenStdin": True,
        "ReadOnly": True,
        "Mounts": _mounts(name),
        "StopSignal": "SIGQUIT",
        "StopGracePeriod": SECOND,
        "Healthcheck": {
            "Test": ["CMD", "/bin/true"],
            "Interval": SECOND,
            "Timeout": SECOND,
            "StartPeriod": SECOND,
            "Retries": 3,
        },
        "Hosts": ["10.9.8.7 database", "10.9.8.6 queue"],
        "DNSConfig": {"Nameservers": ["10.9.8.5"], "Search": ["example.com"], "Options": ["timeout:1"]},
        "Secrets": [_secret(engine, name)],
        "Configs": [_config(engine, name)],
        "Isolation": "default",
        "Init": True,
        "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "80"},
        "CapabilityAdd": ["CAP_NET_RAW", "CAP_SYS_TIME"],
        "CapabilityDrop": ["CAP_MKNOD"],
        "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 2048}],
    }


def _mounts(name: str) -> list[Spec]:
    driver = {"Name": "local", "Options": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}
    return [
        {
            "Type": "bind",
            "Source": "/tmp",
            "Target": "/bound",
            "ReadOnly": True,
            "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
        },
        {
            "Type": "volume",
            "Source": f"{name}-data",
            "Target": "/data",
            "VolumeOptions": {"NoCopy": True, "Labels": {"kept": "yes"}, "DriverConfig": driver},
        },
        {"Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": {"SizeBytes": MEBIBYTE, "Mode": 0o1777}},
    ]


def _resources() -> Spec:
    generic = [
        {"DiscreteResourceSpec": {"Kind": "SSD", "Value": 3}},
        {"DiscreteResourceSpec": {"Kind": "GPU", "Value": 1}},
    ]
    return {
        "Limits": {"NanoCPUs": SECOND // 2, "MemoryBytes": 64 * MEBIBYTE, "Pids": 50},
        "Reservations": {"NanoCPUs": SECOND // 10, "MemoryBytes": 8 * MEBIBYTE, "GenericResources": generic},
    }


def _restart(mode: str) -> Spec:
    condition = "none" if mode.endswith("job") else "on-failure"
    return {"Condition": condition, "Delay": SECOND, "MaxAttempts": 5, "Window": 2 * SECOND}


def _placement(mode: str) -> Spec:
    replicated = mode == "replicated"
    elsewhere = [] if replicated else ["node.hostname == nowhere.example.com"]
    return {
        "Constraints": ["node.platform.os == linux", *elsewhere],
        "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
        **({"MaxReplicas": 4} if replicated else {}),
    }


def _attachments(engine: Endpoint, name: str) -> list[Spec]:
    options = {"com.docker.network.endpoint.test": "1"}
    front, back = _network(engine, f"{name}-front"), _network(engine, f"{name}-back")
    return [
        {"Target": front, "Aliases": ["web", f"{name}-web"], "DriverOpts": options},
        {"Target": back, "Aliases": ["app"]},
    ]


def _ports(name: str) -> list[Spec]:
    """Return an ingress and two host ports; the numbers follow from the name, for a swarm has each port once."""
    first = 30000 + 2 * (sum(name.encode()) % 1000)
    return [
        {"Name": "web", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": first, "PublishMode": "ingress"},
        {"Protocol": "udp", "TargetPort": 53, "PublishedPort": first + 1, "PublishMode": "host"},
        {"Protocol": "tcp", "TargetPort": 81, "PublishMode": "host"},
    ]


def _update_config(order: str) -> Spec:
    return {
        "Parallelism": 2,
        "Delay": 100 * MILLISECOND,
        "FailureAction": "continue" if order == "start-first" else "pause",
        "Monitor": 500 * MILLISECOND,
        "MaxFailureRatio": 0.25,
        "Order": order,
    }


def _secret(engine: Endpoint, name: str) -> Spec:
    file = {"Name": "password.txt", "UID": "1", "GID": "2", "Mode": 0o400}
    return {"File": file, "SecretID": _stored(engine, "secrets", f"{name}-secret"), "SecretName": f"{name}-secret"}


def _config(engine: Endpoint, name: str) -> Spec:
    file = {"Name": "/etc/app.conf", "UID": "3", "GID": "4", "Mode": 0o444}
    return {"File": file, "ConfigID": _stored(engine, "configs", f"{name}-config"), "ConfigName": f"{name}-config"}


def _stored(engine: Endpoint, kind: str, name: str) -> str:
    """Return the ID of a secret or config, which is created where it is missing."""
    for entry in _named(engine, kind, name):
        return str(entry["ID"])
    body = {"Name": name, "Data": base64.b64encode(b"data of a test").decode()}
    return str(engine.checked("POST", f"/{kind}/create", json=body).json()["ID"])


def _network(engine: Endpoint, name: str) -> str:
    """Return the ID of an attachable overlay network, which is created where it is missing."""
    for entry in _named(engine, "networks", name):
        return str(entry["Id"])
    body = {"Name": name, "Driver": "overlay", "Attachable": True, "CheckDuplicate": True}
    return str(engine.checked("POST", "/networks/create", json=body).json()["Id"])


def _named(engine: Endpoint, kind: str, prefix: str) -> list[Any]:
    """Return the objects of a kind whose names start with ``prefix``."""
    return [entry for entry in engine.get(f"/{kind}") if _name(entry).startswith(prefix)]


def _name(entry: Any) -> str:
    return str(entry["Name"] if "Name" in entry else entry["Spec"]["Name"])

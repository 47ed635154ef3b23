# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Dict, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput

PLAIN = None
SECURED = TLS(ca_path="/ca.pem")


@pytest.mark.parametrize(
    ("docker_host", "tls", "host", "port", "base_path"),
    [
        ("tcp://m1", PLAIN, "m1", 2375, ""),
        ("tcp://m1:4243", PLAIN, "m1", 4243, ""),
        ("http://m1", PLAIN, "m1", 2375, ""),
        ("tcp://m1", SECURED, "m1", 2376, ""),
        ("tcp://m1:4243", SECURED, "m1", 4243, ""),
        ("http://m1:4243", SECURED, "m1", 4243, ""),
        ("https://m1", PLAIN, "m1", 2376, ""),
        ("https://m1:443/docker/", PLAIN, "m1", 443, "/docker"),
        ("tcp://[::1]", PLAIN, "::1", 2375, ""),
        ("tcp://[::1]:4243", PLAIN, "::1", 4243, ""),
    ],
)
def test_hosts(docker_host: str, tls: Optional[TLS], host: str, port: int, base_path: str) -> None:
    address = Address.parse(docker_host, tls)
    assert (address.text, address.host, address.port, address.base_path) == (docker_host, host, port, base_path)
    assert address.socket_path is None
    assert (address.tls is not None) is (tls is SECURED or docker_host.startswith("https://"))


@pytest.mark.parametrize(
    ("docker_host", "path"),
    [
        ("unix:///run/docker.sock", "/run/docker.sock"),
        ("unix://run/docker.sock", "/run/docker.sock"),
        ("unix:////run/a b%41.sock", "/run/a b%41.sock"),
    ],
)
def test_sockets(docker_host: str, path: str) -> None:
    address = Address.parse(docker_host)
    assert (address.text, address.socket_path, address.tls) == (docker_host, path, None)


@pytest.mark.parametrize(
    ("docker_host", "params", "target"),
    [
        ("unix:///run/docker.sock", None, "/services"),
        ("https://m1/docker/", {}, "/docker/services"),
        (
            "https://m1/docker",
            {"filters": '{"name": ["a b"]}'},
            "/docker/services?filters=%7B%22name%22%3A+%5B%22a+b%22%5D%7D",
        ),
    ],
)
def test_targets_of_requests(docker_host: str, params: Optional[Dict[str, str]], target: str) -> None:
    assert Address.parse(docker_host).target("/services", params) == target


@pytest.mark.parametrize(
    "docker_host",
    [
        "",
        "/var/run/docker.sock",
        "unix://",
        "unix:/run/docker.sock",
        "tcp://",
        "tcp://:2375",
        "tcp:///run",
        "tcp://m1:port",
        "tcp://m1:0",
        "tcp://m1:65536",
        "tcp://[::1",
        "tcp://::1]:2375",
        "tcp://[m1]:2375",
        "tcp://m 1:2375",
        "ssh://m1",
        "npipe:////./pipe/docker_engine",
        "fd://",
        "m1:2375",
        "tcp://user:hunter2@m1",
        "ssh://user:hunter2@m1",
    ],
)
def test_no_address_of_an_engine(docker_host: str) -> None:
    with pytest.raises(InvalidInput, match="is not the address of an engine: use unix:///PATH, tcp:") as caught:
        Address.parse(docker_host)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("docker_host", "shown"),
    [
        ("ssh://deploy@m1", "ssh://deploy@m1"),
        ("ssh://deploy@m1:22/run/docker.sock", "ssh://deploy@m1:22/run/docker.sock"),
        ("ssh://deploy:hunter2@m1", "ssh://deploy:***@m1"),
        ("ssh://deploy:hunter2@hunter2@m1", "ssh://deploy:***@m1"),
        ("ssh://deploy:x://hunter2@m1", "ssh://deploy:***@m1"),
        ("tcp://deploy:hunter2@m1", "tcp://***@m1"),
        ("https://hunter2@m1", "https://***@m1"),
        ("deploy:hunter2@m1", "***@m1"),
    ],
)
def test_a_refused_address_is_shown_without_a_password(docker_host: str, shown: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Address.parse(docker_host)
    assert str(caught.value).startswith(f"docker_host {shown!r} is not the address of an engine: ")
    assert "hunter2" not in str(caught.value)


def test_what_to_do_instead_of_ssh() -> None:
    with pytest.raises(
        InvalidInput, match="For ssh://, have Ansible connect to that machine and leave docker_host out"
    ):
        Address.parse("ssh://deploy@m1")


@pytest.mark.parametrize(
    ("docker_host", "tls", "kept"),
    [
        ("unix:///run/docker.sock", PLAIN, True),
        ("tcp://localhost:2375", PLAIN, True),
        ("tcp://127.0.0.2:2375", PLAIN, True),
        ("tcp://[::1]:2375", PLAIN, True),
        ("tcp://m1:2375", PLAIN, False),
        ("tcp://10.0.0.1:2375", PLAIN, False),
        ("tcp://localhost.example.com", PLAIN, False),
        ("http://m1", PLAIN, False),
        ("tcp://m1:2376", SECURED, True),
        ("tcp://m1:2376", TLS(verify=False), False),
        ("https://m1:2376", TLS(verify=False), False),
        ("tcp://127.0.0.1:2376", TLS(verify=False), True),
        ("https://m1:2376", PLAIN, True),
    ],
)
def test_whether_secrets_are_kept_on_the_way(docker_host: str, tls: Optional[TLS], kept: bool) -> None:
    assert Address.parse(docker_host, tls).keeps_secrets is kept


def test_https_is_checked_unless_told_otherwise() -> None:
    assert Address.parse("https://m1").tls == TLS(verify=True)
    assert Address.parse("https://m1", TLS(verify=False)).tls == TLS(verify=False)

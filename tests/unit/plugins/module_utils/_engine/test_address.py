# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.errors import InvalidInput

PLAIN = None
SECURED = TLS(ca_path="/ca.pem")


@pytest.mark.parametrize(
    ("docker_host", "tls", "base_url"),
    [
        ("tcp://m1", PLAIN, "http://m1:2375"),
        ("tcp://m1:4243", PLAIN, "http://m1:4243"),
        ("http://m1", PLAIN, "http://m1:2375"),
        ("tcp://m1", SECURED, "https://m1:2376"),
        ("tcp://m1:4243", SECURED, "https://m1:4243"),
        ("http://m1:4243", SECURED, "https://m1:4243"),
        ("https://m1", PLAIN, "https://m1:2376"),
        ("https://m1:443/docker/", PLAIN, "https://m1:443/docker"),
        ("tcp://[::1]", PLAIN, "http://[::1]:2375"),
        ("tcp://[::1]:4243", PLAIN, "http://[::1]:4243"),
    ],
)
def test_urls(docker_host: str, tls: Optional[TLS], base_url: str) -> None:
    address = Address.parse(docker_host, tls)
    assert (address.text, address.base_url, address.socket_path) == (docker_host, base_url, None)
    assert (address.tls is not None) is base_url.startswith("https://")


@pytest.mark.parametrize(
    ("docker_host", "path", "base_url"),
    [
        ("unix:///run/docker.sock", "/run/docker.sock", "http+unix://%2Frun%2Fdocker.sock"),
        ("unix://run/docker.sock", "/run/docker.sock", "http+unix://%2Frun%2Fdocker.sock"),
        ("unix:////run/a b%41.sock", "/run/a b%41.sock", "http+unix://%2Frun%2Fa%20b%2541.sock"),
    ],
)
def test_sockets(docker_host: str, path: str, base_url: str) -> None:
    address = Address.parse(docker_host)
    assert (address.socket_path, address.base_url, address.tls) == (path, base_url, None)


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
    with pytest.raises(InvalidInput, match="is not the address of an engine: unix:///PATH, tcp://HOST:PORT") as caught:
        Address.parse(docker_host)
    assert "hunter2" not in str(caught.value)


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
        ("https://m1:2376", PLAIN, True),
    ],
)
def test_whether_secrets_are_kept_on_the_way(docker_host: str, tls: Optional[TLS], kept: bool) -> None:
    assert Address.parse(docker_host, tls).keeps_secrets is kept


def test_https_is_checked_unless_told_otherwise() -> None:
    assert Address.parse("https://m1").tls == TLS(verify=True)
    assert Address.parse("https://m1", TLS(verify=False)).tls == TLS(verify=False)

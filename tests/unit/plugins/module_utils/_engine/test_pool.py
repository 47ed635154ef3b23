# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Optional, Tuple

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine import pool as pool_module
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.address import TLS, Address
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.pool import Deadline, open_pool, require_library
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import InvalidInput, LibraryMissing

SOCKET = Address.parse("unix:///run/docker.sock")
PLAIN = Address.parse("tcp://manager1:2375")


def test_the_files_of_a_checked_connection(ca_file: str, client_files: Tuple[str, str]) -> None:
    pool = open_pool(Address.parse("https://manager1:2376", TLS(True, ca_file, *client_files)))
    assert (pool.host, pool.port, pool.scheme) == ("manager1", 2376, "https")
    assert (pool.cert_reqs, pool.ca_certs) == ("CERT_REQUIRED", ca_file)
    assert (pool.cert_file, pool.key_file) == client_files
    assert (pool.assert_hostname, pool.conn_kw.get("server_hostname")) == (None, None)


def test_a_name_that_the_certificate_must_carry(ca_file: str) -> None:
    pool = open_pool(Address.parse("https://10.0.0.1:2376", TLS(True, ca_file, hostname="manager1")))
    assert (pool.assert_hostname, pool.conn_kw["server_hostname"]) == ("manager1", "manager1")


def test_a_file_of_authorities_is_not_read_where_nothing_is_checked() -> None:
    pool = open_pool(Address.parse("https://manager1:2376", TLS(verify=False, ca_path="/no/such/file")))
    assert (pool.cert_reqs, pool.ca_certs) == ("CERT_NONE", None)


@pytest.mark.parametrize(("address", "scheme"), [(SOCKET, "http"), (PLAIN, "http")])
def test_nothing_is_connected_before_the_first_call(address: Address, scheme: str) -> None:
    pool = open_pool(address)
    assert (pool.scheme, pool.num_connections) == (scheme, 0)


def test_only_with_a_deadline_are_connections_bounded() -> None:
    plain, bounded = open_pool(PLAIN), open_pool(PLAIN, Deadline())
    assert issubclass(bounded.ConnectionCls, plain.ConnectionCls)
    assert bounded.ConnectionCls is not plain.ConnectionCls


def test_a_deadline_that_was_never_set_is_over() -> None:
    with pytest.raises(socket.timeout):
        Deadline().left()


def test_a_deadline_is_set_for_each_call_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([100.0, 101.5, 103.0, 103.0, 103.0])
    monkeypatch.setattr(pool_module, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    deadline = Deadline()
    deadline.set(3.0)
    assert deadline.left() == 1.5
    with pytest.raises(socket.timeout):
        deadline.left()
    deadline.set(2.0)
    assert deadline.left() == 2.0


def test_a_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_library()
    monkeypatch.setattr(pool_module, "IMPORT_TRACEBACK", "no module named requests_unixsocket")
    with pytest.raises(LibraryMissing):
        require_library()


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("ca_path", None),
        ("ca_path", "no certificate"),
        ("client_cert", None),
        ("client_cert", "no certificate"),
        ("client_key", None),
        ("client_key", "no key"),
    ],
)
def test_tls_files_that_cannot_be_read(
    option: str, content: Optional[str], ca_file: str, client_files: Tuple[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    files = {"ca_path": ca_file, "client_cert": client_files[0], "client_key": client_files[1], option: str(path)}
    tls = TLS(True, files["ca_path"], files["client_cert"], files["client_key"])
    with pytest.raises(InvalidInput) as info:
        open_pool(Address.parse("https://localhost:2376", tls))
    assert str(path) in str(info.value)
    assert ("cannot be read" in str(info.value)) == (content is None)

# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for reaching the engine. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options in common."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the engine of a manager listens, as V(unix:///PATH), V(tcp://HOST:PORT) or V(https://HOST:PORT).
      - If not given, the environment variable E(DOCKER_HOST) of the managed node is used, then the default.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  timeout:
    description:
      - The limit of one call to the engine, in seconds, from connecting to the last byte of the answer.
      - After a passing failure (a lost answer, a swarm without a leader, a concurrent writer) the call is tried again
        for this long.
      - From 1 to 86400, which is a day.
      - If not given, the environment variable E(DOCKER_TIMEOUT) is used, then the default.
    type: int
    default: 60
  tls:
    description:
      - Encrypt the connection to V(tcp://HOST:PORT), and check the engine's certificate unless O(validate_certs=false).
        An address with V(https://) is encrypted and checked without this.
      - In version 1.0 this alone did not check the certificate.
      - If not given, the environment variable E(DOCKER_TLS) is used, then the default. Unlike with the Docker CLI, it
        does not mean that the certificate is not checked.
    type: bool
    default: false
  validate_certs:
    description:
      - V(true) encrypts the connection and checks the engine's certificate.
      - V(false) accepts any certificate, with O(tls=true) and V(https://). Credentials for registries are then refused,
        except to the machine itself.
      - If not given, the environment variable E(DOCKER_TLS_VERIFY) is used where it is not empty, and V(0) in it is the
        same as V(false). If that is not set either, encrypted connections
        are checked.
    type: bool
    aliases: [tls_verify]
  ca_path:
    description:
      - A PEM file with the authorities that may have signed the engine's certificate. Without it, those that Python's
        requests trusts.
      - If not given and the environment variable E(DOCKER_CERT_PATH) is set, its file C(ca.pem) is used.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - A PEM file with the client's certificate. Goes with O(client_key).
      - If not given and the environment variable E(DOCKER_CERT_PATH) is set, its file C(cert.pem) is used.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - A PEM file with the key of the client's certificate. Goes with O(client_cert).
      - If not given and the environment variable E(DOCKER_CERT_PATH) is set, its file C(key.pem) is used.
    type: path
    aliases: [tls_client_key, key_path]
  tls_hostname:
    description:
      - The name that the engine's certificate must carry, where it is not the one in O(docker_host).
      - If not given, the environment variable E(DOCKER_TLS_HOSTNAME) is used.
    type: str
requirements:
  - requests-unixsocket (C(pip install requests-unixsocket), or on Debian and Ubuntu
    C(apt install python3-requests-unixsocket))
  - Docker Engine 20.10 or newer
  - Python 3.7 or newer
notes:
  - An empty environment variable counts as not set, as it does for the Docker CLI.
  - Runs against a manager. The collection always uses the engine's own version of the API, so there is no option for
    that.
"""

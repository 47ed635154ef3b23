# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for registries. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options in common."""

    DOCUMENTATION = r"""
options:
  registry_auth:
    description:
      - Where credentials for the registry come from.
      - V(inherit) asks the registry without any, and lets the engine keep the credentials that are stored with the
        service. Where the image moves to another registry, a warning says that its nodes could send them there.
      - V(docker_config) finds them on the managed node as the Docker CLI does. First the environment variable
        E(DOCKER_AUTH_CONFIG), then C(credHelpers), C(credsStore) and C(auths) of C(config.json). They are used to ask
        the registry. Where a service is changed, they are also handed to it, so that its nodes can pull the image.
        Where nothing is found for a registry, it is asked without any. A service then keeps what is stored with it,
        unless its image moves to another registry. In that case what is stored is deleted, as it is not for that
        registry.
    type: str
    choices: [inherit, docker_config]
    default: inherit
  docker_config:
    description:
      - The folder of C(config.json) on the managed node. Read only with O(registry_auth=docker_config).
      - If not given, the environment variable E(DOCKER_CONFIG) is used, then C(~/.docker), where the file may be
        missing.
    type: path
  registry_username:
    description:
      - A user of the registry. Goes with O(registry_password), and comes before O(registry_auth).
    type: str
  registry_password:
    description:
      - The user's password or token. Goes with O(registry_username).
      - Refused, as any credential of O(registry_auth), over a connection to another machine that is not encrypted, or
        whose certificate is not checked (O(validate_certs=false)).
    type: str
"""

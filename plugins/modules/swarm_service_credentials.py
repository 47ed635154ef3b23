#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: swarm_service_credentials
short_description: Renew the registry credentials that a Docker Swarm keeps with its services
version_added: 1.1.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - The swarm keeps one registry credential with each service, and its nodes use it whenever they must pull the image.
    If that has expired, a task that moves to a node without the image cannot start.
  - This module hands new credentials to services. It sends each spec back as it is, with the new credentials beside it.
    Tasks that run stay as they are, since the swarm does not count credentials as a difference for them. Tasks that
    do not run yet, because they could not pull the image for example, are replaced at once by ones that have the new
    credentials.
  - "It asks the registry first, with the new credentials, for the image of each service. If the registry refuses them
    (401 or 403), the task fails, and nothing is written. If the registry cannot be asked, a warning says so, and the
    credentials are stored all the same."
  - "What it costs: the swarm forgets how the last rollout of the service ended (C(UpdateStatus)), and what a rollback
    would lead to. After it, a rollback leads to the same spec, with the credentials that were stored before."
  - Refuses jobs, since any update starts their tasks again, and services whose rollout has not ended or has stopped.
    All services are checked before the first one is written.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.action_group
  - swarmops.rollout._selection
  - swarmops.rollout._registry
  - swarmops.rollout._engine
attributes:
  check_mode:
    support: full
    details:
      - Reads the services and asks the registry. Says that each service would change.
  diff_mode:
    support: partial
    details:
      - Names the registry that the new credentials are for, and what the renewal costs. What is stored before and
        after cannot be read, and is not shown.
  idempotent:
    support: none
    details:
      - What is stored cannot be read back, so each run writes, and says that it has.
options:
  services:
    description:
      - Several services. All are checked before the first one is written.
    type: list
    elements: dict
    suboptions:
      name:
        description: The service, as in O(name).
        type: str
        required: true
        aliases: [service]
  registry_auth:
    description:
      - Where the new credentials come from. V(docker_config) or O(registry_username) is required; V(inherit) alone is
        refused, as it means none.
      - V(docker_config) finds them on the managed node as the Docker CLI does. First the environment variable
        E(DOCKER_AUTH_CONFIG), then C(credHelpers), C(credsStore) and C(auths) of C(config.json).
      - Where nothing is found for the registry of a service, that is an error. With O(select) it is an error only if
        nothing is found for any of them. Otherwise such a service keeps what it has, with a warning.
    type: str
    choices: [inherit, docker_config]
    default: inherit
seealso:
  - module: swarmops.rollout.swarm_service_image
    description: Hands on credentials with an update.
"""

EXAMPLES = r"""
---
- name: Renew the credentials of a stack, with those that the node's credential helper makes
  swarmops.rollout.swarm_service_credentials:
    select:
      stack: shop
    registry_auth: docker_config
  run_once: true

- name: Hand a new password to one service
  swarmops.rollout.swarm_service_credentials:
    name: shop_web
    registry_username: swarm
    registry_password: "{{ registry_token }}"
"""

RETURN = r"""
---
services:
  description: What was found and done, one entry per service, in the order of the work.
  returned: success, and on failure where the services were found
  type: list
  elements: dict
  contains:
    id:
      description: The service's ID.
      returned: always
      type: str
      sample: kzrv1nlmyeorv1sl8dkl3m0tw
    name:
      description: The service's name.
      returned: always
      type: str
      sample: shop_web
    changed:
      description: Whether this task wrote the service (in check mode, whether it would).
      returned: always
      type: bool
      sample: true
    outcome:
      description:
        - V(updated) where the credentials were stored.
        - V(unchanged) where nothing was written, as no credentials were found, or as somebody else did the same at the
          same moment. A warning says which.
        - V(superseded) where somebody else changed or removed the service meanwhile.
        - V(timed_out) where an answer was lost, and whether the credentials were stored is not known.
        - V(not_started) where nothing was written because of an error, of this service or of one before it.
      returned: always
      type: str
      sample: updated
    registry:
      description: The registry of the service's image, which the credentials are for.
      returned: always
      type: str
      sample: registry.example.com
    verified:
      description: Whether the registry accepted the credentials for the service's image, before they were written.
      returned: always
      type: bool
      sample: true
    image:
      description: The image as the service's spec holds it.
      returned: always
      type: dict
      contains:
        before:
          description: When the task began.
          returned: always
          type: str
          sample: registry.example.com/shop/web:2.4.1
        after:
          description: When the task ended, the same unless somebody else has changed it. None if an answer was lost and
            this is not known.
          returned: always
          type: str
          sample: registry.example.com/shop/web:2.4.1
    version:
      description: The service's version index.
      returned: always
      type: dict
      contains:
        before:
          description: When the task began.
          returned: always
          type: int
          sample: 1203
        after:
          description: After the update. None in check mode if there would be one, and if it is not known.
          returned: always
          type: int
          sample: 1207
    warnings:
      description: Warnings about the registry and from the engine. Also shown as warnings of the Ansible task.
      returned: always
      type: list
      elements: str
      sample: []
service:
  description: The one entry of RV(services).
  returned: when O(name) is used, and RV(services) is returned
  type: dict
excluded:
  description: The names of the services that match O(select) and that O(select.exclude) has left out, sorted.
  returned: when O(select) is used, and RV(services) is returned
  type: list
  elements: str
  sample: [shop_db]
diff:
  description: One pair per changed service, with what a renewal changes. No credentials are in it.
  returned: success
  type: list
  elements: dict
  sample:
    - before_header: shop_web
      after_header: shop_web
      before: {"registry_credentials": "not readable", "update_status": "completed"}
      after: {"registry_credentials": "new ones for registry.example.com", "update_status": null}
"""

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_credentials import (
    renew_credentials,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    NAMED_ITEM,
    REGISTRY_OPTIONS,
    REGISTRY_TOGETHER,
    run_module,
)

OPTIONS = {"services": {"type": "list", "elements": "dict", "options": NAMED_ITEM}}


def main() -> None:
    """Run the module."""
    run_module(renew_credentials, {**OPTIONS, **REGISTRY_OPTIONS}, together=[REGISTRY_TOGETHER])


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: swarm_service_image_info
short_description: Report which image each Docker Swarm service runs
version_added: 1.0.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - Reports which image services run, in its parts, how their last update stands, and how many of their tasks are in
    which state and run which image. On request, also whether their tags have moved.
  - Also reports where a service of a stack runs another image than the stack's file stated.
  - Changes nothing.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.action_group
  - swarmops.rollout._attributes.info
  - swarmops.rollout._selection
  - swarmops.rollout._registry
  - swarmops.rollout._engine
options:
  services:
    description: Several services.
    type: list
    elements: dict
    suboptions:
      name:
        description: The service, as in O(name).
        type: str
        required: true
        aliases: [service]
  check_registry:
    description:
      - Whether to ask the registries which digests the tags have now.
    type: bool
    default: false
seealso:
  - module: swarmops.rollout.swarm_service_image
"""

EXAMPLES = r"""
---
- name: Look at a stack
  swarmops.rollout.swarm_service_image_info:
    select:
      stack: shop
    check_registry: true
  register: shop

- name: Name the services whose tags have moved
  ansible.builtin.debug:
    msg: "{{ shop.services | selectattr('outdated') | map(attribute='name') }}"

- name: Name the services that run another image than the stack's file stated
  ansible.builtin.debug:
    msg: "{{ shop.services | selectattr('drifted') | map(attribute='name') }}"

- name: Look at one service
  swarmops.rollout.swarm_service_image_info:
    name: t001
  register: t001

- name: Print what it runs; its one entry is both in service and in services
  ansible.builtin.debug:
    msg: "{{ t001.service.name }}: {{ t001.service.image }}, {{ t001.service.tasks.by_state }}"

# docs/examples/image_table.yml prints all services as a table, image_report.yml writes a Markdown and an HTML page.
"""

RETURN = r"""
---
services:
  description: What each service runs.
  returned: success
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
      sample: t001
    version:
      description: The service's version index.
      returned: always
      type: int
      sample: 1203
    image:
      description: The image as the service's spec holds it; none for a service that runs no container image.
      returned: always
      type: str
      sample: registry.example.com/app:1.2@sha256:2ea0c4b1d3f8a6ac8a3d7f4e96c3c4cdfcbfd4f8a0f8f5bdc0b6d7c3f6f0a1b2
    repository:
      description: The repository of RV(services[].image), as people write it.
      returned: always
      type: str
      sample: registry.example.com/app
    tag:
      description: The tag of RV(services[].image); none where there is none.
      returned: always
      type: str
      sample: "1.2"
    digest:
      description: The digest of RV(services[].image); none where there is none.
      returned: always
      type: str
      sample: sha256:2ea0c4b1d3f8a6ac8a3d7f4e96c3c4cdfcbfd4f8a0f8f5bdc0b6d7c3f6f0a1b2
    update_status:
      description: How the last update or rollback stands; none where the swarm says nothing of one.
      returned: always
      type: dict
      contains:
        state:
          description: The state, in the engine's words.
          returned: always
          type: str
          sample: completed
        message:
          description: The engine's message.
          returned: always
          type: str
          sample: update completed
        started_at:
          description: When it began.
          returned: always
          type: str
          sample: "2026-11-23T05:45:10.838422167Z"
        completed_at:
          description: When it was completed; none before.
          returned: always
          type: str
          sample: "2026-11-23T05:45:16.141422167Z"
    tasks:
      description: How many tasks there are, without those of the past.
      returned: always
      type: dict
      contains:
        by_state:
          description: Number of tasks for each state.
          returned: always
          type: dict
          sample: {"running": 5}
        by_image:
          description: Number of tasks for each image.
          returned: always
          type: dict
          sample: {"whoami:0.6": 5}
    registry_digest:
      description: The digest that the tag has now. None without O(check_registry=true), and if the registry returned
        none.
      returned: always
      type: str
      sample: sha256:2ea0c4b1d3f8a6ac8a3d7f4e96c3c4cdfcbfd4f8a0f8f5bdc0b6d7c3f6f0a1b2
    outdated:
      description:
        - Whether the tag has moved away from the digest that the service has. A service with a digest and no tag is
          never outdated.
        - None if that is not known, as for a service without a digest.
      returned: always
      type: bool
      sample: false
    stack_image:
      description: The image that the stack's file stated when C(docker stack deploy) deployed the service last. This is
        the label C(com.docker.stack.image); none for a service without it.
      returned: always
      type: str
      version_added: 1.1.0
      sample: registry.example.com/app:1.1
    drifted:
      description:
        - Whether RV(services[].image) differs from RV(services[].stack_image) in one of the parts that the latter
          states. The next C(docker stack deploy) may then set that image again.
        - None for a service without that label.
      returned: always
      type: bool
      version_added: 1.1.0
      sample: true
    error:
      description: Why something could not be determined for this service; otherwise none.
      returned: always
      type: str
      sample: null
service:
  description: The one entry of RV(services).
  returned: when O(name) is used
  type: dict
excluded:
  description: The names of the services that match O(select) and that O(select.exclude) has left out, sorted.
  returned: when O(select) is used, and RV(services) is returned
  type: list
  elements: str
  version_added: 1.1.0
  sample: [shop_db]
"""

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_image_info import list_images
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    NAMED_ITEM,
    REGISTRY_OPTIONS,
    REGISTRY_TOGETHER,
    run_module,
)

OPTIONS = {
    "services": {"type": "list", "elements": "dict", "options": NAMED_ITEM},
    "check_registry": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run_module(list_images, {**OPTIONS, **REGISTRY_OPTIONS}, together=[REGISTRY_TOGETHER])


if __name__ == "__main__":
    main()

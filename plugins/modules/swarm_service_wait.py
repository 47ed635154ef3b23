#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: swarm_service_wait
short_description: Wait until Docker Swarm services have converged, or say why not
version_added: 1.0.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - Waits until services run what their specs say, on as many tasks as their modes ask for. Use it after
    C(docker stack deploy), or after anything else that changes services.
  - Fails if a rollout has paused, was rolled back or does not end in time, and then lists the failing tasks.
  - Changes nothing.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.action_group
  - swarmops.rollout._selection
  - swarmops.rollout._rollout
  - swarmops.rollout._rollout.logs
  - swarmops.rollout._rollout.progress
  - swarmops.rollout._engine
attributes:
  check_mode:
    support: full
    details:
      - Waits in check mode too, since it changes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
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
seealso:
  - module: swarmops.rollout.swarm_service_image
"""

EXAMPLES = r"""
---
- name: Deploy a stack
  ansible.builtin.command:
    argv: [docker, stack, deploy, --compose-file, shop.yml, shop]
  changed_when: true

- name: Wait until all of it is running
  swarmops.rollout.swarm_service_wait:
    select:
      stack: shop
    wait_timeout: 600
"""

RETURN = r"""
---
services:
  description: How each service ended.
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
      sample: t001
    changed:
      description: Always false.
      returned: always
      type: bool
      sample: false
    outcome:
      description:
        - V(converged) where it runs what its spec says.
        - V(rolled_back) where the swarm has put it back to its previous spec.
        - V(paused) where the swarm has stopped the rollout and will not continue by itself.
        - V(timed_out) where it did not converge in time.
        - V(superseded) where somebody removed the service.
      returned: always
      type: str
      sample: converged
    image:
      description: The image as the service's spec holds it.
      returned: always
      type: dict
      contains:
        before:
          description: When the task began.
          returned: always
          type: str
          sample: whoami:0.6
        after:
          description: When the task ended.
          returned: always
          type: str
          sample: whoami:0.6
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
          description: When the task ended.
          returned: always
          type: int
          sample: 1207
    progress:
      description: How many of the swarm's tasks run (of a job, have completed) on the wanted spec.
      returned: always
      type: dict
      contains:
        running:
          description: Tasks that run.
          returned: always
          type: int
          sample: 5
        desired:
          description: Tasks that should run.
          returned: always
          type: int
          sample: 5
    tasks:
      description: The swarm's tasks that failed, the newest of each slot or node, if the service did not converge.
      returned: always
      type: list
      elements: dict
      contains:
        id:
          description: The task's ID.
          returned: always
          type: str
          sample: 5xp2qm0rjkl2y1u8ck4zcbn0d
          version_added: 1.1.0
        created:
          description: When the swarm created the task.
          returned: always
          type: str
          sample: "2026-03-01T12:34:56.789012345Z"
          version_added: 1.1.0
        slot:
          description: The task's slot; none for a global service.
          returned: always
          type: int
          sample: 3
        node:
          description: The host name of the task's node.
          returned: always
          type: str
          sample: worker1
        state:
          description: The task's state.
          returned: always
          type: str
          sample: failed
        error:
          description: The engine's own words.
          returned: always
          type: str
          sample: "task: non-zero exit (1)"
        exit_code:
          description: The exit code of a failed task.
          returned: always
          type: int
          sample: 1
        log:
          description: The last lines that the task wrote to its standard output and error. Long ones are cut.
          returned: when O(task_logs) is not 0
          type: list
          elements: str
          sample: ["FATAL: cannot connect to database db:5432"]
          version_added: 1.1.0
        log_note:
          description: Why there is no log, or why it is incomplete. None if it is whole.
          returned: when O(task_logs) is not 0
          type: str
          sample: "Not read: node worker1 is down."
          version_added: 1.1.0
      sample: []
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
  version_added: 1.1.0
  sample: [shop_db]
"""

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_wait import wait_for_services
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    LOG_OPTIONS,
    NAMED_ITEM,
    PROGRESS_OPTIONS,
    WAIT_OPTIONS,
    run_module,
)

OPTIONS = {"services": {"type": "list", "elements": "dict", "options": NAMED_ITEM}}


def main() -> None:
    """Run the module."""
    run_module(wait_for_services, {**OPTIONS, **WAIT_OPTIONS, **LOG_OPTIONS, **PROGRESS_OPTIONS})


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: swarm_service_rollback
short_description: Put Docker Swarm services back to their previous specs
version_added: 1.0.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - Has the swarm put services back to the specs that they had before their last updates, as C(docker service rollback)
    does, and waits until that is running.
  - The whole previous spec comes back, not the image alone. The diff names the other fields that change.
  - Without O(image) each run rolls back once more, so repeated runs alternate between two specs. With O(image) you say
    which image to end on.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.action_group
  - swarmops.rollout._selection
  - swarmops.rollout._rollout
  - swarmops.rollout._rollout.logs
  - swarmops.rollout._rollout.progress
  - swarmops.rollout._rollout.wait
  - swarmops.rollout._engine
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the image, and only the names of other fields that come back, since a service's spec holds secrets.
  idempotent:
    support: partial
    details:
      - With O(image), or the images of O(services), a service that is there already is left alone.
options:
  services:
    description:
      - Several services, each with its own guard. All are checked before the first one is touched.
    type: list
    elements: dict
    suboptions:
      name:
        description: The service, as in O(name).
        type: str
        required: true
        aliases: [service]
      image:
        description: The image to end on, as in O(image).
        type: str
  image:
    description:
      - The image to end on, with O(name) and O(select). A service that runs it already is left alone. If the
        previous spec has another image, the task fails and nothing is touched.
    type: str
seealso:
  - module: swarmops.rollout.swarm_service_image
"""

EXAMPLES = r"""
---
- name: Go back to what ran before
  swarmops.rollout.swarm_service_rollback:
    name: t001

- name: Go back to whoami 0.7, and nowhere else
  swarmops.rollout.swarm_service_rollback:
    name: t001
    image: whoami:0.7
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
      sample: t001
    changed:
      description: Whether this task changed the service (in check mode, whether it would).
      returned: always
      type: bool
      sample: true
    outcome:
      description:
        - V(unchanged) where the service ran the image of the guard already.
        - V(updated) where it was put back and the task did not wait.
        - V(rolled_back) where it was put back and runs its previous spec.
        - V(paused) where the swarm has stopped the rollout and will not continue by itself.
        - V(timed_out) where it did not converge in time.
        - V(superseded) where somebody else changed or removed the service.
        - V(not_started) where nothing was written.
      returned: always
      type: str
      sample: rolled_back
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
          description: When the task ended (in check mode, what it would be). None if an answer was lost and this is not
            known.
          returned: always
          type: str
          sample: whoami:0.7
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
    progress:
      description: How many of the swarm's tasks run (of a job, have completed) on the wanted spec. Both are none if the
        Ansible task did not wait.
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
diff:
  description: One pair per changed service, with the fields that change and no others.
  returned: success
  type: list
  elements: dict
  sample:
    - before_header: t001
      after_header: t001
      before: {"image": "whoami:0.6"}
      after: {"image": "whoami:0.7"}
"""

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_rollback import (
    roll_back_services,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    LOG_OPTIONS,
    NAMED_ITEM,
    PROGRESS_OPTIONS,
    WAIT_OPTIONS,
    run_module,
)

OPTIONS = {
    "services": {"type": "list", "elements": "dict", "options": {**NAMED_ITEM, "image": {"type": "str"}}},
    "image": {"type": "str"},
    "wait": {"type": "bool", "default": True},
}


def main() -> None:
    """Run the module."""
    run_module(roll_back_services, {**OPTIONS, **WAIT_OPTIONS, **LOG_OPTIONS, **PROGRESS_OPTIONS})


if __name__ == "__main__":
    main()

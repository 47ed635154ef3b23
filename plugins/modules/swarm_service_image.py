#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: swarm_service_image
short_description: Make Docker Swarm services run an image, and change nothing else
version_added: 1.0.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - Changes the image of services. Networks, ports, secrets, labels, limits and every field that this collection has
    never heard of stay exactly as they are.
  - A service that runs the wanted image already is left alone. Nothing is sent, so its rollback target stays.
  - Writes with the swarm's own compare-and-swap. What others change at the same moment is kept, and an image that
    others set is never overwritten.
  - An image that cannot run is refused before anything is touched. Its registry says that it does not exist, or no node
    that the service may run on has one of its platforms.
  - Waits until the image is running, and fails where it is not, also where the swarm rolled the service back by itself.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.action_group
  - swarmops.rollout._selection
  - swarmops.rollout._registry
  - swarmops.rollout._rollout
  - swarmops.rollout._rollout.logs
  - swarmops.rollout._rollout.progress
  - swarmops.rollout._rollout.wait
  - swarmops.rollout._engine
attributes:
  check_mode:
    support: full
    details:
      - Asks the registry for digests as a real run would, and sends no update.
  diff_mode:
    support: full
    details:
      - Shows the fields that change and no others, since a service's spec holds secrets in its environment.
  idempotent:
    support: partial
    details:
      - With O(force=true) each run redeploys the service.
options:
  services:
    description:
      - Several services, each with its own image. All are checked, and all digests looked up, before the first one is
        touched.
    type: list
    elements: dict
    suboptions:
      name:
        description: The service, as in O(name).
        type: str
        required: true
        aliases: [service]
      image:
        description: The wanted image reference, as in O(image).
        type: str
  image:
    description:
      - The wanted image reference, with O(name) and O(select). V(nginx), V(nginx:latest) and
        V(docker.io/library/nginx:latest) mean the same.
      - Only the parts that it states are compared with what the service has. A service with V(nginx:1.27@sha256:…)
        matches V(nginx:1.27) and is left alone, unless O(resolve=always) finds that the tag has moved.
      - It is written with tag and digest, as the Docker CLI writes it.
      - Without O(image) and O(tag) the service keeps its reference, and O(resolve=always) checks whether its tag has
        moved.
    type: str
  tag:
    description:
      - Keep the service's repository and change its tag to this one. Cannot be combined with O(image).
    type: str
  resolve:
    description:
      - When the registry is asked, through the engine, for the digest that the tag has now.
      - V(changed) asks only where the reference changes. A tag that has moved goes unnoticed.
      - V(always) asks each time, so that a service follows its tag.
      - V(never) does not ask, and writes the reference without a digest. The service keeps the platforms that it has.
      - Where O(image) states a digest, that digest is what counts. The registry is then asked only for the image's
        platforms, and only when the digest changes. One that answers with another digest is an error.
    type: str
    choices: [always, changed, never]
    default: changed
  on_unresolved:
    description:
      - What to do if the registry returns no digest, because it cannot be reached, refuses, or returns an answer that
        cannot be used.
      - V(warn) continues without a digest if the reference itself changes, and otherwise leaves the service and its
        digest alone. Either way there is a warning.
      - V(fail) stops before anything is touched.
      - If the registry says that there is no such tag or digest (404, C(manifest unknown)), and the reference changes,
        the task stops before anything is touched, with either choice. This does not apply to O(resolve=never).
    type: str
    choices: [warn, fail]
    default: warn
  force:
    description:
      - Redeploy the service even if nothing differs, as C(docker service update --force) does. The task is then always
        V(changed).
      - This also restarts a rollout that was paused.
    type: bool
    default: false
  on_failure:
    description:
      - What to do when the rollout paused, timed out or lost its tasks. The task fails in each case.
      - V(fail) leaves the service as it is.
      - V(rollback) has the swarm put that service back to its previous spec, and waits for that. A service that
        somebody else has changed since is left alone.
      - V(rollback_all) puts back every service that this task changed, the last one first.
    type: str
    choices: [fail, rollback, rollback_all]
    default: fail
  max_parallel:
    description:
      - How many services roll out at once, in the order given (by name with O(select)). V(0) means all.
      - After a failure no further service is started.
    type: int
    default: 0
seealso:
  - name: docker service update
    description: The command whose option C(--image) this module replaces.
    link: https://docs.docker.com/reference/cli/docker/service/update/
"""

EXAMPLES = r"""
---
- name: Run whoami 0.6
  swarmops.rollout.swarm_service_image:
    name: t001
    image: whoami:0.6

- name: Follow the tag that the service has, and roll back if the new image does not come up
  swarmops.rollout.swarm_service_image:
    name: t001
    resolve: always
    on_failure: rollback

- name: If the new image does not come up, show the last 20 lines that its containers wrote
  swarmops.rollout.swarm_service_image:
    name: t001
    image: whoami:0.6
    task_logs: 20

- name: Change the tag, keep the repository, with the credentials of the node's own docker login
  swarmops.rollout.swarm_service_image:
    name: t001
    tag: "0.6"
    registry_auth: docker_config

- name: Release a stack by tag, two services at a time, all or nothing
  swarmops.rollout.swarm_service_image:
    select:
      stack: shop
      repository: registry.example.com/shop/app
    tag: "2.4.1"
    max_parallel: 2
    on_failure: rollback_all

- name: Release all services of a stack but the database, and those that are frozen
  swarmops.rollout.swarm_service_image:
    select:
      stack: shop
      exclude:
        names: ["*_db"]
        labels:
          com.example.frozen: null
    tag: "2.4.1"

- name: Two services, each with its own image
  swarmops.rollout.swarm_service_image:
    services:
      - name: shop_web
        image: registry.example.com/shop/web:2.4.1
      - name: shop_worker
        image: registry.example.com/shop/worker:2.4.1

- name: See what would change, and change nothing
  swarmops.rollout.swarm_service_image:
    name: t001
    image: whoami:0.6
  check_mode: true
  diff: true

- name: Go through a secured TCP port instead of the manager's own socket
  swarmops.rollout.swarm_service_image:
    name: t001
    image: registry.example.com:5000/team/whoami:0.6
    docker_host: https://manager1.example.com:2376
    ca_path: /etc/docker/ca.pem
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
        - V(unchanged) where the service had the wanted image already.
        - V(updated) where it was changed and the task did not wait.
        - V(converged) where it was changed and the image is running.
        - V(rolled_back) where the new image failed, and the swarm or O(on_failure) put the service back.
        - V(paused) where the swarm has stopped the rollout and will not continue by itself.
        - V(timed_out) where it did not converge in time.
        - V(superseded) where somebody else set another image, rolled the service back, or removed it.
        - V(not_started) where nothing was written.
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
          sample: whoami:0.7
        after:
          description: When the task ended (in check mode, what it would be). None if an answer was lost and this is not
            known.
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
      before: {"image": "whoami:0.7"}
      after: {"image": "whoami:0.6"}
"""

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.swarm_service_image import change_image
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    LOG_OPTIONS,
    NAMED_ITEM,
    PROGRESS_OPTIONS,
    REGISTRY_OPTIONS,
    REGISTRY_TOGETHER,
    WAIT_OPTIONS,
    run_module,
)

OPTIONS = {
    "services": {"type": "list", "elements": "dict", "options": {**NAMED_ITEM, "image": {"type": "str"}}},
    "image": {"type": "str"},
    "tag": {"type": "str"},
    "resolve": {"type": "str", "choices": ["always", "changed", "never"], "default": "changed"},
    "on_unresolved": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
    "force": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "on_failure": {"type": "str", "choices": ["fail", "rollback", "rollback_all"], "default": "fail"},
    "max_parallel": {"type": "int", "default": 0},
}


def main() -> None:
    """Run the module."""
    run_module(
        change_image,
        {**OPTIONS, **REGISTRY_OPTIONS, **WAIT_OPTIONS, **LOG_OPTIONS, **PROGRESS_OPTIONS},
        together=[REGISTRY_TOGETHER],
        exclusive=[("image", "tag")],
    )


if __name__ == "__main__":
    main()

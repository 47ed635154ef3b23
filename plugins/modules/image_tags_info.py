#!/usr/bin/python
# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: image_tags_info
short_description: Find the newest tag of an image by a rule
version_added: 1.1.0
author:
  - The swarmops.rollout contributors (@swarmops)
description:
  - Asks a registry which tags a repository has, and returns the newest one by a rule, with its digest. The rule is a
    range of versions, or a regular expression and an order.
  - Never returns a tag that is as old as the one in use, or older.
  - Talks to the registry itself and needs no engine, so that it runs on the controller as well as on any node. Works
    with each registry that has the distribution API, such as Docker Hub, GHCR, Amazon ECR, GitLab, Harbor, and one of
    your own.
  - Changes nothing.
extends_documentation_fragment:
  - swarmops.rollout._attributes
  - swarmops.rollout._attributes.info
options:
  repository:
    description:
      - The repository, as in the reference of an image, for example V(nginx) or V(registry.example.com:5000/shop/web).
      - A tag in it is the one in use, as O(current). A digest in it is not read, so that the whole image of a service
        can be given.
    type: str
    required: true
  current:
    description:
      - The tag in use. Only what comes later is returned, so that nothing is ever downgraded.
      - With O(semver) it must be a version. A tag such as V(latest) is an error, since it does not say what is newer.
      - Without it, the newest of all tags is returned.
      - In YAML it is best put in quotes, since V(2.10) without them is the number 2.1.
    type: str
  semver:
    description:
      - The range in which the version must be, in the form that npm has. Versions with V(>=), V(>), V(<=), V(<), V(=),
        V(~) or V(^) before them, or V(2.x). Several are separated by spaces, and all of them must hold.
      - A version is made of numbers with dots between them, with V(v) before them or without. V(7.2), V(v7.2) and
        V(7.2.0) are the same version. Where a repository has several of them, the tag that is written like O(current)
        is returned, and without O(current) the one with the most numbers.
      - What is no version is no candidate. That goes for words, for git hashes even if they are digits alone, and for
        dates without separators.
      - A word behind the numbers such as V(alpha), V(beta) or V(rc) makes a pre-release. Any other is a suffix.
      - At least one of O(semver) and O(pattern) is required. With O(pattern) it goes with O(order=semver).
    type: str
  suffix:
    description:
      - What stands behind the version, with its separator, for example V(-alpine). Only tags with exactly this suffix
        are candidates. Set it to an empty string for tags without one.
      - If not given, it is the suffix of O(current).
    type: str
  prerelease:
    description: Whether a pre-release is a candidate.
    type: bool
    default: false
  pattern:
    description:
      - A regular expression that matches the whole tag and has one group. The tags are ordered by what the group
        holds. Goes with O(order), and is for tags that are no versions.
    type: str
  order:
    description:
      - How the group of O(pattern) is ordered. Tags whose group does not fit are no candidates.
    type: str
    choices:
      numeric: As a number with or without decimals.
      alphabetical: As text, character by character.
      semver: As a version without a suffix.
  min_age:
    description:
      - How long ago the image of a tag must have been created, as a number of seconds, or as one with V(s), V(m),
        V(h), V(d) or V(w) behind it, for example V(7d).
      - The time is the one that the build wrote into the image, since the distribution API has no other. It is
        compared with the clock of the machine that the module runs on. For an image for several platforms it is that
        of C(linux/amd64), or else of its first platform.
      - An image without a time is not old enough, and neither is one with a time before Docker's first release, as
        reproducible builds have it (years 1, 1970 and 1980).
    type: str
  registry_auth:
    description:
      - Where credentials for the registry come from.
      - V(inherit) asks the registry without any. There is no service whose credentials could be used.
      - V(docker_config) finds them as the Docker CLI does, on the machine that the module runs on. First the
        environment variable E(DOCKER_AUTH_CONFIG), then C(credHelpers), C(credsStore) and C(auths) of C(config.json).
        Where nothing is found for the registry, it is asked without any.
    type: str
    choices: [inherit, docker_config]
    default: inherit
  docker_config:
    description:
      - The folder of C(config.json) on the machine that the module runs on. Read only with
        O(registry_auth=docker_config).
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
      - Sent to the registry and to the token service that it names, and to no other host that it redirects to.
    type: str
  ca_path:
    description:
      - A PEM file with the authorities that may have signed the registry's certificate. Without it, those that the
        system trusts.
    type: path
  validate_certs:
    description:
      - Whether to check the certificates of the registry.
      - V(false) also asks a registry that speaks no TLS, as the engine does with those in C(insecure-registries).
        Credentials are then refused. A registry on the machine itself, such as V(localhost:5000), is asked without TLS
        in any case if it speaks none, also with credentials.
    type: bool
    default: true
  timeout:
    description:
      - The limit of one call to the registry, in seconds, from connecting to the last byte of the answer. When a
        registry limits how often it is asked, or is not ready, the call is made again for this long.
      - From 1 to 86400, which is a day. All calls together take at most ten times as long.
    type: int
    default: 60
requirements:
  - Python 3.7 or newer
notes:
  - Is not in the action group of this collection, as it has no option for an engine.
  - Uses the proxies that the environment variables E(https_proxy) and E(no_proxy) name, in C(environment) of the task
    for example.
  - The list of tags counts as no pull. Each tag whose image is looked at does, by Docker Hub's rate limit. These are
    the tag that is returned, and with O(min_age) those that are too young.
seealso:
  - module: swarmops.rollout.swarm_service_image
  - module: swarmops.rollout.swarm_service_image_info
"""

EXAMPLES = r"""
---
- name: Find the newest 2.x that is at least seven days old
  swarmops.rollout.image_tags_info:
    repository: registry.example.com/shop/web
    current: "2.4.1"
    semver: 2.x
    min_age: 7d
  register: web

- name: Run it
  swarmops.rollout.swarm_service_image:
    name: shop_web
    image: "{{ web.reference }}"
  when: web.newer

- name: Find the newest build of the main branch, as in main-20261123-1a2b3c4
  swarmops.rollout.image_tags_info:
    repository: registry.example.com/shop/web
    pattern: main-(\d+)-[0-9a-f]{7}
    order: numeric

- name: Find the newest Alpine image of a line
  swarmops.rollout.image_tags_info:
    repository: nginx:1.27.1-alpine
    semver: ~1.27
"""

RETURN = r"""
---
tag:
  description: The newest tag by the rule. None if there is none that is newer than O(current).
  returned: success
  type: str
  sample: 2.4.3
newer:
  description: Whether there is a tag to move to, so whether RV(tag) is not none.
  returned: success
  type: bool
  sample: true
reference:
  description: The whole reference of the tag, with its digest. None without RV(tag).
  returned: success
  type: str
  sample: registry.example.com/shop/web:2.4.3@sha256:2ea0c4b1d3f8a6ac8a3d7f4e96c3c4cdfcbfd4f8a0f8f5bdc0b6d7c3f6f0a1b2
digest:
  description: The digest that the tag has now. None without RV(tag).
  returned: success
  type: str
  sample: sha256:2ea0c4b1d3f8a6ac8a3d7f4e96c3c4cdfcbfd4f8a0f8f5bdc0b6d7c3f6f0a1b2
created:
  description: When the image of the tag was created, in UTC. None without RV(tag), and if it is not known.
  returned: success
  type: str
  sample: "2026-11-16T08:12:30Z"
candidates:
  description:
    - The tags that come later than the one in use, the newest first, down to RV(tag), which is the last one. If there
      is no RV(tag), all of them.
    - At most 100.
  returned: success
  type: list
  elements: dict
  contains:
    tag:
      description: The tag.
      returned: always
      type: str
      sample: 2.5.0-rc1
    created:
      description: When its image was created, in UTC. None if it is not known, or was not asked for.
      returned: always
      type: str
      sample: null
    passed_over:
      description: Why it was passed over. None for RV(tag).
      returned: always
      type: str
      sample: It is a pre-release.
"""

from functools import partial

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.image_tags_info import find_tag
from ansible_collections.swarmops.rollout.plugins.module_utils._module import (
    REGISTRY_OPTIONS,
    REGISTRY_TOGETHER,
    run_reader,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._urls import send

OPTIONS = {
    "repository": {"type": "str", "required": True},
    "current": {"type": "str"},
    "semver": {"type": "str"},
    "suffix": {"type": "str"},
    "prerelease": {"type": "bool", "default": False},
    "pattern": {"type": "str"},
    "order": {"type": "str", "choices": ["numeric", "alphabetical", "semver"]},
    "min_age": {"type": "str"},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    """Run the module."""
    run_reader(
        partial(find_tag, send),
        {**OPTIONS, **REGISTRY_OPTIONS},
        together=[REGISTRY_TOGETHER, ("pattern", "order")],
        one_of=[("semver", "pattern")],
    )


if __name__ == "__main__":
    main()

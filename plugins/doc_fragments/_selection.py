# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for saying which services are meant. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options in common."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - One service, by its exact name, its full ID, or the usual 12-character short ID.
      - Exactly one of O(name), O(services) and O(select) is required.
    type: str
    aliases: [service]
  select:
    description:
      - Select services by what they have in common. At least one of the keys is required, and a service must match all
        that are given.
    type: dict
    suboptions:
      stack:
        description: The stack, as in C(docker stack deploy). This is the label C(com.docker.stack.namespace).
        type: str
      labels:
        description:
          - Labels of the service with exactly these values. A value of V(null) means that the label is there, whatever
            its value (since version 1.1.0).
          - The labels of its containers do not count. In a compose file, what counts is C(deploy.labels).
        type: dict
      repository:
        description: The repository that the service runs now, without tag and digest, for example
          V(registry.example.com/app).
        type: str
      exclude:
        description:
          - Leave out services that any of these is true of, though they match the rest of O(select).
          - Their names are returned as RV(excluded).
        type: dict
        version_added: 1.1.0
        suboptions:
          names:
            description: Shell patterns for names, such as V(*_db). A pattern must match the whole name, and its case.
            type: list
            elements: str
          labels:
            description: Labels of the service with exactly these values, or with any value where it is V(null). One of
              them is enough.
            type: dict
          repository:
            description: Repositories that services run now, without tag and digest.
            type: list
            elements: str
  allow_none:
    description: Whether O(select) is allowed to match no service at all, or none that O(select.exclude) does not leave
      out. By default that is an error.
    type: bool
    default: false
"""

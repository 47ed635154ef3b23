# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options for waiting. Private to this collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options in common."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description:
      - How long to wait for each service, in seconds from its own start, 0 or more.
      - After that the task fails, and the swarm continues by itself. The next run resumes the wait.
    type: int
    default: 300
"""

    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait until the service has converged. A run that says V(ok) or V(changed) then means that the image
        is running, on as many tasks as the service's mode asks for.
      - Also waits where nothing had to change but a rollout is under way.
    type: bool
    default: true
"""

    LOGS = r"""
options:
  task_logs:
    description:
      - How many lines to show of what each failing task wrote last, from 0 to 1000, if a service does not converge.
        They are the end of the message, and RV(services[].tasks[].log) in the result.
      - Three tasks of a service are read at most, within five seconds and 64 KiB for all services together. A log that
        cannot be read is no reason to fail; RV(services[].tasks[].log_note) then says why there is none.
      - The values of the service's variables are replaced by C(***), but for those shorter than four characters and
        trivial ones such as V(true) and V(8080). B(Logs can hold other secrets), and the message is shown wherever
        Ansible's output is.
    type: int
    default: 0
    version_added: 1.1.0
"""

    PROGRESS = r"""
options:
  show_progress:
    description:
      - Whether to print on the controller how the rollout stands, each time that this has changed. It goes to the
        standard error, so that the output of callbacks stays as it is, and never into the result.
      - With it the task is first planned, and then carried out by a process in the background of the managed node,
        which continues to its end even if the connection or the controller is lost. Its folder in Ansible's
        C(async_dir) is removed at the end.
      - It is one process in the foreground, and nothing is printed, where nothing has to change or be waited for, in
        check mode, with C(async) or C(no_log), and where the managed node runs nothing in the background.
      - After Ctrl-C the process starts no further service and finishes what is under way. The last lines say so, with
        the command that waits.
      - With C(-v) the tasks of the services that changed are printed too.
    type: bool
    default: true
"""

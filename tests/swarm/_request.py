# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request, from JSON on standard input to JSON on standard output; run as a program inside a box.

What listens inside a box cannot be reached from outside, and a thread cannot be in another network than its process
without trouble. So the request is made by a process that runs in there.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request


def main() -> None:
    """Make the request ``{method, url, headers, body}``; bodies travel as base64."""
    wanted = json.load(sys.stdin)
    body = base64.b64decode(wanted["body"])
    request = urllib.request.Request(
        wanted["url"], data=body or None, headers=wanted["headers"], method=wanted["method"]
    )
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked))
    opener = urllib.request.build_opener(*handlers)
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        content = base64.b64encode(answer.read()).decode()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        json.dump({"status": answer.status, "headers": headers, "body": content}, sys.stdout)


if __name__ == "__main__":
    main()

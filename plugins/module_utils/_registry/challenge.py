# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a registry asks for credentials: WWW-Authenticate (pure). Private to this collection.

The forms are those of RFC 7235, and of the token specification of github.com/distribution/distribution.
"""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional

BASIC, BEARER = "basic", "bearer"
_PARAMETER = re.compile(r'\s*,?\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.ASCII)
_SCHEME = re.compile(r"\s*,?\s*([\w-]+)(?=\s|,|\Z)", re.ASCII)


class Challenge(NamedTuple):
    """A scheme in lower case, and its parameters."""

    scheme: str
    parameters: Dict[str, str]


def challenges(header: str) -> List[Challenge]:
    """Read the header; what cannot be read, and all behind it, is left out."""
    found: List[Challenge] = []
    position = 0
    while True:
        parameter = _PARAMETER.match(header, position) if found else None
        scheme = None if parameter else _SCHEME.match(header, position)
        if parameter:
            quoted, plain = parameter.group(2), parameter.group(3)
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1].parameters[parameter.group(1).lower()] = value
            position = parameter.end()
        elif scheme:
            found.append(Challenge(scheme.group(1).lower(), {}))
            position = scheme.end()
        else:
            return found


def choose(header: str) -> Optional[Challenge]:
    """The challenge to answer: for a token where there is one, else for a password; None if there is neither."""
    known = {challenge.scheme: challenge for challenge in reversed(challenges(header))}
    bearer = known.get(BEARER)
    return bearer if bearer and bearer.parameters.get("realm") else known.get(BASIC)

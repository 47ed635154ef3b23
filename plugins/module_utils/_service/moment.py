# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the two time formats of an engine. Private to this collection."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Optional

# RFC 3339 with up to nanoseconds, as Go writes it; datetime.fromisoformat of 3.7 cannot read that.
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)


def moment_of(text: str) -> Optional[float]:
    """Seconds from 1970 to a moment; None if unreadable. It takes a microsecond or two: a look has thousands."""
    match = _RFC3339.fullmatch(text)
    try:
        if match is None:
            return _of_header(text)
        year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
        moment = (datetime(year, month, day, hour, minute, second) - _EPOCH).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment += float(match.group(7) or 0)
    if match.group(8):
        offset = 3600 * int(match.group(9)) + 60 * int(match.group(10))
        moment -= offset if match.group(8) == "+" else -offset
    return moment


def _of_header(text: str) -> float:
    """Seconds from 1970 to a moment, in the format of the header Date."""
    return parsedate_to_datetime(text).astimezone(timezone.utc).timestamp()

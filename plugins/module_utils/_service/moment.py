# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ways in which an engine writes a moment. Private to this collection."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Optional

# RFC 3339 with up to nanoseconds, as Go writes it; datetime.fromisoformat of 3.7 reads no such thing.
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII)


def seconds_between(earlier: str, later: str) -> Optional[float]:
    """Seconds from one moment to the other (negative where they are the other way round); None where unreadable."""
    start, end = _parse(earlier), _parse(later)
    return (end - start).total_seconds() if start and end else None


def _parse(text: str) -> Optional[datetime]:
    match = _RFC3339.fullmatch(text)
    try:
        if match is None:
            return parsedate_to_datetime(text).astimezone(timezone.utc) if text else None
        moment = datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    moment += timedelta(seconds=float(match.group(2) or 0))
    if match.group(3):
        offset = timedelta(hours=int(match.group(4)), minutes=int(match.group(5)))
        moment -= offset if match.group(3) == "+" else -offset
    return moment

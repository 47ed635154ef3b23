# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a registry tells of an image: its kind, its platforms, when it was created (pure). Private to this collection.

The forms are those of github.com/opencontainers/image-spec and of Docker's own before it.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any, Dict, Optional

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
ACCEPTED = ", ".join((*INDEXES, *MANIFESTS))
PREFERRED = ("linux", "amd64")
# Before Docker's first release: builds that are to be the same each time write year 1, 1970 or 1980.
FIRST_IMAGE = datetime(2013, 3, 1)
EPOCH = datetime(1970, 1, 1)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):?(\d\d))", re.ASCII)
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}", re.ASCII)

Document = Dict[str, Any]


def document(body: bytes) -> Optional[Document]:
    """Read a JSON object; None if it is none."""
    try:
        read = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def error_text(body: bytes) -> str:
    """The code and the message of a registry's error; empty if it has none."""
    told = (document(body) or {}).get("errors")
    first = told[0] if isinstance(told, list) and told and isinstance(told[0], dict) else {}
    return " ".join(str(first[name]) for name in ("code", "message") if first.get(name))


def digest_of(body: bytes) -> str:
    """The digest of what a registry sent."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def is_index(manifest: Document) -> bool:
    """Whether it is a list of manifests, one a platform."""
    return manifest.get("mediaType") in INDEXES or isinstance(manifest.get("manifests"), list)


def image_of_index(index: Document) -> Optional[str]:
    """The digest of the image that stands for an index: that of linux/amd64, else of the first platform there is.

    Attestations are none. None if it lists no image.
    """
    found: Dict[bool, str] = {}
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else []:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        platform = platform if isinstance(platform, dict) else {}
        named = (platform.get("os"), platform.get("architecture"))
        digest = checked_digest(entry)
        if digest and "unknown" not in named:
            found.setdefault(named == PREFERRED, digest)
    return found.get(True) or found.get(False)


def config_of(manifest: Document) -> Optional[str]:
    """The digest of an image's config; None for what is no image, such as a chart."""
    config = manifest.get("config")
    is_image = isinstance(config, dict) and config.get("mediaType") in CONFIGS
    return checked_digest(config) if is_image else None


def checked_digest(descriptor: Any) -> Optional[str]:
    """The digest of a descriptor, which is fit for a URL; None if it has none."""
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None


def created_at(config: Document) -> Optional[float]:
    """When an image was created, in seconds since 1970; None if that is not known, or is a time before Docker."""
    text = config.get("created")
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    sign, hours, minutes = found.groups()[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second)
        if sign:
            moment -= int(f"{sign}1") * timedelta(hours=int(hours), minutes=int(minutes))
    except (ValueError, OverflowError):
        return None
    return (moment - EPOCH).total_seconds() if moment >= FIRST_IMAGE else None


def written(moment: float) -> str:
    """A time as a result shows it: `2026-11-23T05:45:10Z`."""
    return f"{(EPOCH + timedelta(seconds=moment)).isoformat()}Z"

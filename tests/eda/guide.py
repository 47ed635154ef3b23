# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to push to deploy, as a reader takes it: each of its files, with the names of a place exchanged."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from tests.swarm.collection import ROOT

PAGE = ROOT / "docs" / "docsite" / "rst" / "push_to_deploy.rst"
BLOCK = re.compile(r"^\.\. code-block:: \S+\n\n((?:   .*\n|\n)+)", re.MULTILINE)


def block(start: str, names: Mapping[str, str]) -> str:
    """Return the one block of the guide that begins with ``start``, with names exchanged."""
    blocks = [textwrap.dedent(found[1]).strip() for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]
    [text] = [text for text in blocks if text.removeprefix("---\n").startswith(start)]
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    return f"{text}\n"

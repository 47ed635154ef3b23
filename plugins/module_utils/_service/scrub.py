# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the values of a service's variables from what its tasks wrote (pure). Private to this collection.

All values count as secrets, but for short and trivial ones: without `true`, `8080` and `info` a log could not be read,
and they reveal nothing. If the name of a variable speaks of a secret (`PIN`, `DB_PASSWORD`), short values count too.
"""

from __future__ import annotations

import json
import re
from typing import Iterable, List, NamedTuple, Set
from urllib.parse import quote as quote_url

MASK = "***"
SHORTEST = 4  # characters of a value that is a secret whatever its name
SHORTEST_NAMED = 3  # characters of one that is a secret by its name
SHORTEST_WITHIN = 8  # characters of a value that is replaced within a word too
SHORTEST_NAMED_WITHIN = 6  # the same for a secret by its name
SPEAKING_NAMES = re.compile(
    "PASS|PWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|SALT|SIGN|COOKIE|SESSION|CERT|LICENSE"
    "|(?:^|_)(?:KEY|PIN|PW|AUTH|DSN|OTP)(?:S?$|S?_)|(?:API|ACCESS)_?KEY",
    re.IGNORECASE,
)
FLAGS = re.compile(r"[-+]?\d{1,3}|true|false|yes|none|null|auto|always|never|enabled?|disabled?", re.IGNORECASE)
TRIVIAL = re.compile(
    r"[-+]?\d{4,5}|trace|debug|info|notice|warn|warning|error|fatal|critical|json|text|plain"
    "|prod|production|staging|stage|test|testing|dev|development|local|localhost",
    re.IGNORECASE,
)
NO_TEXT = "\ufffd"
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_NO_TEXT = re.compile(f"{NO_TEXT}{{2,}}")
_LOGIN = re.compile(r"://[^/\s:@]*:([^/\s]+)@")


class _Secret(NamedTuple):
    text: str
    is_whole: bool  # whether it is replaced only where it is a word of its own


class Scrubber:
    """Replaces the values of variables, given as a spec has them (`NAME=value`).

    `longest` is the number of characters of the longest one.
    """

    def __init__(self, variables: Iterable[str]) -> None:
        secrets: Set[_Secret] = set()
        for variable in variables:
            name, _sign, value = variable.partition("=")
            secrets.update(_secrets(name, value))
        self._secrets = sorted(secrets, key=lambda secret: (-len(secret.text), secret))
        self.longest = max((len(secret.text) for secret in secrets), default=0)

    def scrub(self, text: str) -> str:
        """The text with a mask for each secret, the longest ones first. Its lines are printable ones."""
        for secret in self._secrets:
            if secret.text in text:
                text = _without(text, secret)
        return text


def printable(text: str) -> str:
    """A line as a terminal would leave it, without escape sequences; what is no text is one replacement character."""
    text = _ESCAPES.sub("", text).rstrip("\r\n").rpartition("\r")[2].replace("\t", "    ")
    text = "".join(char if char.isprintable() else " " if char.isspace() else NO_TEXT for char in text)
    return _NO_TEXT.sub(NO_TEXT, text).rstrip()


def _secrets(name: str, value: str) -> List[_Secret]:
    """A variable's value: as it is, line by line, the password in it, and each of these as JSON and URLs spell it."""
    is_speaking = SPEAKING_NAMES.search(name) is not None
    lines = [printable(line) for line in value.split("\n")]
    texts = {"\n".join(lines).strip(), *_LOGIN.findall(value)}
    texts.update(line.strip() for line in lines if len(line.strip()) >= SHORTEST_WITHIN)
    texts.update([spelt for text in texts for spelt in _spellings(text)])
    within = SHORTEST_NAMED_WITHIN if is_speaking else SHORTEST_WITHIN
    return [_Secret(text, len(text) < within) for text in texts if _is_secret(text, is_speaking)]


def _spellings(text: str) -> List[str]:
    return [json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], quote_url(text), quote_url(text, "")]


def _is_secret(text: str, is_speaking: bool) -> bool:
    if not text.strip("*") or FLAGS.fullmatch(text):
        return False
    if is_speaking:
        return len(text) >= SHORTEST_NAMED
    return len(text) >= SHORTEST and TRIVIAL.fullmatch(text) is None


def _without(text: str, secret: _Secret) -> str:
    if not secret.is_whole:
        return text.replace(secret.text, MASK)
    return re.sub(rf"(?<!\w){re.escape(secret.text)}(?!\w)", MASK, text)

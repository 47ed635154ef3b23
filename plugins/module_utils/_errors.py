# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All errors that the collection raises on purpose. Private to this collection.

Every error of the core is a RolloutError. Its text is written for the operator: what is wrong, where, what was and was
not done, what to do next. `_module` alone turns it into a failed task.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, List

LONGEST_QUOTE = 500  # characters of an engine's text that an error repeats


def quote(text: str, secrets: Iterable[str] = ()) -> str:
    """Return an external text as one short printable line, without the given secrets."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


class RolloutError(Exception):
    """Base of every error that this collection raises on purpose.

    `may_have_written` says that a write was sent whose effect is not known.
    """

    may_have_written = False


class LibraryMissing(RolloutError):
    """The library requests-unixsocket cannot be imported on the managed node."""

    def __init__(self, traceback: str) -> None:
        super().__init__("requests-unixsocket cannot be imported")
        self.traceback = traceback


class InvalidInput(RolloutError):
    """An option's value cannot be used."""


class EngineError(RolloutError):
    """A call to the engine returned no usable answer."""


class EngineUnreachable(EngineError):
    """No connection: the request was never received."""


class AnswerLost(EngineError):
    """The request may have been received and carried out, but no complete answer came back."""


class BadAnswer(EngineError):
    """Something answered, but not as an engine does."""


class NotAManager(EngineError):
    """The engine cannot manage services: no manager, not in a swarm, locked, or its certificates have expired."""


class ApiError(EngineError):
    """The engine refused the call.

    `status` is the HTTP status, `reason` the engine's own text, made safe for messages.
    """

    def __init__(self, call: str, status: int, text: str, secrets: Iterable[str] = ()) -> None:
        self.call = call
        self.status = status
        self.reason = quote(text, secrets) or "no reason given"
        self._text = text
        super().__init__(f"{call}: the engine answered {status}: {self.reason.rstrip('.')}.")

    def scrubbed(self, secrets: Iterable[str]) -> ApiError:
        """The same error without these secrets, in case the engine quoted one."""
        return type(self)(self.call, self.status, self._text, secrets)


class NotAllowed(ApiError):
    """A socket proxy or an authorization plugin refuses this call, and would refuse it again."""

    def __init__(self, call: str, status: int, text: str, secrets: Iterable[str] = ()) -> None:
        super().__init__(call, status, text, secrets)
        method, _space, path = call.partition(" ")
        needed = f"{path.strip('/').partition('/')[0].lstrip('_').upper()}=1"
        needed = needed if method == "GET" else f"{method}=1 and {needed}"
        said = (
            f"{call} is not allowed ({status}: {self.reason.rstrip('.')}). This task needs it: allow it in the socket "
            f"proxy or the authorization plugin in front of the engine ({needed} for docker-socket-proxy)."
        )
        self.args = (said,)


class NotFound(ApiError):
    """404: no such object."""


class OutOfSequence(ApiError):
    """The version index sent is outdated: somebody else wrote in between. Nothing was written."""


class SwarmUnavailable(ApiError):
    """The managers cannot agree at present (no leader, no quorum, deadline); the write may still happen."""


class ManagerNotReady(SwarmUnavailable):
    """The manager has just started and cannot manage services yet. Nothing was written."""


class ServiceNotFound(RolloutError):
    """No service has this name or ID. `near` lists similar names."""

    def __init__(self, wanted: str, near: List[str], hint: str = "") -> None:
        hint = f"Did you mean {', '.join(near)}?" if near else hint
        shown = wanted if wanted.isprintable() and len(wanted) <= LONGEST_QUOTE else quote(wanted)  # spaces and all
        super().__init__(f"There is no service {shown!r} in this swarm. {hint}".rstrip())
        self.near = near


class ServiceRemoved(ServiceNotFound):
    """A service was removed while a task was working on it."""

    def __init__(self, name: str, may_have_written: bool) -> None:
        fate = " Whether it was changed before is not known." if may_have_written else ""
        super().__init__(name, [], f"It was removed while this task was at work.{fate}")
        self.may_have_written = may_have_written


class UnsupportedService(RolloutError):
    """The service runs no container image (plugin, network attachment)."""


class UpdateConflict(RolloutError):
    """Somebody else changed a service during this run; their change was left alone.

    `held` is the service as they left it.
    """

    def __init__(self, message: str, held: Any, may_have_written: bool = False) -> None:
        super().__init__(message)
        self.held = held
        self.may_have_written = may_have_written


class UpdateUnfinished(RolloutError):
    """A write could not be completed in time.

    `lost` is the footprint of a write whose effect is not known; None if nothing was written.
    """

    def __init__(self, message: str, lost: Any = None) -> None:
        super().__init__(message)
        self.lost = lost
        self.may_have_written = lost is not None


class ReadBackMismatch(RolloutError):
    """The engine holds a spec that differs from the one it was sent."""

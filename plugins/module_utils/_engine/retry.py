# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to go on after a passing failure. Private to this collection."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

if TYPE_CHECKING:
    from typing import ContextManager, Protocol

    class Caller(Protocol):
        """What makes calls, each bounded to some seconds: an engine."""

        @property
        def call_timeout(self) -> float:
            """Seconds of one call."""

        def within(self, seconds: float) -> ContextManager[None]:
            """Bound calls, while this lasts, to so many seconds from now."""


FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 2.0  # seconds
LAST_LOOK = 5.0  # seconds that a last look may take where the time is over
PASSING_FAILURES = (errors.AnswerLost, errors.EngineUnreachable, errors.SwarmUnavailable)

T = TypeVar("T")


class Clock:
    """The time that passes, in seconds. Tests hand in one that does not wait."""

    def now(self) -> float:
        """Seconds since some fixed moment; never runs backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        time.sleep(seconds)


class Retry:
    """A budget of seconds for calls to an engine, by default those of one call, with growing and jittered pauses."""

    def __init__(self, clock: Clock, engine: Caller, seconds: Optional[float] = None) -> None:
        self._clock = clock
        self._engine = engine
        self._give_up = clock.now() + (engine.call_timeout if seconds is None else seconds)
        self._pause = FIRST_PAUSE

    @property
    def remaining(self) -> float:
        """Seconds that are left."""
        return max(0.0, self._give_up - self._clock.now())

    def call(self, call: Callable[[], T]) -> T:
        """Make a call that ends with the budget."""
        with self._engine.within(self.remaining):
            return call()

    def lasts(self) -> bool:
        """Pause, and tell whether to try once more; False at once where the budget does not allow the pause."""
        pause = self._pause * random.uniform(0.5, 1.5)
        if self._clock.now() + pause > self._give_up:
            return False
        self._clock.sleep(pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True

    def read(self, call: Callable[[], T]) -> T:
        """Read until there is an answer. Raises the last error where the budget is spent."""
        while True:
            try:
                return self.call(call)
            except PASSING_FAILURES as error:
                last: Optional[errors.EngineError] = error
            if not self.lasts() and last is not None:
                raise last

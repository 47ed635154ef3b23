# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to try again after a passing failure. Private to this collection."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors

if TYPE_CHECKING:
    from typing import ContextManager, Protocol

    class Caller(Protocol):
        """An object whose calls can be bounded in time, such as an engine."""

        @property
        def call_timeout(self) -> float:
            """The limit of one call, in seconds."""

        def within(self, seconds: float) -> ContextManager[None]:
            """Limit the calls made inside to so many seconds each."""


FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 2.0  # seconds
LAST_LOOK = 5.0  # seconds for a last look after the time is over
PASSING_FAILURES = (errors.AnswerLost, errors.EngineUnreachable, errors.SwarmUnavailable)

T = TypeVar("T")


class Clock:
    """A clock that counts in seconds. Tests pass in one that does not wait."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        time.sleep(seconds)


class Retry:
    """A budget of seconds for calls to an engine (default: the limit of one call), with growing, jittered pauses."""

    def __init__(self, clock: Clock, engine: Caller, seconds: Optional[float] = None) -> None:
        self._clock = clock
        self._engine = engine
        self._give_up = clock.now() + (engine.call_timeout if seconds is None else seconds)
        self._pause = FIRST_PAUSE

    @property
    def remaining(self) -> float:
        """The seconds left."""
        return max(0.0, self._give_up - self._clock.now())

    def call(self, call: Callable[[], T]) -> T:
        """Make a call that ends within the budget."""
        with self._engine.within(self.remaining):
            return call()

    def lasts(self) -> bool:
        """Pause, and return whether to try once more; False at once if the budget does not allow the pause."""
        pause = self._pause * random.uniform(0.5, 1.5)
        if self._clock.now() + pause > self._give_up:
            return False
        self._clock.sleep(pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True

    def read(self, call: Callable[[], T]) -> T:
        """Repeat a reading call until it succeeds. Raises the last error when the budget is spent."""
        while True:
            try:
                return self.call(call)
            except PASSING_FAILURES as error:
                last: Optional[errors.EngineError] = error
            if not self.lasts() and last is not None:
                raise last

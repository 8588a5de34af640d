"""How fast one session may call: so many at once, then so many a second.

Each callback is a commit and an event to every reader, so that one session in a loop would be felt
by all. An agent that is told 429 tries again after ``Retry-After``; nothing of an honest one is
lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId


class Pace:
    """The calls of all sessions; ``clock`` is in seconds and monotonic."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / per_second
        self._ahead = burst * self._interval
        self._clock = clock
        self._due: dict[SessionId, float] = {}

    def take(self, session_id: SessionId) -> None:
        """Count one call. Raises ProblemError 429: too many of late."""
        now = self._clock()
        due = max(now, self._due.get(session_id, now)) + self._interval
        if due - now > self._ahead:
            raise ProblemError(
                429,
                "too_many_calls",
                "The session calls too often; try again a little later.",
                headers={"Retry-After": "1"},
            )
        self._due[session_id] = due

    def forget(self, session_id: SessionId) -> None:
        """The session is over."""
        self._due.pop(session_id, None)

"""How fast one session may call: so many at once, then so many a second.

Each callback is a commit and an event to every reader, so that one session in a loop would be felt
by all. An agent that is told 429 tries again after ``Retry-After``; nothing of an honest one is
lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from relay.defence.allowance import Allowance
from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId


class Pace:
    """The calls of all sessions; ``clock`` is in seconds and monotonic."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowance: Allowance[SessionId] = Allowance(burst, per_second, clock)

    def take(self, session_id: SessionId) -> None:
        """Count one call. Raises ProblemError 429: too many of late."""
        if not self._allowance.take(session_id):
            raise ProblemError(
                429,
                "too_many_calls",
                "The session calls too often; try again a little later.",
                headers={"Retry-After": "1"},
            )

    def forget(self, session_id: SessionId) -> None:
        """The session is over."""
        self._allowance.forget(session_id)

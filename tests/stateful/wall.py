"""The wall clock: it goes with virtual time, and somebody may set it."""

from __future__ import annotations

from tests.support.sessions import NOW
from tests.support.virtual_time import VirtualTime


class WallClock:
    """Seconds since the epoch."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._skew = NOW

    def __call__(self) -> float:
        """What time it is said to be."""
        return self._time.seconds + self._skew

    def jump(self, seconds: float) -> None:
        """Set it forward, or (negative) back."""
        self._skew += seconds

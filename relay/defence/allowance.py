"""So many at once, then so many a second, for each key: a leaky bucket that forgets who is idle."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_SWEEP_KEYS = 4096

K = TypeVar("K", bound=Hashable)


class Allowance(Generic[K]):
    """What each key may still do; ``clock`` is in seconds and monotonic."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = 1 / per_second
        self._ahead = burst * self._interval
        self._clock = clock
        self._due: dict[K, float] = {}
        self._sweep_at = _SWEEP_KEYS

    def take(self, key: K) -> bool:
        """Count one; False: it is one too many, and not counted."""
        now = self._clock()
        due = max(now, self._due.get(key, now)) + self._interval
        if due > now + self._ahead:
            return False
        if len(self._due) >= self._sweep_at and key not in self._due:
            self._sweep(now)
        self._due[key] = due
        return True

    def is_used_up(self, key: K) -> bool:
        """Whether ``take`` would say no."""
        now = self._clock()
        return max(now, self._due.get(key, now)) + self._interval > now + self._ahead

    def forget(self, key: K) -> None:
        """Begin anew with this one."""
        self._due.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Whoever has all of its allowance again need not be remembered.

        Where hardly anybody does, it is not looked for again with each that is new.
        """
        self._due = {key: due for key, due in self._due.items() if due > now}
        self._sweep_at = max(_SWEEP_KEYS, 2 * len(self._due))

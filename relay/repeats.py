"""What is done again and again, and tells nothing new: recorded once in so long, with how often."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from supervisor.lifecycle.session import Timestamp


@dataclass(slots=True)
class _Seen:
    at: Timestamp
    left_out: int = 0


class Repeats:
    """Of each kind, the first in ``seconds``; what has not come for so long is forgotten."""

    def __init__(self, seconds: float, clock: Callable[[], Timestamp]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[Hashable, _Seen] = {}

    def take(self, kind: Hashable) -> int | None:
        """How many were left out since the last that was not; ``None``: this one is as well."""
        now = self._clock()
        last = self._seen.get(kind)
        if last is not None and 0 <= now - last.at < self._seconds:
            last.left_out += 1
            return None
        # Put at the end: the dictionary is in the order of time.
        self._seen.pop(kind, None)
        self._forget(now)
        self._seen[kind] = _Seen(now)
        return last.left_out if last is not None else 0

    def _forget(self, now: Timestamp) -> None:
        """What would be told at its next coming is told only if that comes within as long again."""
        for kind, seen in tuple(self._seen.items()):
            if 0 <= now - seen.at < 2 * self._seconds:
                return
            del self._seen[kind]

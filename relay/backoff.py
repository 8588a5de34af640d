"""How long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from ``first_seconds`` up to ``last_seconds``, jittered."""

    first_seconds: float
    last_seconds: float

    def seconds(self, failures: int) -> float:
        """The wait after so many failures in a row, one or more."""
        doubled = self.first_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return min(self.last_seconds, doubled) * random.uniform(0.7, 1.0)  # noqa: S311 jitter

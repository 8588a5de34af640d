"""Session ids: ULIDs (48 bits of milliseconds, 80 random bits) in lower-case Crockford base 32."""

from __future__ import annotations

import secrets
import time

from supervisor.lifecycle.ids import ALPHABET
from supervisor.lifecycle.session import SessionId

_LENGTH = 26


class UlidSource:
    """Ids that only grow, also within a millisecond and when the clock is set back."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> SessionId:
        """An id greater than every id before it."""
        fresh = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
        self._last = fresh if fresh > self._last else self._last + 1
        return SessionId(
            "".join(
                ALPHABET[self._last >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5)
            )
        )

    def start_after(self, session_id: SessionId) -> None:
        """Continue after an id that is in use already."""
        value = 0
        for character in session_id:
            value = value << 5 | ALPHABET.index(character)
        self._last = max(self._last, value)

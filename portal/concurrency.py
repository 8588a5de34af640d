"""How much of one thing one user may have under way at once, over all browsers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from portal.errors import TooManyError


class ConcurrencyLimit:
    """So many for each user; one more is refused with ``code`` and ``detail``."""

    def __init__(self, most: int, code: str, detail: str, retry_seconds: float) -> None:
        self.most = most
        self._code = code
        self._detail = detail
        self._retry_seconds = retry_seconds
        self._held: Counter[str] = Counter()

    def count(self, user: str) -> int:
        """How many a user has."""
        return self._held[user]

    @contextmanager
    def place(self, user: str) -> Iterator[None]:
        """One more, within the block. Raises TooManyError."""
        if self._held[user] >= self.most:
            raise TooManyError(self._code, self._detail, self._retry_seconds)
        self._held[user] += 1
        try:
            yield
        finally:
            self._held[user] -= 1
            if not self._held[user]:
                del self._held[user]

"""How often it may be guessed: failures by user and by address, within a window.

In memory while the portal runs; ``ages`` and ``take_up`` carry them over a restart. Users and
addresses stand there as keyed hashes: what somebody types for a name may be a password.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterable

from portal.config import AttemptsConfig
from portal.errors import TooManyError
from portal.networks import network_of
from portal.settings import Settings

_MOST_KEYS = 50_000
"""Users and addresses that are remembered; the oldest go first."""


class Pace:
    """Counts failures; ``clock`` is in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float], key: bytes) -> None:
        self._settings = settings
        self._key = key
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    @property
    def _config(self) -> AttemptsConfig:
        return self._settings.config.sign_in.attempts

    def require_leave(self, remote: str, user: str | None = None) -> None:
        """Raise TooManyError if there were too many failures."""
        for key, most in self._keys(remote, user):
            recent = self._recent(key)
            if len(recent) >= most:
                wait = recent[0] + self._config.window_seconds - self._clock()
                detail = f"Too many attempts have failed. Try again in {_told(wait)}."
                raise TooManyError("too_many_attempts", detail, wait)

    def note_failure(self, remote: str, user: str | None = None) -> None:
        """One more."""
        for key, most in self._keys(remote, user):
            recent = self._recent(key)
            recent.append(self._clock())
            while len(recent) > most:
                recent.popleft()
            self._failures.pop(key, None)
            self._failures[key] = recent
        while len(self._failures) > _MOST_KEYS:
            del self._failures[next(iter(self._failures))]

    def ages(self) -> list[tuple[str, float]]:
        """Each failure that counts: whose it is, and for how many seconds."""
        now = self._clock()
        return [(key, now - at) for key in [*self._failures] for at in self._recent(key)]

    def take_up(self, ages: Iterable[tuple[str, float]]) -> None:
        """Those of the last life."""
        now = self._clock()
        for key, age in sorted(ages, key=lambda each: -each[1]):
            self._failures.setdefault(key, deque()).append(now - max(0.0, age))

    def forgive(self, remote: str, user: str) -> None:
        """The password was right: the user's are forgotten, of the address only the last one."""
        self.take_back(remote, user)
        self._failures.pop(self._user_key(user), None)

    def take_back(self, remote: str, user: str) -> None:
        """The last one was none, for all that can be told."""
        for key, _ in self._keys(remote, user):
            if recent := self._failures.get(key):
                recent.pop()

    def _keys(self, remote: str, user: str | None) -> list[tuple[str, int]]:
        keys = [(self._hash(f"address {network_of(remote)}"), self._config.per_address)]
        if user is not None:
            keys.append((self._user_key(user), self._config.per_user))
        return keys

    def _user_key(self, user: str) -> str:
        """Some name services take capitals for small letters: ``Alice`` is nobody else's count."""
        return self._hash(f"user {user.casefold()}")

    def _hash(self, text: str) -> str:
        return hmac.digest(self._key, text.encode("utf-8", "replace"), hashlib.sha256).hex()

    def _recent(self, key: str) -> deque[float]:
        since = self._clock() - self._config.window_seconds
        recent = self._failures.get(key, deque())
        while recent and recent[0] <= since:
            recent.popleft()
        return recent


def _told(seconds: float) -> str:
    return "a minute" if seconds <= 60 else f"{round(seconds / 60)} minutes"

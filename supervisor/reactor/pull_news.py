"""What of a pull a session's state tells: each percent, and often enough that the pull goes on."""

from __future__ import annotations

from collections.abc import Callable

SIGNS_PER_LIMIT = 4
"""A slow pull renews the startup limit so many times before it would pass."""


class PullNews:
    """Passes on what is news to a session; a large image brings ten lines a second and layer."""

    def __init__(
        self,
        post: Callable[[float], None],
        startup_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._post = post
        self._every_seconds = startup_seconds / SIGNS_PER_LIMIT
        self._clock = clock
        self._told: float | None = None
        self._told_at = 0.0

    def __call__(self, fraction: float) -> None:
        """The pull is at ``fraction`` (0..1, whole percents), and alive."""
        now = self._clock()
        if fraction == self._told and now < self._told_at + self._every_seconds:
            return
        self._told, self._told_at = fraction, now
        self._post(fraction)

"""One line when the store begins to fail, one a minute while it does, one when it works again.

A line per fact and retry would fill a disk that is full already.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from supervisor.lifecycle.session import Timestamp

log = structlog.get_logger(__name__)

COMPLAIN_SECONDS = 60.0


class Outage:
    """What the log is told of commits that fail."""

    def __init__(self, now: Callable[[], Timestamp]) -> None:
        self._now = now
        self._failures = 0
        self._began_at = 0.0
        self._told_at = 0.0

    def failed(self, error: Exception, fact: str) -> None:
        """A commit could not be made."""
        now = self._now()
        if not self._failures:
            self._began_at = now
        self._failures += 1
        # Also when the clock was set back meanwhile.
        if self._failures == 1 or not 0 <= now - self._told_at < COMPLAIN_SECONDS:
            self._told_at = now
            log.error("commit_failed", error=str(error), fact=fact, failures=self._failures)

    def worked(self) -> None:
        """A commit was made."""
        if self._failures:
            seconds = round(max(0.0, self._now() - self._began_at), 1)
            log.warning("commits_resumed", failures=self._failures, seconds=seconds)
            self._failures = 0

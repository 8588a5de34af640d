"""Whether anybody follows the events: a web server that does not knows of no session's end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from supervisor.lifecycle.session import Timestamp
from supervisor.lifecycle.times import rfc3339


class Presence:
    """Counts readers of the event stream."""

    def __init__(self, clock: Callable[[], Timestamp]) -> None:
        self._clock = clock
        self._streams = 0
        self._last_seen_at: Timestamp | None = None

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Somebody reads within the block."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1
            self._last_seen_at = self._clock()

    def state(self) -> Mapping[str, Any]:
        """For the node object: how many read now, and when last one did (``null``: never)."""
        seen = self._clock() if self._streams else self._last_seen_at
        return {"streams": self._streams, "last_seen_at": rfc3339(seen)}

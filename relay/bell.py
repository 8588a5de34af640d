"""Waking whoever waits for something to have changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Rung after a change; whoever waits looks again for itself.

    Nothing is missed by looking and then waiting, as long as there is no ``await`` in between.
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float | None = None) -> None:
        """Return at the next ring, or when the time is over."""
        rung = self._rung
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await rung.wait()

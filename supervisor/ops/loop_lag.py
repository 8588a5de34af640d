"""How late the event loop is, looked at once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SAMPLE_SECONDS = 1.0


async def sample(told: Callable[[float], None], every_seconds: float = SAMPLE_SECONDS) -> None:
    """Tell by how many seconds each wake-up was late; until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every_seconds
        await asyncio.sleep(every_seconds)
        # The clock that wakes us is coarser than the one that we read.
        told(max(0.0, loop.time() - due))

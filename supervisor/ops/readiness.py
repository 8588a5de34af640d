"""How long a start may take: as long as the engine does, but not when the daemon hangs."""

from __future__ import annotations

import asyncio

from supervisor.ops.notify import Notifier

EXTENSION_SECONDS = 60.0
"""A start that gives no sign of life for so long is killed by the service manager."""
FEEDS = 3
"""So many signs within that."""


async def tell_ready(notifier: Notifier, ready: asyncio.Event) -> None:
    """Tell the service manager once ``ready`` is set, and until then that it is worth waiting."""
    waiting = asyncio.create_task(ready.wait())
    try:
        while not waiting.done():
            notifier.starting(EXTENSION_SECONDS)
            await asyncio.wait([waiting], timeout=EXTENSION_SECONDS / FEEDS)
    finally:
        waiting.cancel()
    notifier.ready()

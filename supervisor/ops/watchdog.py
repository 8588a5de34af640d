"""The watchdog is fed by work that gets done: a daemon that only turns is bitten as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from supervisor.ops.notify import Notifier

log = structlog.get_logger(__name__)

FEEDS = 3
"""So many times within what systemd waits."""


async def feed(notifier: Notifier, progress: Callable[[], int | None]) -> None:
    """Tell the service manager that the daemon is alive, for as long as it is; until cancelled.

    ``progress`` is a count that grows with the work done, ``None`` while there is no work to do.
    """
    if notifier.watchdog_seconds is None:
        return
    last: int | None = None
    is_stuck = False
    while True:
        now = progress()
        if now is not None and now == last:
            if not is_stuck:
                log.error("reactor_stuck", seconds=round(notifier.watchdog_seconds / FEEDS, 1))
            is_stuck = True
        else:
            notifier.alive()
            is_stuck = False
        last = now
        await asyncio.sleep(notifier.watchdog_seconds / FEEDS)

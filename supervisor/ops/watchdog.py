"""The watchdog is fed by work that gets done: a daemon that only turns is bitten as well.

    the event loop stands still    bitten once what systemd waits has passed (``WatchdogSec=``)
    it turns, and facts wait       not fed any more after ``STUCK_SECONDS`` without one judged

Work may wait for a disk, which ending the daemon would not make faster; the loop waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from supervisor.ops.notify import Notifier

log = structlog.get_logger(__name__)

FEEDS = 3
"""So many times within what systemd waits."""
STUCK_SECONDS = 45.0
"""Longer than the slowest disk takes for a commit."""


async def feed(
    notifier: Notifier, progress: Callable[[], int | None], stuck_seconds: float = STUCK_SECONDS
) -> None:
    """Tell the service manager that the daemon is alive, for as long as it is; until cancelled.

    ``progress`` is a count that grows with the work done, ``None`` while there is no work to do.
    """
    if notifier.watchdog_seconds is None:
        return
    loop = asyncio.get_running_loop()
    last, since = progress(), loop.time()
    is_stuck = False
    while True:
        if not is_stuck:
            notifier.alive()
        await asyncio.sleep(notifier.watchdog_seconds / FEEDS)
        now = progress()
        if now is None or now != last:
            last, since, is_stuck = now, loop.time(), False
        elif not is_stuck and loop.time() - since >= stuck_seconds:
            is_stuck = True
            log.error("reactor_stuck", seconds=round(loop.time() - since, 1))

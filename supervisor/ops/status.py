"""One line for ``systemctl status``: what the daemon waits for, or how much it has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from supervisor.ops.notify import Notifier

LOOK_SECONDS = 2.0
"""Told only when it is news; hundreds of starts a minute need not be hundreds of lines."""

STATUS_CHARS = 512


def status_line(*, ready: bool, message: str, sessions: int, refused: str | None = None) -> str:
    """The line.

    ``message`` tells why it is not ready, ``refused`` what is wrong with a newer configuration.
    """
    count = f"{sessions} session{'' if sessions == 1 else 's'}"
    state = "ready" if ready else f"not ready: {message}"
    first = f"; configuration refused, the older one holds: {refused}" if refused else ""
    # One line: what comes after a line break would be another word of sd_notify(3).
    return " ".join(f"{count}; {state}{first}".split())[:STATUS_CHARS]


async def tell_status(notifier: Notifier, line: Callable[[], str]) -> None:
    """Tell the service manager the line whenever it has changed; until cancelled."""
    if not notifier.listens:
        return
    last = ""
    while True:
        if (now := line()) != last:
            notifier.status(now)
            last = now
        await asyncio.sleep(LOOK_SECONDS)

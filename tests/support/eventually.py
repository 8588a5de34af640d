"""Waiting for what happens outside the event loop, where nothing but a look can tell."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

LONG_SECONDS = 60.0
"""For what takes a second or two on a machine that does nothing else."""

_LOOK_AGAIN_SECONDS = 0.02


async def eventually(
    condition: Callable[[], object] | Callable[[], Awaitable[object]],
    what: str,
    within: float = LONG_SECONDS,
) -> None:
    """Wait until ``condition`` gives something true. Raises AssertionError with ``what``."""
    value: object = None
    try:
        async with asyncio.timeout(within):
            while True:
                found = condition()
                value = await found if inspect.isawaitable(found) else found
                if value:
                    return
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {what} (last seen: {value!r})") from None

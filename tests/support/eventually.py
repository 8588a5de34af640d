"""Waiting for what happens outside the event loop, where nothing but a look can tell."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LONG_SECONDS = 60.0
"""For what takes a second or two on a machine that does nothing else."""

_LOOK_AGAIN_SECONDS = 0.02


async def eventually(
    condition: Callable[[], T | Awaitable[T]], what: str, within: float = LONG_SECONDS
) -> T:
    """Return the first true value of ``condition``. Raises AssertionError with ``what``."""
    value: T | None = None
    try:
        async with asyncio.timeout(within):
            while True:
                found = condition()
                value = await found if inspect.isawaitable(found) else found
                if value:
                    return value
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {within:g} s: {what} (last seen: {value!r})") from None

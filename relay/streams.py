"""Writing long-lived answers: started at once, bounded in time, ended in good form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable

from aiohttp import web


async def stream_lines(
    request: web.Request,
    response: web.StreamResponse,
    pieces: AsyncIterable[bytes],
    stall_seconds: float,
) -> bool:
    """Write what comes until it ends. False: the reader went away or took nothing for too long."""
    try:
        await response.prepare(request)
        async for piece in pieces:
            async with asyncio.timeout(stall_seconds):
                await response.write(piece)
        async with asyncio.timeout(stall_seconds):
            await response.write_eof()
    except (TimeoutError, ConnectionError):
        cut_off(request)
        return False
    return True


def cut_off(request: web.Request) -> None:
    """End the connection without waiting for its reader to take what is buffered."""
    if request.transport is not None:
        request.transport.abort()

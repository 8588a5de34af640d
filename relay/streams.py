"""Writing long-lived answers: started at once, bounded in time, ended in good form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Collection
from typing import Any

from aiohttp import web

from relay.connection import Connection
from relay.transports import abort

_PART_BYTES = 256 * 1024
"""Of a body: a caller has the time of a stall to take so much."""


async def stream_lines(
    request: web.Request,
    response: web.StreamResponse,
    pieces: AsyncIterable[bytes],
    stall_seconds: float,
) -> bool:
    """Write what comes until it ends, or the reader leaves. False: it took nothing for too long."""
    try:
        await response.prepare(request)
        async for piece in pieces:
            async with asyncio.timeout(stall_seconds):
                await response.write(piece)
        async with asyncio.timeout(stall_seconds):
            await response.write_eof()
    except TimeoutError:
        cut_off(request)
        return False
    except ConnectionError:
        # There is no other way to leave a stream that has no end.
        cut_off(request)
    return True


async def send_whole(
    request: web.Request, response: web.StreamResponse, body: bytes, stall_seconds: float
) -> web.StreamResponse:
    """Answer with a body of some size; it is not kept for a caller that takes nothing of it."""
    response.content_length = len(body)
    await stream_lines(request, response, _parts(body), stall_seconds)
    return response


async def _parts(body: bytes) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(body), _PART_BYTES):
        yield body[at : at + _PART_BYTES]


async def close_socket(
    request: web.Request, socket: web.WebSocketResponse, code: int, close_seconds: float
) -> None:
    """Close a WebSocket in form, or cut off a peer that takes no part in it.

    aiohttp by itself leaves the connection to a peer that takes nothing open for ever: its deadline
    begins only once everything before the close frame was taken, and then it closes a transport
    that goes on waiting for just that. In a task of its own, because it breaks off with a
    CancelledError that nobody asked for when a send before it had run into a deadline.
    """
    transport = request.transport
    closing = asyncio.ensure_future(socket.close(code=code))
    try:
        await asyncio.wait([closing], timeout=2 * close_seconds)
    finally:
        closing.cancel()
        abort(transport)
        await asyncio.gather(closing, return_exceptions=True)


def cut_off(request: web.Request) -> None:
    """End the connection without waiting for its reader to take what is buffered."""
    abort(request.transport)


def departure(request: web.Request) -> asyncio.Future[None]:
    """Resolved when whoever called is gone; not to be cancelled."""
    connection = request.protocol
    if not isinstance(connection, Connection):
        raise TypeError("the call did not come by way of a listener of the relay")
    return connection.lost


async def until(
    ends: Collection[asyncio.Future[Any]], pieces: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    """The pieces, as far as they have come when one of ``ends`` is resolved."""
    while not any(end.done() for end in ends):
        upcoming = asyncio.create_task(_next(pieces))
        try:
            await asyncio.wait((upcoming, *ends), return_when=asyncio.FIRST_COMPLETED)
            piece = upcoming.result() if upcoming.done() else None
        finally:
            # Awaited, for an iterator that still runs cannot be closed.
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
        if piece is None:
            return
        yield piece


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)

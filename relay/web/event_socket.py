"""The event stream as a WebSocket, for a web server that asks to upgrade: the same frames as JSON.

    {"event": "update" | "delete" | "synced" | "reset" | "node",
     "id": number or null, "data": {...}}

Close codes: 1001 the relay stops, 1013 the reader could not follow and may come back by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from relay.frames import Frame
from relay.ports import FeedGapError
from relay.streams import close_socket

_GOING_AWAY = 1001
_TRY_AGAIN = 1013


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketTimes:
    """How long an idle reader goes without a ping, and a stuck one without being cut off."""

    heartbeat_seconds: float
    stall_seconds: float
    close_seconds: float


async def follow_by_socket(
    request: web.Request,
    batches: AsyncGenerator[Sequence[Frame], None],
    times: SocketTimes,
    on_cut_off: Callable[[], None],
) -> web.WebSocketResponse:
    """Send frames until they end, the reader leaves, or it takes nothing for too long."""
    socket = web.WebSocketResponse(
        heartbeat=times.heartbeat_seconds,
        timeout=times.close_seconds,
        compress=False,
        max_msg_size=4096,
    )
    await socket.prepare(request)
    sending = asyncio.create_task(_send(socket, batches, times.stall_seconds))
    leaving = asyncio.create_task(_listen(socket))
    ends: set[asyncio.Future[Any]] = {sending, leaving}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        leaving.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    code = _TRY_AGAIN if sending.cancelled() else sending.result()
    if code == _TRY_AGAIN and not sending.cancelled():
        on_cut_off()
    await close_socket(request, socket, code, times.close_seconds)
    return socket


async def _send(
    socket: web.WebSocketResponse,
    batches: AsyncGenerator[Sequence[Frame], None],
    stall_seconds: float,
) -> int:
    try:
        async with aclosing(batches):
            async for batch in batches:
                for frame in batch:
                    async with asyncio.timeout(stall_seconds):
                        await socket.send_frame(encode(frame), WSMsgType.TEXT)
    except (FeedGapError, TimeoutError, ConnectionError):
        return _TRY_AGAIN
    return _GOING_AWAY


async def _listen(socket: web.WebSocketResponse) -> None:
    """Return when the reader leaves; whatever else it says is of no account."""
    async for _ in socket:
        pass


def encode(frame: Frame) -> bytes:
    """A frame as a JSON message; its data is JSON already."""
    number = b"null" if frame.seq is None else b"%d" % frame.seq
    return b'{"event":"%s","id":%s,"data":%s}' % (frame.event.encode(), number, frame.data)

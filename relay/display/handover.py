r"""How a web server hands a viewer's connection over, so that no byte of a display passes by it.

    GET /v1/handover, Upgrade: fastx-connection                             ->  101
    the head of a display's request, the connection as ancillary data       ->  one line of JSON

``{"taken": false}``: it is the web server's as before, and nothing was read of it or written to it.
``{"taken": true, "status": 101}``: the viewer has been answered, and the web server may let go of
its copy. ``status`` is ``null`` if the viewer left before; a refusal has its ``problem`` as well.

What comes of the display is nothing of this connection: its end is the ticket's, by its label.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from relay.defence.descriptors import dispose, receive
from relay.display.handed_connection import HandedConnection
from relay.display.handed_socket import HandedSocket, viewer_socket
from relay.listeners import HttpListener
from relay.peers import Peer, peer_of
from relay.problems import ProblemError

PROTOCOL = "fastx-connection"
_HEAD_BYTES = 16 * 1024
_END_OF_HEAD = b"\r\n\r\n"


class Handover:
    """Takes viewers' connections for the listener that serves viewers."""

    def __init__(
        self, listener: Callable[[], HttpListener | None], deadline_seconds: float
    ) -> None:
        self._listener = listener
        self._deadline_seconds = deadline_seconds

    def routes(self) -> list[web.RouteDef]:
        """The one call."""
        return [web.get("/v1/handover", self.take, allow_head=False)]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """101, then what came of it."""
        transport, peer, listener = request.transport, peer_of(request.transport), self._listener()
        if peer is None or transport is None or listener is None:
            detail = "Connections are handed over by the Unix socket, and not over the network."
            raise ProblemError(409, "not_local", detail)
        if not _is_asked(request):
            detail = f"A connection is handed over after an upgrade to {PROTOCOL}."
            raise ProblemError(426, "upgrade_required", detail, headers={"Upgrade": PROTOCOL})
        response = web.StreamResponse(
            status=101, headers={"Connection": "Upgrade", "Upgrade": PROTOCOL}
        )
        response.force_close()
        # asyncio's transport would read the head and drop what comes with it.
        transport.pause_reading()
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as door:
            await response.prepare(request)
            head, handed = await self._receive(door)
        told = {"taken": False} if handed is None else await _serve(listener, head, handed, peer)
        transport.write(json.dumps(told).encode() + b"\n")
        return response

    async def _receive(self, door: socket.socket) -> tuple[bytes, HandedSocket | None]:
        """The head, and the connection if it is one; whatever else came is closed."""
        head, descriptors = b"", list[int]()
        try:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._deadline_seconds):
                    while not head.endswith(_END_OF_HEAD) and len(head) < _HEAD_BYTES:
                        data, more = await _next(door)
                        descriptors += more
                        if not data:
                            break
                        head += data
            if not head.endswith(_END_OF_HEAD) or len(descriptors) != 1:
                return head, None
            return head, viewer_socket(descriptors.pop())
        finally:
            dispose(descriptors)


def _is_asked(request: web.Request) -> bool:
    options = request.headers.get("Connection", "").lower().split(",")
    return "upgrade" in map(str.strip, options) and request.headers.get("Upgrade") == PROTOCOL


async def _next(door: socket.socket) -> tuple[bytes, list[int]]:
    loop = asyncio.get_running_loop()
    while True:
        ready = loop.create_future()
        loop.add_reader(door, _resolve, ready)
        try:
            await ready
        finally:
            loop.remove_reader(door)
        with suppress(BlockingIOError, InterruptedError):
            return receive(door, _HEAD_BYTES)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _serve(
    listener: HttpListener, head: bytes, handed: HandedSocket, peer: Peer
) -> dict[str, object]:
    """Serve it as if the viewer had connected to the viewers' socket, as far as the answer."""
    loop = asyncio.get_running_loop()
    try:
        connection = listener.connection(partial(HandedConnection, head, peer))
        await loop.connect_accepted_socket(lambda: connection, handed)
    except BaseException:
        handed.close()
        raise
    answered: set[asyncio.Future[Any]] = {connection.told, connection.lost}
    await asyncio.wait(answered, return_when=asyncio.FIRST_COMPLETED)
    if not connection.told.done():
        return {"taken": True, "status": None}
    told = connection.told.result()
    refusal = {} if told.problem is None else {"problem": told.problem}
    return {"taken": True, "status": told.status, **refusal}

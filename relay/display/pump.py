"""Bytes between a viewer's WebSocket and its agent's stream, until one of them ends.

Backpressure is the socket's all the way: a viewer that does not read pauses the agent's stream, an
agent that does not read pauses the viewer. What is held meanwhile is bounded on both sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from relay.agents.agent_stream import AgentStream
from relay.agents.passed_socket import PassedSocket
from relay.display.carrier import Buffers, Carrier
from relay.display.rfb import ClientStream, RfbError
from relay.display.rfb_server import ServerStream
from relay.display.sieves import sift_client, sift_server, take_turns

_UNSUPPORTED_DATA = 1003


class EndedBy(Enum):
    """Whose doing the end of a display connection was."""

    VIEWER = auto()
    AGENT = auto()
    RELAY = auto()
    """Put out, or cut off for what it sent; the close code says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a display connection ended; ``code`` is set when the relay decided it."""

    by: EndedBy
    code: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Traffic:
    """Bytes that one display connection has carried; ``told`` hears of each piece."""

    told: Callable[[str, int], None]
    to_viewer_bytes: int = 0
    to_agent_bytes: int = 0

    def add_to_viewer(self, size_bytes: int) -> None:
        """A piece of the picture."""
        self.to_viewer_bytes += size_bytes
        self.told("to_viewer", size_bytes)

    def add_to_agent(self, size_bytes: int) -> None:
        """What was let through of a viewer's input."""
        self.to_agent_bytes += size_bytes
        self.told("to_agent", size_bytes)


@dataclass(frozen=True, slots=True)
class Window:
    """A viewer's connection: the WebSocket, and what it goes over."""

    request: web.Request
    socket: web.WebSocketResponse
    buffers: Buffers


async def pump(  # noqa: PLR0913, PLR0917 both ends, and who is told
    window: Window,
    stream: AgentStream,
    client: ClientStream,
    dismissed: asyncio.Future[int],
    on_used: Callable[[], None],
    traffic: Traffic,
) -> Ending:
    """Carry bytes both ways; returns why it ended, the WebSocket still to be closed."""
    socket, sieve = window.socket, _sieve(client)
    if stream.passed is not None:
        carrying = _carry(stream.passed, window, sieve, traffic)
    else:
        carrying = _to_viewer(stream, socket, sieve, traffic)
    outward = asyncio.create_task(carrying)
    inward = asyncio.create_task(_to_agent(socket, stream, client, on_used, traffic))
    ends: set[asyncio.Future[Any]] = {outward, inward, dismissed}
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if dismissed.done():
            return Ending(EndedBy.RELAY, dismissed.result())
        return outward.result() if outward.done() else inward.result()
    finally:
        outward.cancel()
        inward.cancel()
        await asyncio.gather(outward, inward, return_exceptions=True)


def _sieve(client: ClientStream) -> ServerStream | None:
    """What keeps the session's clipboard back; ``None``: the viewer may have it."""
    if client.clipboard.outward:
        return None
    return ServerStream(client.agreed, textless=client.clipboard.any)


async def _carry(
    source: PassedSocket, window: Window, sieve: ServerStream | None, traffic: Traffic
) -> Ending:
    transport = window.request.transport
    if transport is None:
        return Ending(EndedBy.VIEWER)
    carrier = Carrier(source, transport, window.buffers, sieve, traffic.add_to_viewer)
    try:
        await carrier.run(window.request.writer.drain)
    except RfbError as error:
        return Ending(EndedBy.RELAY, error.close_code, str(error))
    except ConnectionError:
        return Ending(EndedBy.VIEWER)
    return Ending(EndedBy.AGENT)


async def _to_viewer(
    stream: AgentStream,
    socket: web.WebSocketResponse,
    sieve: ServerStream | None,
    traffic: Traffic,
) -> Ending:
    while chunk := await stream.read():
        if sieve is not None:
            try:
                chunk = await sift_server(sieve, chunk)
            except RfbError as error:
                return Ending(EndedBy.RELAY, error.close_code, str(error))
            if not chunk:
                continue
        try:
            await socket.send_bytes(chunk)
        except ConnectionError:
            return Ending(EndedBy.VIEWER)
        traffic.add_to_viewer(len(chunk))
    return Ending(EndedBy.AGENT)


async def _to_agent(
    socket: web.WebSocketResponse,
    stream: AgentStream,
    client: ClientStream,
    on_used: Callable[[], None],
    traffic: Traffic,
) -> Ending:
    while True:
        message = await _next_message(socket, client)
        match message.type:
            case WSMsgType.BINARY:
                try:
                    passage = await sift_client(client, message.data)
                except RfbError as error:
                    return Ending(EndedBy.RELAY, error.close_code, str(error))
                if passage.used:
                    on_used()
                if passage.forward:
                    try:
                        await stream.write(passage.forward)
                    except ConnectionError:
                        return Ending(EndedBy.AGENT)
                    traffic.add_to_agent(len(passage.forward))
            case WSMsgType.TEXT:
                return Ending(EndedBy.RELAY, _UNSUPPORTED_DATA, "RFB is binary")
            case WSMsgType.ERROR:
                # aiohttp has closed it already, for what it says (a message too big, bad frames).
                return Ending(EndedBy.RELAY, socket.close_code, str(message.data)[:200])
            case _:
                return Ending(EndedBy.VIEWER)


async def _next_message(socket: web.WebSocketResponse, client: ClientStream) -> WSMessage:
    """What a viewer says next; its pings are answered meanwhile."""
    while True:
        message = await socket.receive()
        # It may be empty, or a ping, and the next ten thousand be here already.
        client.steps += 1
        await take_turns(client)
        if message.type is WSMsgType.PING:
            with suppress(ConnectionError):
                await socket.pong(message.data)
        elif message.type is not WSMsgType.PONG:
            return message

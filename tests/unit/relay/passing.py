"""A display whose agent passes its X server's socket, as the tests go it."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Awaitable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import House

LINE = b"DESCRIPTOR\n"


@dataclass
class Passed:
    """A viewer, the X server's end of what was passed, and the connection it was passed on."""

    viewer: aiohttp.ClientWebSocketResponse
    x_server: socket.socket
    lifeline: socket.socket

    async def heard(self, count: int) -> bytes:
        """So many bytes, as the X server gets them."""
        loop = asyncio.get_running_loop()
        heard = b""
        async with asyncio.timeout(10):
            while len(heard) < count and (piece := await loop.sock_recv(self.x_server, 65536)):
                heard += piece
        return heard

    async def say(self, content: bytes) -> None:
        """As the X server."""
        await asyncio.get_running_loop().sock_sendall(self.x_server, content)


async def passed(
    house: House, agent: FakeAgent, viewing: Awaitable[aiohttp.ClientWebSocketResponse]
) -> Passed:
    """Let a viewer in by a socket that is passed; the agent keeps no copy of it."""
    asking = asyncio.ensure_future(viewing)
    lifeline = await agent.offer_display()
    relays, x_server = socket.socketpair()
    house.stack.callback(x_server.close)
    x_server.settimeout(0)
    with relays:
        assert await passing(lifeline, relays.fileno()) == b"TAKEN\n"
    return Passed(await asking, x_server, lifeline)


async def passing(lifeline: socket.socket, *descriptors: int, line: bytes = LINE) -> bytes:
    """Say the line, with these; the relay's answer, empty if it has cut the connection."""
    if descriptors:
        socket.send_fds(lifeline, [line], descriptors)
    else:
        lifeline.send(line)
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(lifeline, 64)


def a_file(stack: ExitStack) -> int:
    """A regular one."""
    return stack.enter_context(tempfile.TemporaryFile()).fileno()


def open_descriptors() -> int:
    """How many this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())

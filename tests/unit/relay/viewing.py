"""A viewer and its agent on the way to a display, as the tests go it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import House

Streams = tuple[aiohttp.ClientWebSocketResponse, asyncio.StreamReader, asyncio.StreamWriter]


async def connected(house: House, agent: FakeAgent, path: str) -> Streams:
    """A viewer, and its agent's end of the display."""
    asking = asyncio.create_task(house.view(path))
    reader, writer = await agent.open_display()
    return await asking, reader, writer


async def refused(house: House, path: str) -> int:
    """The status with which a viewer is turned away."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await house.view(path)
    return raised.value.status


async def closed(viewer: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the relay closes this viewer, whatever it sends before."""
    async with asyncio.timeout(5):
        while (await viewer.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    return viewer.close_code

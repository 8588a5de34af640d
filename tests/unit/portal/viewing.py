"""A browser on the way to a display, as the tests go it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.unit.portal.browser import Browser, Object
from tests.unit.portal.conftest import Site
from tests.unit.relay.agent import FakeAgent

Socket = aiohttp.ClientWebSocketResponse


async def admitted(browser: Browser, session_id: str, mode: str = "control") -> Object:
    """An admission."""
    reply = await browser.post(f"/api/sessions/{session_id}/connect", {"mode": mode})
    assert reply.status == 200, reply.body
    return reply.object


async def opened(
    site: Site, browser: Browser, agent: FakeAgent, admission: Object
) -> tuple[Socket, asyncio.StreamReader, asyncio.StreamWriter]:
    """A display, and the agent's end of it."""
    asking = asyncio.create_task(browser.display(admission["path"]))
    reader, writer = await agent.open_display()
    socket = await asking
    site.stack.push_async_callback(socket.close)
    return socket, reader, writer


def hand_over(site: Site, *, wanted: bool) -> None:
    """Have the configuration say so from now on, as a reload does."""
    config = site.portal.settings.config
    upstream = config.upstream.model_copy(update={"hand_over": wanted})
    site.portal.settings.config = config.model_copy(update={"upstream": upstream})


async def still_shows(socket: Socket, writer: asyncio.StreamWriter) -> bool:
    """Whether what the agent sends arrives."""
    writer.write(b"picture")
    return await socket.receive_bytes() == b"picture"


async def code_of(socket: Socket) -> int | None:
    """With what it is closed, whatever comes before."""
    async with asyncio.timeout(10):
        while (message := await socket.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    code: int = message.data
    return code


async def refused(browser: Browser, path: str, origin: str | None = None) -> int:
    """The status with which a display is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await browser.display(path, origin)
    return refusal.value.status

"""Slow and silent ends of a display cost bounded time and memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.lifecycle.facts import Fact
from supervisor.lifecycle.session import Session, ViewerCount
from tests.support.turning import until
from tests.unit.relay import rfb_messages as rfb
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.viewing import closed, connected, refused

CHUNK = bytes(64 * 1024)


@pytest.fixture
def limits() -> RelayLimits:
    """Short waits."""
    return replace(LIMITS, display_seconds=0.1, close_seconds=0.2)


async def test_an_agent_that_never_dials_is_not_waited_for(house: House) -> None:
    """504; the ticket is still good, the stream it could have dialed is not."""
    session_id = await house.sessions.run(TOKEN)
    path = await house.ticket(session_id)
    assert await refused(house, path) == 504
    assert house.counts() == []
    agent = await house.agent()
    assert await refused(house, path) == 504
    stream = (await agent.commands.get())["stream"]
    assert (await agent.dial(stream))[0] == b"ERROR unknown_stream\n"
    asking = asyncio.create_task(house.view(path))
    await agent.open_display()
    await house.counted(session_id, ViewerCount(1, 0))
    await (await asking).close()
    await house.counted(session_id, ViewerCount(0, 0))


async def test_a_viewer_that_does_not_read_pauses_its_agent(house: House) -> None:
    """What is in between is bounded; when the viewer reads again nothing is missing."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, _, writer = await connected(house, agent, await house.ticket(session_id))
    assert viewer._response.connection is not None
    transport = viewer._response.connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    sent = 0
    stuck = False
    while not stuck:
        writer.write(CHUNK)
        sent += len(CHUNK)
        try:
            async with asyncio.timeout(0.5):
                await writer.drain()
        except TimeoutError:
            stuck = True
        assert sent < 16 * 1024 * 1024, "nothing holds the agent back"
    transport.resume_reading()
    received = 0
    while received < sent:
        received += len(await viewer.receive_bytes())
    assert received == sent
    await viewer.close()


async def test_an_agent_that_does_not_read_pauses_its_viewer(house: House) -> None:
    """The other direction: clipboard after clipboard, and the session does not take it."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, reader, _ = await connected(house, agent, await house.ticket(session_id))
    reader._transport.pause_reading()  # type: ignore[attr-defined] # below asyncio's streams
    await viewer.send_bytes(rfb.OPENING)
    message = b"\x06\0\0\0" + (60_000).to_bytes(4, "big") + bytes(60_000)
    sent = len(rfb.OPENING)
    with pytest.raises(TimeoutError):  # noqa: PT012 it is the loop that gets stuck
        while sent < 16 * 1024 * 1024:
            async with asyncio.timeout(0.5):
                await viewer.send_bytes(message)
                sent += len(message)
    assert sent < 16 * 1024 * 1024
    reader._transport.resume_reading()  # type: ignore[attr-defined] # likewise
    assert len(await reader.readexactly(sent)) == sent
    await viewer.close()


async def test_a_viewer_that_does_not_read_can_be_put_out(house: House) -> None:
    """Its connection is cut when it does not take its close frame in time."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, reader, writer = await connected(house, agent, await house.ticket(session_id))
    await house.counted(session_id, ViewerCount(1, 0))
    assert viewer._response.connection is not None
    transport = viewer._response.connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    writer.write(CHUNK * 64)
    async with house.web.post(f"http://relay/v1/sessions/{session_id}/disconnect") as response:
        assert (await response.json())["viewers"] == {"control": 0, "view": 0}
    with suppress(ConnectionError):
        assert await reader.read() == b""
    transport.abort()
    await viewer.close()


async def test_a_supervisor_slow_to_commit_does_not_keep_the_picture_back(house: House) -> None:
    """Bytes flow before the viewer is counted."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    committed = asyncio.Event()
    submit = house.sessions.submit

    async def slow(session_id: str, fact: Fact) -> Session:
        await committed.wait()
        return await submit(session_id, fact)

    house.sessions.submit = slow  # type: ignore[method-assign]
    viewer, _, writer = await connected(house, agent, await house.ticket(session_id))
    writer.write(b"RFB")
    assert await viewer.receive_bytes() == b"RFB"
    assert house.counts() == []
    committed.set()
    await house.counted(session_id, ViewerCount(1, 0))
    await viewer.close()
    await house.counted(session_id, ViewerCount(0, 0))


async def test_what_the_server_said_last_arrives_before_the_close(house: House) -> None:
    """A megabyte that is under way when the agent leaves is not lost."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, _, writer = await connected(house, agent, await house.ticket(session_id))
    writer.write(CHUNK * 16)
    writer.close()
    received = 0
    while received < 16 * len(CHUNK):
        received += len(await viewer.receive_bytes())
    assert await closed(viewer) == 1011


async def test_a_viewer_that_leaves_while_it_waits_leaves_nothing(house: House) -> None:
    """The stream is forgotten, nobody was counted, the ticket can be used again."""
    session_id = await house.sessions.run(TOKEN)
    path = await house.ticket(session_id)
    with pytest.raises((aiohttp.ClientError, TimeoutError)):
        async with asyncio.timeout(0.05):
            await house.view(path)
    await until(lambda: not house.relay._rendezvous._awaited)
    assert house.counts() == []
    agent = await house.agent()
    asking = asyncio.create_task(house.view(path))
    await agent.open_display()
    await (await asking).close()


async def test_an_agent_that_connects_is_told_of_its_own_sessions_displays(house: House) -> None:
    """Who waits for another session is not its business."""
    house.relay._rendezvous._deadline_seconds = 5.0
    session_id = await house.sessions.run(TOKEN)
    await house.sessions.run("other")
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    await until(lambda: bool(house.relay._rendezvous._awaited))
    other, agent = await house.agent("other"), await house.agent()
    await agent.open_display()
    await (await asking).close()
    assert other.commands.empty()


async def test_a_viewers_ping_is_answered(house: House) -> None:
    """By the pump, which takes turns, and not by aiohttp."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    url = f"http://relay{await house.ticket(session_id)}"
    asking = asyncio.create_task(house.web.ws_connect(url, autoping=False))
    await agent.open_display()
    viewer = await asking
    await viewer.ping(b"still there?")
    async with asyncio.timeout(10):
        answer = await viewer.receive()
    assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"still there?")
    await viewer.close()

"""An agent passes its X server's socket, and no byte goes by way of it any more."""

from __future__ import annotations

import asyncio
import socket
import struct

import aiohttp
import pytest

from supervisor.lifecycle.session import ViewerCount
from supervisor.lifecycle.transitions import CloseCode
from tests.unit.relay import rfb_messages as rfb
from tests.unit.relay import rfb_server_messages as server
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.passing import Passed, passed, passing
from tests.unit.relay.pictures import fetch, noise, picture
from tests.unit.relay.viewing import closed
from tests.unit.relay.x_server import XServer

SMALL, MIDDLING, LARGE = b"x" * 125, b"y" * 65_535, b"z" * 300_000


async def display(house: House, mode: str = "control") -> Passed:
    """A viewer of a session of its own."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id, mode=mode)
    shown = await passed(house, agent, house.view(path))
    await house.counted(session_id, ViewerCount(mode == "control", mode == "view"))
    return shown


async def received(viewer: aiohttp.ClientWebSocketResponse, count: int) -> bytes:
    """So many bytes, in however many messages."""
    content = b""
    async with asyncio.timeout(10):
        while len(content) < count:
            content += await viewer.receive_bytes()
    return content


async def test_bytes_travel_both_ways(house: House) -> None:
    """In frames of every kind of length; input is noted as ever."""
    shown = await display(house)
    for content in (SMALL, SMALL + b"x", MIDDLING, MIDDLING + b"y", LARGE):
        saying = asyncio.create_task(shown.say(content))
        assert await received(shown.viewer, len(content)) == content
        await saying
    await shown.viewer.send_bytes(rfb.OPENING + rfb.KEY)
    assert await shown.heard(len(rfb.OPENING + rfb.KEY)) == rfb.OPENING + rfb.KEY
    assert len(house.inputs) == 1


async def test_pings_and_pictures_share_a_connection(house: House) -> None:
    """Frames of the relay's own making stand between aiohttp's."""
    shown = await display(house)
    for _ in range(3):
        await shown.viewer.ping(b"still there?")
        saying = asyncio.create_task(shown.say(LARGE))
        assert await received(shown.viewer, len(LARGE)) == LARGE
        await saying
    await shown.viewer.close()
    assert shown.viewer.close_code == 1000


async def test_a_view_only_viewers_input_does_not_arrive(house: House) -> None:
    """Whichever way its bytes go."""
    shown = await display(house, "view")
    await shown.viewer.send_bytes(rfb.OPENING + b"".join(rfb.INPUT) + rfb.UPDATE_REQUEST)
    expected = rfb.OPENING + rfb.UPDATE_REQUEST
    assert await shown.heard(len(expected)) == expected
    await shown.say(server.GREETING + server.cut_text() + server.BELL)
    expected = server.GREETING + server.BELL
    assert await received(shown.viewer, len(expected)) == expected
    assert house.inputs == []


async def test_what_cannot_be_framed_ends_a_view_only_display(house: House) -> None:
    """What follows it could be anything."""
    shown = await display(house, "view")
    await shown.viewer.send_bytes(rfb.OPENING)
    assert await shown.heard(len(rfb.OPENING)) == rfb.OPENING
    await shown.say(server.GREETING)
    assert await received(shown.viewer, len(server.GREETING)) == server.GREETING
    await shown.say(b"\xee")
    assert await closed(shown.viewer) == 1008


async def test_pictures_pass_a_sieve_whole(house: House) -> None:
    """In pieces that are all picture, and pieces that are not; clipboards between them do not."""
    shown = await display(house, "view")
    await shown.viewer.send_bytes(rfb.OPENING)
    assert await shown.heard(len(rfb.OPENING)) == rfb.OPENING
    pixels = bytes(range(256)) * 4 * 1000
    update = server.update(struct.pack(">HHHHi", 0, 0, 256, 1000, 0) + pixels)
    said = server.GREETING + (update + server.cut_text()) * 4 + update
    expected = server.GREETING + update * 5
    saying = asyncio.create_task(shown.say(said))
    assert await received(shown.viewer, len(expected)) == expected
    await saying


async def test_the_shortest_messages_are_looked_at_in_turns(house: House) -> None:
    """A quarter of a megabyte of them is more than one turn takes; nothing is lost."""
    shown = await display(house, "view")
    await shown.viewer.send_bytes(rfb.OPENING)
    assert await shown.heard(len(rfb.OPENING)) == rfb.OPENING
    flood = server.GREETING + server.BELL * 200_000
    saying = asyncio.create_task(shown.say(flood))
    turns = 0
    receiving = asyncio.create_task(received(shown.viewer, len(flood)))
    while not receiving.done():
        turns += 1
        await asyncio.sleep(0)
    assert await receiving == flood
    assert turns > 50
    await saying


@pytest.mark.parametrize("end", ["viewer", "x_server", "lifeline"])
async def test_an_end_of_one_is_the_end_of_all(house: House, end: str) -> None:
    """The viewer's, the X server's, and that of the connection on which it was passed."""
    shown = await display(house)
    if end == "viewer":
        await shown.viewer.close()
    elif end == "x_server":
        shown.x_server.close()
    else:
        shown.lifeline.close()
    if end != "viewer":
        assert await closed(shown.viewer) == 1011
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        for other in (shown.x_server, shown.lifeline):
            assert other.fileno() < 0 or await loop.sock_recv(other, 64) == b""


async def test_a_viewer_is_put_out_with_a_code(house: House) -> None:
    """And the X server sees it go."""
    shown = await display(house)
    (session_id,) = house.sessions.sessions
    house.relay.close_viewers(session_id, CloseCode.SUSPENDED)
    assert await closed(shown.viewer) == CloseCode.SUSPENDED
    assert await shown.heard(1) == b""


async def test_a_viewer_that_does_not_read_pauses_its_x_server(house: House) -> None:
    """What is in between is bounded; when the viewer reads again nothing is missing."""
    shown = await display(house)
    assert shown.viewer._response.connection is not None
    transport = shown.viewer._response.connection.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    sent = 0
    with pytest.raises(TimeoutError):  # noqa: PT012 it is the loop that gets stuck
        while sent < 16 * 1024 * 1024:
            async with asyncio.timeout(0.5):
                sent += await _some(shown.x_server)
    assert sent < 16 * 1024 * 1024, "nothing holds the X server back"
    transport.resume_reading()
    assert len(await received(shown.viewer, sent)) == sent


async def test_an_x_server_that_does_not_read_pauses_its_viewer(house: House) -> None:
    """Which can be put out nevertheless."""
    shown = await display(house)
    await shown.viewer.send_bytes(rfb.OPENING)
    message = b"\x06\0\0\0" + (60_000).to_bytes(4, "big") + bytes(60_000)
    sent = len(rfb.OPENING)
    with pytest.raises(TimeoutError):  # noqa: PT012 it is the loop that gets stuck
        while sent < 16 * 1024 * 1024:
            async with asyncio.timeout(0.5):
                await shown.viewer.send_bytes(message)
                sent += len(message)
    assert len(await shown.heard(sent)) >= sent
    (session_id,) = house.sessions.sessions
    house.relay.close_viewers(session_id, CloseCode.DISCONNECTED)
    assert await closed(shown.viewer) == CloseCode.DISCONNECTED


async def test_a_screenshot_is_taken_by_a_passed_socket(house: House) -> None:
    """The relay's own display is as others are."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(fetch(house, session_id))
    lifeline = await agent.offer_display()
    relays, x_server = socket.socketpair()
    with relays:
        assert await passing(lifeline, relays.fileno()) == b"TAKEN\n"
    reader, writer = await asyncio.open_unix_connection(sock=x_server)
    image = noise()
    await XServer(image).serve(reader, writer)
    status, _, png = await asking
    assert status == 200
    assert picture(png).tobytes() == image.tobytes()
    writer.close()


async def test_an_agent_that_passes_nothing_pumps(house: House) -> None:
    """As where its call fails, or a security module takes the descriptor away."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    lifeline = await agent.offer_display()
    assert await passing(lifeline) == b"PUMP\n"
    viewer = await asking
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(lifeline, LARGE)
    assert await received(viewer, len(LARGE)) == LARGE
    await viewer.send_bytes(rfb.OPENING)
    assert await loop.sock_recv(lifeline, 64) == rfb.OPENING
    await viewer.close()


async def test_an_agent_that_vanishes_on_the_way_is_told_of(house: House) -> None:
    """Its viewer is let in and put out, as with one that never reached its X server."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    lifeline = await agent.offer_display()
    lifeline.close()
    assert await closed(await asking) == 1011


async def test_what_comes_behind_the_handshake_is_not_swallowed(house: House) -> None:
    """A descriptor that came with it would be lost: such an agent is refused."""
    await house.sessions.run(TOKEN)
    agent = await house.agent()
    answer, *_ = await agent.dial("s descriptor\nDESCRIPTOR")
    assert answer == b"ERROR bad_handshake\n"


async def _some(sock: socket.socket) -> int:
    """Send what goes at once, or wait."""
    loop = asyncio.get_running_loop()
    try:
        return sock.send(bytes(65536))
    except BlockingIOError:
        await loop.sock_sendall(sock, b"x")
        return 1

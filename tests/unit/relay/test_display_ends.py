"""Every way a viewer's display ends, and what the viewer is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from supervisor.lifecycle.facts import ClipboardBounded, CommandExited
from supervisor.lifecycle.session import ClipboardPolicy, SessionId, ViewerCount
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.rfb_messages import CUT_TEXT, KEY, OPENING
from tests.unit.relay.viewing import closed, connected, refused

Ending = Callable[[House, SessionId, asyncio.StreamWriter], Awaitable[object]]


async def _disconnect(house: House, session_id: SessionId, _: asyncio.StreamWriter) -> None:
    async with house.web.post(f"http://relay/v1/sessions/{session_id}/disconnect") as response:
        assert response.status == 200
        # The answer already shows them gone.
        assert (await response.json())["viewers"] == {"control": 0, "view": 0}


async def _end(house: House, session_id: SessionId, _: asyncio.StreamWriter) -> None:
    await house.sessions.end(session_id)


async def _suspend(house: House, session_id: SessionId, _: asyncio.StreamWriter) -> None:
    house.relay.close_viewers(session_id, 4002)


async def _exit(house: House, session_id: SessionId, writer: asyncio.StreamWriter) -> None:
    await house.sessions.submit(session_id, CommandExited(5, 0))
    writer.close()


async def _lose(_house: House, _session_id: SessionId, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _revoke(house: House, session_id: SessionId, _: asyncio.StreamWriter) -> None:
    async with house.web.delete(f"http://relay/v1/sessions/{session_id}/tickets") as response:
        assert response.status == 204


async def _forget(house: House, session_id: SessionId, writer: asyncio.StreamWriter) -> None:
    await house.sessions.purge(session_id)
    writer.close()


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (_disconnect, 4000),
        (_end, 4001),
        (_exit, 4001),
        (_forget, 4001),
        (_suspend, 4002),
        (_revoke, 4003),
        (_lose, 1011),
    ],
)
async def test_a_viewer_is_told_why_it_is_put_out(house: House, ending: Ending, code: int) -> None:
    """Each cause has its close code; what the server said before still arrives."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id, uses=2)
    viewer, _, writer = await connected(house, agent, path)
    await house.counted(session_id, ViewerCount(1, 0))
    writer.write(b"last words")
    assert await viewer.receive_bytes() == b"last words"
    ended = asyncio.create_task(closed(viewer))
    await ending(house, session_id, writer)
    assert await ended == code
    if code != 4001:
        await house.counted(session_id, ViewerCount(0, 0))


async def test_revoking_spares_who_came_by_a_ticket_that_is_used_up(house: House) -> None:
    """Only tickets that could still admit somebody are revoked."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, _, writer = await connected(house, agent, await house.ticket(session_id))
    async with house.web.delete(f"http://relay/v1/sessions/{session_id}/tickets") as response:
        assert response.status == 204
    writer.write(b"still here")
    assert await viewer.receive_bytes() == b"still here"
    await viewer.close()


async def test_other_terms_are_for_those_in_control(house: House) -> None:
    """They are told to come again; who only looks stays, and who comes next has the new terms."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, _, _ = await connected(house, agent, await house.ticket(session_id))
    path = await house.ticket(session_id, mode="view")
    guest, _, to_guest = await connected(house, agent, path)
    ended = asyncio.create_task(closed(viewer))
    await house.sessions.submit(session_id, ClipboardBounded(ClipboardPolicy.OFF))
    assert await ended == 4004
    to_guest.write(b"RFB 003.008\n")
    assert await guest.receive_bytes() == b"RFB 003.008\n"
    again, from_viewer, _ = await connected(house, agent, await house.ticket(session_id))
    await again.send_bytes(OPENING + CUT_TEXT + KEY)
    assert await from_viewer.readexactly(len(OPENING + KEY)) == OPENING + KEY
    await again.close()
    await guest.close()


async def test_a_viewer_who_waits_is_put_out_as_well(house: House) -> None:
    """The session ends before the agent dials: 409, and at once."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(refused(house, await house.ticket(session_id)))
    stream = (await agent.commands.get())["stream"]
    await house.sessions.end(session_id)
    assert await asking == 409
    assert (await agent.dial(stream))[0] == b"ERROR unauthorized\n"

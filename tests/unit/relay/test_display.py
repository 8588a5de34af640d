"""A viewer's way to a display, and every way it is refused."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from structlog.testing import capture_logs

from supervisor.errors import StoreError
from supervisor.lifecycle.facts import Fact, ViewersChanged
from supervisor.lifecycle.session import Phase, Session, ViewerCount, known_phase
from tests.support.turning import until
from tests.unit.relay import rfb_messages as rfb
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.test_web_api import problem
from tests.unit.relay.viewing import closed, connected, refused


async def test_bytes_travel_both_ways_and_viewers_are_counted(house: House) -> None:
    """Control and view-only viewers, each with a stream of its own."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    one, reader, writer = await connected(house, agent, await house.ticket(session_id))
    assert one.protocol == "binary"
    writer.write(b"from the server")
    assert await one.receive_bytes() == b"from the server"
    await one.send_bytes(rfb.OPENING)
    await one.send_bytes(rfb.KEY)
    assert await reader.readexactly(len(rfb.OPENING + rfb.KEY)) == rfb.OPENING + rfb.KEY
    assert house.inputs == [(session_id, house.clock.now)]
    await house.counted(session_id, ViewerCount(1, 0))
    other, *_ = await connected(house, agent, await house.ticket(session_id, mode="view"))
    await house.counted(session_id, ViewerCount(1, 1))
    await one.close()
    assert await reader.read() == b""
    await house.counted(session_id, ViewerCount(0, 1))
    await other.close()
    await house.counted(session_id, ViewerCount(0, 0))


async def test_a_view_only_viewers_input_does_not_arrive(house: House) -> None:
    """All kinds of it, in one message and cut in pieces; what asks for pictures does."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id, mode="view")
    viewer, reader, _ = await connected(house, agent, path)
    stream = rfb.OPENING + b"".join(rfb.INPUT) + rfb.UPDATE_REQUEST
    for byte in stream:
        await viewer.send_bytes(bytes([byte]))
    await viewer.send_bytes(b"".join(rfb.INPUT) + rfb.FENCE)
    expected = rfb.OPENING + rfb.UPDATE_REQUEST + rfb.FENCE
    assert await reader.readexactly(len(expected)) == expected
    await viewer.send_bytes(b"\x99")
    assert await closed(viewer) == 1008
    assert await reader.read() == b""
    assert house.inputs == []


async def test_a_viewer_that_vanishes_is_uncounted(house: House) -> None:
    """Without a close frame."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, reader, _ = await connected(house, agent, await house.ticket(session_id))
    await house.counted(session_id, ViewerCount(1, 0))
    transport = viewer.get_extra_info("socket")
    assert transport is not None
    assert viewer._response.connection is not None
    assert viewer._response.connection.transport is not None
    viewer._response.connection.transport.abort()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    await house.counted(session_id, ViewerCount(0, 0))


async def test_a_count_that_cannot_be_stored_is_posted_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full for a moment does not leave a session without viewers, which it has."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    submit, failures = house.sessions.submit, 2

    async def fail(of: str, fact: Fact) -> Session:
        nonlocal failures
        if failures and isinstance(fact, ViewersChanged):
            failures -= 1
            raise StoreError("The disk is full.")
        return await submit(of, fact)

    monkeypatch.setattr(house.sessions, "submit", fail)
    viewer, *_ = await connected(house, agent, await house.ticket(session_id))
    await house.counted(session_id, ViewerCount(1, 0))
    assert failures == 0
    await viewer.close()


async def test_a_ticket_is_single_use(house: House) -> None:
    """The second viewer gets 401."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id)
    viewer, *_ = await connected(house, agent, path)
    assert await refused(house, path) == 401
    await viewer.close()
    assert await refused(house, path) == 401


async def test_bad_tickets_are_refused(house: House) -> None:
    """None, wrong, of another session, expired, revoked: 401."""
    session_id = await house.sessions.run(TOKEN)
    other = await house.sessions.run("other")
    base = f"/v1/sessions/{session_id}/display"
    assert await refused(house, base) == 401
    assert await refused(house, f"{base}?ticket=wrong") == 401
    path = await house.ticket(other)
    assert await refused(house, path.replace(other, session_id)) == 401
    path = await house.ticket(session_id)
    house.clock.now += 31
    assert await refused(house, path) == 401
    path = await house.ticket(session_id)
    async with house.web.delete(f"http://relay/v1/sessions/{session_id}/tickets") as response:
        assert response.status == 204
    assert await refused(house, path) == 401


@pytest.mark.parametrize("covered", [False, True], ids=["suspended", "unknown over suspended"])
async def test_connecting_resumes_a_suspended_session(house: House, covered: bool) -> None:  # noqa: FBT001 a parameter
    """Whoever comes is let in after a short wait, and the session runs."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id)
    if covered:
        house.sessions.force(session_id, phase=Phase.UNKNOWN, known_phase=Phase.SUSPENDED)
    else:
        house.sessions.force(session_id, phase=Phase.SUSPENDED)
    viewer, reader, _ = await connected(house, agent, path)
    await viewer.send_bytes(rfb.OPENING)
    assert await reader.readexactly(len(rfb.OPENING)) == rfb.OPENING
    assert known_phase(house.sessions.get(session_id)) is Phase.RUNNING
    await viewer.close()


async def test_asking_without_a_websocket_resumes_nothing(house: House) -> None:
    """A plain GET is no viewer."""
    session_id = await house.sessions.run(TOKEN)
    path = await house.ticket(session_id)
    house.sessions.force(session_id, phase=Phase.SUSPENDED)
    async with house.web.get(f"http://relay{path}") as response:
        assert response.status == 426
    assert house.sessions.get(session_id).phase is Phase.SUSPENDED


async def test_suspending_puts_viewers_out(house: House) -> None:
    """With the close code that says why, in control or not."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    one, *_ = await connected(house, agent, await house.ticket(session_id))
    other, *_ = await connected(house, agent, await house.ticket(session_id, mode="view"))
    async with house.web.post(f"http://relay/v1/sessions/{session_id}/suspend") as response:
        assert response.status == 202
        assert (await response.json())["phase"] == "suspended"
    assert [await closed(one), await closed(other)] == [4002, 4002]


@pytest.mark.parametrize("phase", set(Phase) - {Phase.RUNNING, Phase.SUSPENDED, Phase.UNKNOWN})
async def test_a_phase_without_a_display_is_a_conflict(house: House, phase: Phase) -> None:
    """409, and the ticket is still good when the session runs."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id)
    house.sessions.force(session_id, phase=phase)
    assert await refused(house, path) == 409
    house.sessions.force(session_id, phase=Phase.UNKNOWN, known_phase=phase)
    assert await refused(house, path) == 409
    house.sessions.force(session_id, phase=Phase.UNKNOWN, known_phase=Phase.RUNNING)
    viewer, *_ = await connected(house, agent, path)
    await viewer.close()


async def test_a_plain_request_is_told_to_upgrade(house: House) -> None:
    """426, without costing the ticket."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id)
    async with house.web.get(f"http://relay{path}") as response:
        await problem(response, 426, "upgrade_required")
    viewer, *_ = await connected(house, agent, path)
    await viewer.close()


async def test_the_viewers_socket_has_the_display_alone(house: House) -> None:
    """The ticket admits there, too; nothing else is answered."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = await house.ticket(session_id)
    connector = aiohttp.UnixConnector(path=str(house.config.viewer_socket))
    async with aiohttp.ClientSession(connector=connector) as http:
        async with http.get("http://relay/v1/sessions") as response:
            await problem(response, 404, "not_found")
        asking = asyncio.create_task(http.ws_connect(f"http://relay{path}"))
        _, writer = await agent.open_display()
        viewer = await asking
        writer.write(b"RFB")
        assert await viewer.receive_bytes() == b"RFB"
        await viewer.close()


async def test_an_agent_that_comes_back_in_time_is_told_again(house: House) -> None:
    """The viewer came while there was no control stream."""
    session_id = await house.sessions.run(TOKEN)
    path = await house.ticket(session_id)
    asking = asyncio.create_task(house.view(path))
    await until(lambda: bool(house.relay._rendezvous._awaited))
    agent = await house.agent()
    await agent.open_display()
    await (await asking).close()


async def test_a_display_is_for_the_session_it_is_of(house: House) -> None:
    """Another session's token, a wrong one, an unknown or used stream, or nonsense: refused."""
    session_id = await house.sessions.run(TOKEN)
    await house.sessions.run("mallory")
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    stream = (await agent.commands.get())["stream"]
    assert (await agent.dial(stream, "mallory"))[0] == b"ERROR unknown_stream\n"
    assert (await agent.dial(stream, "wrong"))[0] == b"ERROR unauthorized\n"
    assert (await agent.dial("nonsense"))[0] == b"ERROR unknown_stream\n"
    assert (await agent.dial("a b"))[0] == b"ERROR bad_handshake\n"
    assert (await agent.dial("x" * 600))[0] == b"ERROR bad_handshake\n"
    assert (await agent.dial("\u00e9"))[0] == b"ERROR bad_handshake\n"
    assert (await agent.dial(stream))[0] == b"OK\n"
    await asking
    assert (await agent.dial(stream))[0] == b"ERROR unknown_stream\n"


async def test_a_display_that_may_yet_be_known_is_put_off(house: House) -> None:
    """While sessions are taken over, a token that is not known is not called wrong."""
    house.sessions.all_known = False
    await house.sessions.run(TOKEN)
    agent = await house.agent()
    assert (await agent.dial("any", "other"))[0] == b"ERROR unavailable\n"
    assert (await agent.dial("any"))[0] == b"ERROR unknown_stream\n"


async def test_text_is_refused(house: House) -> None:
    """1003."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, *_ = await connected(house, agent, await house.ticket(session_id))
    await viewer.send_str("hello")
    assert await closed(viewer) == 1003


async def test_a_message_beyond_the_bound_is_refused(house: House) -> None:
    """1009, from the length alone."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, *_ = await connected(house, agent, await house.ticket(session_id))
    assert viewer._response.connection is not None
    assert viewer._response.connection.transport is not None
    viewer._response.connection.transport.write(b"\x82\xff" + (2**21).to_bytes(8, "big") + b"mask")
    assert await closed(viewer) == 1009


async def test_the_input_note_is_of_viewers_in_control(house: House) -> None:
    """And keeps the time."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, reader, _ = await connected(house, agent, await house.ticket(session_id))
    house.clock.now += 5
    await viewer.send_bytes(rfb.OPENING + rfb.POINTER)
    await reader.readexactly(len(rfb.OPENING + rfb.POINTER))
    assert house.inputs == [(session_id, house.clock.now)]


async def test_no_secret_is_logged_and_every_line_names_its_session(house: House) -> None:
    """Neither token nor ticket, whether they are right or wrong."""
    with capture_logs() as lines:
        session_id = await house.sessions.run(TOKEN)
        agent = await house.agent()
        path = await house.ticket(session_id, guest="bob")
        viewer, *_ = await connected(house, agent, path)
        assert await refused(house, path) == 401
        assert (await agent.dial("stream", "wrong-token"))[0].startswith(b"ERROR")
        await viewer.close()
        await house.counted(session_id, ViewerCount(0, 0))
    assert {"viewer_connected", "viewer_disconnected"} <= {line["event"] for line in lines}
    of_strangers = [line for line in lines if line["event"] == "offence_noted"]
    assert [line["offence"] for line in of_strangers] == ["wrong_tokens"]
    assert {line["session_id"] for line in lines if line not in of_strangers} == {session_id}
    written = repr(lines)
    for secret in (TOKEN, "wrong-token", path.partition("ticket=")[2]):
        assert secret not in written

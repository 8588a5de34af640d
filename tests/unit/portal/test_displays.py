"""Displays: handed to the relay, or carried to it as they are, and ended with what they came by."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.rfb_client import VERSION
from tests.support.turning import until
from tests.unit.portal.conftest import Site
from tests.unit.portal.test_shares import shared, token_of
from tests.unit.portal.viewing import admitted, code_of, opened, refused


@pytest.fixture(params=[True, False], ids=["handed", "carried"])
def portal_config(request: pytest.FixtureRequest, portal_config: dict[str, Any]) -> dict[str, Any]:
    """Whoever serves them, it is the same for people."""
    return {**portal_config, "upstream": {"hand_over": request.param}}


async def written_until_stuck(writer: asyncio.StreamWriter, most_bytes: int) -> int:
    """How many bytes are taken before nobody takes any more."""
    written = 0
    while written < most_bytes:
        writer.write(bytes(1024 * 1024))
        written += 1024 * 1024
        try:
            async with asyncio.timeout(1):
                await writer.drain()
        except (TimeoutError, ConnectionError):
            # Nothing is taken, or the relay has given the viewer up.
            break
    return written


async def test_bytes_go_both_ways(site: Site) -> None:
    """Large and small, in order, with the subprotocol that was agreed on."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, reader, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    assert socket.protocol == "binary"
    picture = bytes(range(256)) * 8192
    writer.write(picture)
    received = b""
    while len(received) < len(picture):
        received += await socket.receive_bytes()
    assert received == picture
    await socket.send_bytes(VERSION)
    assert await reader.readexactly(len(VERSION)) == VERSION


async def test_the_owner_is_seen_by_name(site: Site) -> None:
    """And the page finds itself by its connection."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    await opened(site, alice, agent, admission)
    (viewer,) = (await alice.get(f"/api/sessions/{session_id}/viewers")).object["viewers"]
    assert viewer["connection"] == admission["connection"]
    assert (viewer["name"], viewer["mode"]) == ("Alice Liddell", "control")


async def test_the_log_tells_whose_display_was_opened(
    site: Site, portal_config: dict[str, Any]
) -> None:
    """The user, the connection, and who serves it and will tell its end."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    with capture_logs() as logs:
        await opened(site, alice, agent, admission)
        await until(lambda: any(each["event"] == "display_opened" for each in logs))
    (line,) = [each for each in logs if each["event"] == "display_opened"]
    assert (line["user"], line["connection"]) == ("alice", admission["connection"])
    is_handed = portal_config["upstream"]["hand_over"]
    assert line["carried_by"] == ("relay" if is_handed else "portal")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
async def test_other_origins_open_no_display(site: Site, origin: str) -> None:
    """403, though the ticket is good."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    assert await refused(alice, admission["path"], origin) == 403


async def test_a_ticket_is_used_once(site: Site) -> None:
    """401 the second time, and the page can ask why."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    await opened(site, alice, agent, admission)
    assert await refused(alice, admission["path"]) == 401
    told = await alice.get(f"/api/connections/{admission['connection']}")
    assert told.object["refused"]["code"] == "ticket_invalid"
    assert await refused(alice, f"/v1/sessions/{session_id}/display?ticket=x") == 401
    assert await refused(alice, f"/v1/sessions/{session_id}/display") == 401
    nothing = await alice.get("/api/connections/0123456789abcdef")
    assert nothing.object == {"refused": None}


async def test_a_ticket_is_for_the_browser_that_asked(site: Site) -> None:
    """401 in any other, signed in or not: one that was seen somewhere is worth nothing."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    for other in (site.browser(), await site.signed_in("alice"), await site.signed_in("dora")):
        assert await refused(other, admission["path"]) == 401
    await opened(site, alice, agent, admission)


async def test_a_ticket_opens_the_session_it_is_for(site: Site) -> None:
    """401 at another one's display."""
    mine, other = await site.session(), await site.session("bob", "other-token")
    alice = await site.signed_in("alice")
    admission = await admitted(alice, mine)
    assert await refused(alice, admission["path"].replace(mine, other)) == 401


async def test_without_a_display_there_is_no_admission(site: Site) -> None:
    """409, which a WebSocket could not say."""
    session_id = await site.house.sessions.prepare("token-of-alice")
    alice = await site.signed_in("alice")
    path = f"/api/sessions/{session_id}/connect"
    reply = await alice.post(path, {})
    assert (reply.status, reply.code) == (409, "not_connectable")
    assert "starting" in reply.object["detail"]


async def test_a_session_that_ended_meanwhile_is_told(site: Site) -> None:
    """The relay's refusal is the upgrade's answer, and is kept for the page."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    await site.house.sessions.end(session_id)
    assert await refused(alice, admission["path"]) in {401, 409}
    told = await alice.get(f"/api/connections/{admission['connection']}")
    assert told.object["refused"]["code"] in {"ticket_invalid", "not_connectable"}


async def test_the_relays_close_codes_arrive(site: Site) -> None:
    """4000 for viewers who are put out by request."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, _, _ = await opened(site, alice, agent, await admitted(alice, session_id))
    asking = asyncio.create_task(alice.post(f"/api/sessions/{session_id}/disconnect"))
    assert await code_of(socket) == 4000
    assert (await asking).status == 200


async def test_a_share_that_is_ended_puts_its_guests_out(site: Site) -> None:
    """4003 for those who came by it, and for nobody else; its tickets are void."""
    session_id, agent = await site.session(), await site.agent()
    alice, guest = await site.signed_in("alice"), site.browser()
    share, other = [await shared(alice, session_id) for _ in range(2)]
    mine, *_ = await opened(site, alice, agent, await admitted(alice, session_id))
    sockets = []
    for each in (share, other):
        knock = {"token": token_of(each), "guest": "Bob"}
        admission = (await guest.post("/api/shared/connect", knock)).object
        sockets.append((await opened(site, guest, agent, admission))[0])
    unused = (await guest.post("/api/shared/connect", {"token": token_of(share)})).object
    assert (await alice.call("DELETE", f"/api/shares/{share['id']}")).status == 204
    assert await code_of(sockets[0]) == 4003
    assert await refused(guest, unused["path"]) == 401
    assert not sockets[1].closed
    assert not mine.closed
    viewers = (await alice.get(f"/api/sessions/{session_id}/viewers")).object["viewers"]
    assert sorted(each["name"] for each in viewers) == ["Alice Liddell", "Bob (by link)"]


async def test_a_share_that_expires_puts_its_guests_out(site: Site) -> None:
    """4003, without anybody doing anything."""
    session_id, agent = await site.session(), await site.agent()
    alice, guest = await site.signed_in("alice"), site.browser()
    share = await shared(alice, session_id, expires_in_seconds=60)
    admission = (await guest.post("/api/shared/connect", {"token": token_of(share)})).object
    socket, *_ = await opened(site, guest, agent, admission)
    site.clock.now += 60
    assert await code_of(socket) == 4003


async def test_a_guest_by_name_is_put_out_too(site: Site) -> None:
    """By the share, though they stay signed in."""
    session_id, agent = await site.session(), await site.agent()
    alice, bob = await site.signed_in("alice"), await site.signed_in("bob")
    share = await shared(alice, session_id, user="bob")
    socket, *_ = await opened(site, bob, agent, await admitted(bob, session_id, "view"))
    await alice.call("DELETE", f"/api/shares/{share['id']}")
    assert await code_of(socket) == 4003
    assert (await bob.get("/api/me")).status == 200


async def test_viewers_that_went_past_the_portal_are_put_out_too(site: Site) -> None:
    """A proxy may route displays to the relay itself: labels tell whose they are."""
    session_id, agent = await site.session(), await site.agent()
    alice, guest = await site.signed_in("alice"), site.browser()
    share = await shared(alice, session_id)
    admission = (await guest.post("/api/shared/connect", {"token": token_of(share)})).object
    asking = asyncio.create_task(site.house.view(admission["path"]))
    await agent.open_display()
    passed_by = await asking
    mine = asyncio.create_task(site.house.view((await admitted(alice, session_id))["path"]))
    await agent.open_display()
    await alice.call("DELETE", f"/api/shares/{share['id']}")
    assert await code_of(passed_by) == 4003
    await alice.post("/api/sign-out")
    assert await code_of(await mine) == 4401


async def test_a_display_ends_with_its_sign_in(site: Site) -> None:
    """4401 for this browser's; another one's of the same user stays."""
    session_id, agent = await site.session(), await site.agent()
    here, there = await site.signed_in("alice"), await site.signed_in("alice")
    mine, *_ = await opened(site, here, agent, await admitted(here, session_id))
    other, *_ = await opened(site, there, agent, await admitted(there, session_id))
    unused = await admitted(here, session_id)
    await here.post("/api/sign-out")
    assert await code_of(mine) == 4401
    assert await refused(here, unused["path"]) == 401
    await other.ping()
    assert not other.closed


async def test_a_verdict_waits_for_the_end_of_a_frame(site: Site) -> None:
    """However much is on its way: what arrives is whole frames, then the close."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, _, writer = await opened(site, alice, agent, await admitted(alice, session_id))
    for _ in range(64):
        writer.write(bytes(65_536))
    await socket.receive_bytes()
    await alice.post("/api/sign-out")
    assert await code_of(socket) == 4401


async def test_a_browser_that_takes_nothing_stops_the_picture(site: Site) -> None:
    """What is held for it is bounded, and the agent is not read any further."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    port = int(site.base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    head = (
        f"GET {admission['path']} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {site.base}\r\n"
        f"Cookie: fx_portal={alice.cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
    )
    writer.write(head.encode())
    _, agent_writer = await agent.open_display()
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    # As much as fits between the agent and the browser, and then no more.
    written = await written_until_stuck(agent_writer, 256 * 1024 * 1024)
    assert written < 64 * 1024 * 1024
    writer.transport.abort()
    await until(lambda: not site.portal._live._displays)


async def test_a_browser_that_leaves_is_a_viewer_less(site: Site) -> None:
    """Both ends are closed, and nothing of it is left in the portal."""
    session_id, agent = await site.session(), await site.agent()
    alice = await site.signed_in("alice")
    socket, reader, _ = await opened(site, alice, agent, await admitted(alice, session_id))
    await socket.close()
    assert await reader.read() == b""
    await until(lambda: not site.portal._live._displays)
    listed = await alice.get(f"/api/sessions/{session_id}/viewers")
    assert listed.object["viewers"] == []


@pytest.mark.parametrize(
    "header",
    [
        "Sec-WebSocket-Key: \N{SNOWMAN}".encode(),
        b"Sec-WebSocket-Key: x",
        b"Sec-WebSocket-Key: x\r\nTransfer-Encoding: chunked",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nTransfer-Encoding: chunked",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 40",
    ],
)
async def test_a_handshake_is_written_anew(site: Site, header: bytes) -> None:
    """Of a browser's head only a key goes to the relay; what could be two requests is refused."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    port = int(site.base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {admission['path']} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {site.base}\r\n"
        f"Cookie: fx_portal={alice.cookie}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n".encode()
        + header
        + b"\r\n\r\n"
    )
    writer.write(b"GET /v1/sessions HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert int(answer.split()[1]) in {400, 426}
    assert site.house.sessions.requests[1:] == []


@pytest.mark.parametrize("connection", ["", "keep-alive", "Upgrade-Insecure"])
async def test_nothing_is_upgraded_that_does_not_ask_for_it(site: Site, connection: str) -> None:
    """426 without `Connection: Upgrade`: a proxy between would go on to speak HTTP."""
    session_id = await site.session()
    alice = await site.signed_in("alice")
    admission = await admitted(alice, session_id)
    reply = await alice.call(
        "GET",
        admission["path"],
        headers={
            "Upgrade": "websocket",
            "Connection": connection,
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        },
    )
    assert (reply.status, reply.code) == (426, "upgrade_required")

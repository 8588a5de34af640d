"""Viewers whose connections a web server hands over: served as if they had come here."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.lifecycle.session import SessionId, ViewerCount
from tests.support.rfb_client import VERSION
from tests.unit.relay import rfb_messages as rfb
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.handing import (
    FORWARDED,
    Front,
    handing,
    head_of,
    over_tcp,
    over_unix,
)

Opened = Callable[[ExitStack, Path], Front]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
EITHER_WAY = pytest.mark.parametrize("way", [over_tcp, over_unix])
SWITCHING = b"HTTP/1.1 101 "


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens is closed with it."""
    with ExitStack() as opened:
        yield opened


async def handed(
    house: House, agent: FakeAgent, front: Front, session_id: SessionId, **wishes: object
) -> Streams:
    """A display whose viewer was handed over; the agent's end. The front keeps its copy."""
    head = head_of(await house.ticket(session_id, **wishes))
    telling = asyncio.create_task(handing(house, head, front.accepted.fileno()))
    streams = await agent.open_display()
    assert await telling == {"taken": True, "status": 101}
    assert (await front.heard(until=b"\r\n\r\n")).startswith(SWITCHING)
    return streams


def close_code(frame: bytes) -> int:
    """Of a close frame."""
    assert frame[0] == 0x88, frame
    code: int = struct.unpack_from(">H", frame, 2)[0]
    return code


def masked(content: bytes) -> bytes:
    """A viewer's frame, by a mask of zeros."""
    return bytes((0x82, 0x80 | len(content))) + bytes(4) + content


@EITHER_WAY
async def test_a_display_goes_on_without_the_web_server(
    house: House, stack: ExitStack, directory: Path, way: Opened
) -> None:
    """Both ways, when it has let go of its copy; and ends by the viewer."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = way(stack, directory)
    reader, writer = await handed(house, agent, front, session_id)
    front.accepted.close()
    writer.write(b"picture")
    assert await front.heard(count=9) == b"\x82\x07picture"
    front.viewer.send(masked(VERSION))
    assert await reader.readexactly(len(VERSION)) == VERSION
    await house.counted(session_id, ViewerCount(1, 0))
    front.viewer.close()
    await house.counted(session_id, ViewerCount(0, 0))
    assert await reader.read() == b""


@EITHER_WAY
async def test_a_refusal_is_the_viewers_and_told(
    house: House, stack: ExitStack, directory: Path, way: Opened
) -> None:
    """In the relay's words; the connection ends, though the web server keeps a copy."""
    session_id = await house.sessions.run(TOKEN)
    front = way(stack, directory)
    head = head_of(f"/v1/sessions/{session_id}/display?ticket=x")
    answer = await handing(house, head, front.accepted.fileno())
    assert (answer["taken"], answer["status"]) == (True, 401)
    assert answer["problem"]["code"] == "ticket_invalid"
    said = await front.heard()
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in said


async def test_what_a_viewer_says_early_is_no_request(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """It comes after the head, and so is frames, or nothing."""
    session_id = await house.sessions.run(TOKEN)
    front = over_tcp(stack, directory)
    front.viewer.send(head_of(await house.ticket(session_id)))
    head = head_of(f"/v1/sessions/{session_id}/display?ticket=x")
    assert (await handing(house, head, front.accepted.fileno()))["status"] == 401
    said = await front.heard()
    assert said.count(b"HTTP/1.1") == 1
    assert house.counts() == []


@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/handover", "/v1/viewers", "/metrics"])
async def test_a_viewer_is_let_to_a_display_and_nowhere_else(
    house: House, stack: ExitStack, directory: Path, path: str
) -> None:
    """Though a web server hands it over, it is none."""
    front = over_tcp(stack, directory)
    answer = await handing(house, head_of(path), front.accepted.fileno())
    assert (answer["status"], answer["problem"]["code"]) == (404, "not_found")
    assert (await front.heard()).startswith(b"HTTP/1.1 404 ")


async def test_who_only_looks_cannot_type(house: House, stack: ExitStack, directory: Path) -> None:
    """By the ticket, however they came."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = over_tcp(stack, directory)
    reader, writer = await handed(house, agent, front, session_id, mode="view")
    writer.write(VERSION)
    await front.heard(count=2 + len(VERSION))
    said = VERSION + b"\x01" + b"\x01"
    front.viewer.send(masked(said + rfb.KEY + rfb.UPDATE_REQUEST))
    passed = said + rfb.UPDATE_REQUEST
    assert await reader.readexactly(len(passed)) == passed


async def test_the_audit_trail_has_who_handed_it_over_and_from_where(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """The web server's process by the kernel's word, the viewer's address by the web server's."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = over_tcp(stack, directory)
    await handed(house, agent, front, session_id, guest="Bob")
    (act,) = house.trail.of("viewer.connect")
    assert (act.actor.uid, act.actor.pid) == (os.geteuid(), os.getpid())
    assert (act.actor.forwarded_for, act.actor.guest) == (FORWARDED, "Bob")
    front.viewer.close()
    await house.counted(session_id, ViewerCount(0, 0))
    assert house.trail.of("viewer.disconnect")[0].actor == act.actor


async def revoke(house: House, session_id: SessionId, **query: str) -> None:
    """By a label."""
    url = f"http://relay/v1/sessions/{session_id}/tickets"
    async with house.web.delete(url, params=query) as response:
        assert response.status == 204


@EITHER_WAY
@pytest.mark.parametrize(("query", "code"), [({}, 4003), ({"code": "4401"}, 4401)])
async def test_a_label_ends_it_though_a_copy_is_kept(  # noqa: PLR0913, PLR0917 fixtures
    house: House, stack: ExitStack, directory: Path, way: Opened, query: dict[str, str], code: int
) -> None:
    """With the web server's own code, if it has one, and then the end."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = way(stack, directory)
    await handed(house, agent, front, session_id, label="one")
    other = over_tcp(stack, directory)
    await handed(house, agent, other, session_id, label="two")
    await revoke(house, session_id, label="one", **query)
    assert close_code(await front.heard(count=4)) == code
    front.viewer.send(bytes((0x88, 0x82)) + bytes(4) + struct.pack(">H", code))
    assert await front.heard() == b""
    async with house.web.get("http://relay/v1/viewers") as response:
        viewers = (await response.json())["viewers"]
    assert [(each["session_id"], each["label"]) for each in viewers] == [(session_id, "two")]


async def test_a_relay_that_stops_says_so(house: House, stack: ExitStack, directory: Path) -> None:
    """1001, as to all viewers."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = over_tcp(stack, directory)
    await handed(house, agent, front, session_id)
    stopping = asyncio.create_task(house.relay.stop(2.0))
    assert close_code(await front.heard(count=4)) == 1001
    front.viewer.close()
    await stopping


async def test_all_viewers_are_listed_with_what_they_have_sent(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """Of all sessions."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = over_tcp(stack, directory)
    reader, writer = await handed(house, agent, front, session_id, label="one")
    writer.write(b"picture")
    await front.heard(count=9)
    front.viewer.send(masked(VERSION))
    await reader.readexactly(len(VERSION))
    async with house.web.get("http://relay/v1/viewers") as response:
        (viewer,) = (await response.json())["viewers"]
    carried = (viewer["to_viewer_bytes"], viewer["to_agent_bytes"])
    assert (viewer["session_id"], *carried) == (session_id, 7, len(VERSION))


class TestBounds:
    """Of connections, by the web server's user."""

    @pytest.fixture
    def limits(self) -> RelayLimits:
        """The call is a connection of web.sock's, and what it hands over counts apart."""
        return replace(LIMITS, connections_per_uid=2)

    async def test_what_a_web_server_hands_over_is_bounded(
        self, house: House, stack: ExitStack, directory: Path
    ) -> None:
        """One too many is let go at once; the web server is told that the viewer has left."""
        session_id, agent = await house.sessions.run(TOKEN), await house.agent()
        for _ in range(2):
            await handed(house, agent, over_tcp(stack, directory), session_id)
        front = over_tcp(stack, directory)
        head = head_of(await house.ticket(session_id))
        answer = await handing(house, head, front.accepted.fileno())
        assert answer == {"taken": True, "status": None}
        assert await front.heard() == b""


async def test_without_an_upgrade_nothing_is_awaited(house: House) -> None:
    """426, with the word that is missing."""
    for headers in ({}, {"Upgrade": "websocket"}, {"Upgrade": "fastx-connection"}):
        async with house.web.get("http://relay/v1/handover", headers=headers) as response:
            assert response.status == 426
            assert response.headers["Upgrade"] == "fastx-connection"


async def test_the_viewers_socket_takes_no_connections(house: House) -> None:
    """They are for who may use the web server's: 404."""
    connector = aiohttp.UnixConnector(path=str(house.config.viewer_socket))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get("http://relay/v1/handover") as response,
    ):
        assert response.status == 404


async def test_a_viewer_that_leaves_meanwhile_is_told(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """And its ticket is as good as before."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front = over_tcp(stack, directory)
    path = await house.ticket(session_id)
    telling = asyncio.create_task(handing(house, head_of(path), front.accepted.fileno()))
    while (await agent.commands.get())["type"] != "open_display":
        pass
    front.viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    front.viewer.close()
    assert await telling == {"taken": True, "status": None}

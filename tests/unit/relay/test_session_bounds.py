"""One user or one container cannot take a socket from the others."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from relay.agents.control import KEEP_ALIVE, ControlStreams
from relay.config import RelayLimits
from supervisor.lifecycle.session import SessionId
from tests.unit.relay.conftest import LIMITS, House


@pytest.fixture
def limits() -> RelayLimits:
    """Two connections, and half a second to say who one is."""
    return replace(
        LIMITS,
        connections_per_uid=2,
        handshakes_per_uid=2,
        handshake_seconds=0.5,
        body_seconds=0.2,
    )


@pytest.mark.parametrize("name", ["viewer", "web"])
async def test_connections_of_one_user_are_bounded(house: House, name: str) -> None:
    """The third is closed at once; when one of the two goes there is room again."""
    path = str(getattr(house.config, f"{name}_socket"))
    kept = [await asyncio.open_unix_connection(path) for _ in range(2)]
    for _, writer in kept:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for reader, _ in kept:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
    reader, writer = await asyncio.open_unix_connection(path)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    for _, writer in kept:
        writer.close()
        await writer.wait_closed()
    async with asyncio.timeout(5):
        answer = b""
        while not answer:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
    assert answer.startswith(b"HTTP/1.1 404")


async def test_silent_display_connections_are_bounded_and_timed_out(house: House) -> None:
    """The third puts out the oldest of two; the two are told and cut when their time is over."""
    path = str(house.config.display_socket)
    oldest, *silent = [await asyncio.open_unix_connection(path) for _ in range(3)]
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(oldest[0].read(), 5) == b""
    oldest[1].close()
    for reader, writer in silent:
        assert await asyncio.wait_for(reader.read(), 5) == b"ERROR bad_handshake\n"
        writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(house: House) -> None:
    """408 after the body's time."""
    reader, writer = await asyncio.open_unix_connection(str(house.config.web_socket))
    writer.write(b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 408 ")
    writer.close()
    await writer.wait_closed()


async def test_commands_for_an_agent_that_does_not_read_are_bounded() -> None:
    """Past the bound the next is refused; what was taken is written, and a display has room."""
    controls = ControlStreams(2)
    session_id = SessionId("01jd0000000000000000000001")
    assert not controls.send(session_id, {"type": "ping"})
    stream = controls.attach(session_id)
    assert [controls.send(session_id, {"type": "ping"}) for _ in range(3)] == [True, True, False]
    assert controls.send(session_id, {"type": "open_display"}, most=3)
    assert not controls.send(session_id, {"type": "open_display"}, most=3)
    async with aclosing(stream.lines(5.0)) as lines:
        written = [await anext(lines) for _ in range(4)]
    assert written == [KEEP_ALIVE, *[b'{"type": "ping"}\n'] * 2, b'{"type": "open_display"}\n']
    assert controls.send(session_id, {"type": "ping"})
    controls.detach(stream)

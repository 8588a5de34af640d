"""What is no display of a session gives no picture of it, and a reason."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from supervisor.lifecycle.session import Phase
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.pictures import HASTE, fetch, limits, noise, shown
from tests.unit.relay.test_web_api import URL, problem
from tests.unit.relay.x_server import VERSION, XServer, rectangle

__all__ = ["limits"]


def update(*rectangles: bytes, count: int | None = None) -> bytes:
    """A FramebufferUpdate."""
    number = len(rectangles) if count is None else count
    return struct.pack(">BxH", 0, number) + b"".join(rectangles)


HALF = rectangle(noise(), (0, 0, 60, 20))
GARBAGE = {
    "no RFB": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks"),
    "an old version": (b"RFB 003.003\n", "speaks"),
    "another version": (b"RFB 004.001\n", "speaks"),
    "a password": (VERSION + b"\x01\x02", "password"),
    "a refusal": (VERSION + b"\x00" + struct.pack(">I", 2**32 - 1), "password"),
    "a late refusal": (VERSION + b"\x01\x01" + struct.pack(">I", 1), "refused"),
    "an endless name": (
        VERSION + b"\x01\x01" + bytes(4) + struct.pack(">HH16xI", 9, 9, 2**32 - 1),
        "name",
    ),
}
LIES = {
    "an unknown message": (b"\x63", "unknown message"),
    "an endless clipboard": (struct.pack(">BxxxI", 3, 2**32 - 1), "asked for"),
    "endless colours": (
        (struct.pack(">BxHH", 1, 0, 0xFFFF) + bytes(6 * 0xFFFF)) * 3,
        "asked for",
    ),
    "endless bells": (b"\x02" * 70_000, "too many messages"),
    "empty updates": (update() * 70_000, "too many messages"),
    "empty rectangles": (
        update(*[rectangle(noise(), (0, 0, 0, 0))] * 0xFFFF) * 2,
        "too many messages",
    ),
    "a compressed rectangle": (update(rectangle(noise(), (0, 0, 60, 40), 7)), "encoding"),
    "another size": (update(struct.pack(">HHHHi", 0, 0, 0x7FFF, 0x7FFF, -223)), "encoding"),
    "beyond the edge": (update(struct.pack(">HHHHi", 1, 0, 60, 40, 0)), "edge"),
    "far beyond the edge": (update(struct.pack(">HHHHi", 0xFFFF, 0xFFFF, 1, 1, 0)), "edge"),
    "too many pixels": (update(HALF, HALF, HALF), "more pixels"),
}


async def failed(
    house: House, served: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> tuple[int, str, str]:
    """What is answered when the server does this and closes; the session and its agent stay."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(fetch(house, session_id))
    reader, writer = await agent.open_display()
    with suppress(ConnectionError):
        await served(reader, writer)
        await writer.drain()
        writer.write_eof()
    status, _, body = await asking
    assert await shown(house, agent, XServer(noise()), session_id)
    document = json.loads(body)
    return status, document["code"], document["detail"]


@pytest.mark.parametrize(("garbage", "reason"), GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_display_is_no_picture(house: House, garbage: bytes, reason: str) -> None:
    """502, and the next one is as good as ever."""

    async def served(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)

    status, code, detail = await failed(house, served)
    assert (status, code) == (502, "display_failed")
    assert reason in detail


@pytest.mark.parametrize(("lies", "reason"), LIES.values(), ids=LIES)
async def test_a_lying_display_is_no_picture(house: House, lies: bytes, reason: str) -> None:
    """502: nothing that was not asked for, nothing without end, nothing outside."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await XServer(noise()).greet(reader, writer)
        writer.write(lies)

    status, code, detail = await failed(house, served)
    assert (status, code) == (502, "display_failed")
    assert reason in detail


@pytest.mark.parametrize("size", [(0, 40), (60, 0), (101, 100), (16_385, 1), (65_535, 65_535)])
async def test_an_immense_display_is_no_picture(house: House, size: tuple[int, int]) -> None:
    """502 before a pixel is asked for."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await XServer(noise()).greet(reader, writer, size=size)
        assert await reader.read() == b""

    assert (await failed(house, served))[:2] == (502, "display_failed")


@pytest.mark.parametrize("greets", [False, True])
async def test_a_display_that_falls_silent_is_not_waited_for(house: House, *, greets: bool) -> None:
    """504, whether before the handshake or in the middle of its pixels."""
    patient, house.relay._shots._limits = house.config.limits, HASTE

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greets:
            await XServer(noise()).greet(reader, writer)
            writer.write(update(HALF, count=2))
        while await reader.read(65536):
            pass
        house.relay._shots._limits = patient

    assert (await failed(house, served))[:2] == (504, "display_timeout")


async def test_an_agent_that_does_not_dial_is_not_waited_for(house: House) -> None:
    """504, and the stream that it could have dialed is unknown from then on."""
    house.relay._rendezvous._deadline_seconds = 0.1
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    async with house.web.get(f"{URL}/{session_id}/screenshot") as response:
        await problem(response, 504, "display_timeout")
    answer, *_ = await agent.dial((await agent.commands.get())["stream"])
    assert answer == b"ERROR unknown_stream\n"


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.SUSPENDED, Phase.ENDED])
async def test_only_a_running_session_has_a_picture(house: House, phase: Phase) -> None:
    """409, and its agent is not asked."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    house.sessions.force(session_id, phase=phase)
    async with house.web.get(f"{URL}/{session_id}/screenshot") as response:
        document = await problem(response, 409, "not_running")
    assert phase.value in document["detail"]
    assert agent.commands.empty()


async def test_a_session_that_ends_meanwhile_is_the_reason(house: House) -> None:
    """409 and not the lost connection."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(fetch(house, session_id))
    reader, writer = await agent.open_display()
    await XServer(noise()).greet(reader, writer)
    await house.sessions.end(session_id)
    writer.close()
    status, _, body = await asking
    assert (status, json.loads(body)["code"]) == (409, "not_running")


async def test_pictures_are_taken_in_turns(house: House) -> None:
    """One at a time here: who does not get a turn in time is told to try again."""
    first = await house.sessions.run(TOKEN)
    second = await house.sessions.run("second")
    agents = await house.agent(), await house.agent("second")
    slow = asyncio.create_task(fetch(house, first))
    reader, writer = await agents[0].open_display()
    await XServer(noise()).greet(reader, writer)
    await reader.readexactly(38)
    house.relay._shots._limits = replace(house.config.limits, picture_seconds=0.2)
    asking = asyncio.create_task(fetch(house, second))
    await XServer(noise()).greet(*await agents[1].open_display())
    status, headers, body = await asking
    assert (status, json.loads(body)["code"]) == (503, "busy")
    assert headers["Retry-After"]
    writer.write(update(rectangle(noise(), (0, 0, 60, 40))))
    assert (await slow)[0] == 200
    await shown(house, agents[1], XServer(noise()), second)

"""A picture of a display: true to the pixel, taken once for many, safe from what it looks at."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from relay.config import RelayLimits
from relay.picture import Frame, encode_png
from supervisor.lifecycle.session import Phase, SessionId, ViewerCount
from tests.support.turning import until
from tests.unit.relay.agent import FakeAgent
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_web_api import URL, problem
from tests.unit.relay.x_server import VERSION, Part, XServer, rectangle


@pytest.fixture
def limits() -> RelayLimits:
    """Small pictures, one at a time."""
    return replace(LIMITS, picture_pixels=100 * 100, picture_seconds=30.0, pictures=1)


HASTE = replace(
    LIMITS, picture_pixels=100 * 100, picture_seconds=0.2, handshake_seconds=0.2, pictures=1
)


def noise(width: int = 60, height: int = 40) -> Image.Image:
    """No two parts of it are alike."""
    content = random.Random(7).randbytes(width * height * 3)  # noqa: S311 a picture
    return Image.frombytes("RGB", (width, height), content)


def picture(png: bytes) -> Image.Image:
    """What a PNG shows."""
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image.convert("RGB")


async def fetch(
    house: House, session_id: SessionId, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask for a picture: status, headers and body."""
    async with house.web.get(f"{URL}/{session_id}/screenshot", headers=headers) as response:
        return response.status, response.headers, await response.read()


async def shown(house: House, agent: FakeAgent, server: XServer, session_id: SessionId) -> bytes:
    """The picture that is taken of this server."""
    asking = asyncio.create_task(fetch(house, session_id))
    await server.serve(*await agent.open_display())
    status, _, png = await asking
    assert status == 200, png
    return png


def tiles(side: int, size: tuple[int, int]) -> list[Part]:
    """A picture cut into squares."""
    width, height = size
    return [
        (x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]


@pytest.mark.parametrize("side", [100, 17, 1])
async def test_a_picture_is_true_to_the_pixel(house: House, side: int) -> None:
    """However the server cuts it; nobody is counted, nothing is put in, and the stream ends."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    image = noise()
    server = XServer(image, [tiles(side, image.size)])
    png = await shown(house, agent, server, session_id)
    assert picture(png).tobytes() == image.tobytes()
    assert server.said == []
    assert house.counts() == []
    assert house.inputs == []
    assert house.sessions.get(session_id).viewers == ViewerCount()


async def test_what_else_a_server_says_is_passed_over(house: House) -> None:
    """Bells, colours, clipboards, empty updates; and a picture that comes in two updates."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    image = noise(60, 40)
    server = XServer(image, [[], [(0, 0, 60, 10)], [(0, 0, 0, 0), (0, 10, 60, 30)]])
    server.before = b"\x02" + struct.pack(">BxHH", 1, 0, 2) + bytes(12)
    server.before += struct.pack(">BxxxI", 3, 5) + b"hello"
    assert picture(await shown(house, agent, server, session_id)).tobytes() == image.tobytes()


@pytest.mark.parametrize(("max_width", "size"), [(30, (30, 20)), (16, (16, 11)), (4096, (60, 40))])
async def test_a_picture_can_be_made_smaller_but_not_larger(
    house: House, max_width: int, size: tuple[int, int]
) -> None:
    """Its proportions stay."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    path = f"{session_id}/screenshot?max_width={max_width}"
    asking = asyncio.create_task(house.web.get(f"{URL}/{path}").__aenter__())
    await XServer(Image.new("RGB", (60, 40), "#2080C0")).serve(*await agent.open_display())
    async with await asking as response:
        assert response.content_type == "image/png"
        image = picture(await response.read())
    assert image.size == size
    assert image.getcolors() == [(size[0] * size[1], (0x20, 0x80, 0xC0))]


@pytest.mark.parametrize("max_width", ["15", "4097", "x", "-1"])
async def test_sizes_out_of_bounds_are_refused(house: House, max_width: str) -> None:
    """422."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.get(f"{URL}/{session_id}/screenshot?max_width={max_width}") as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"] == ["query", "max_width"]


async def test_the_same_picture_is_not_sent_again(house: House) -> None:
    """304 by its ETag for as long as the pixels are the same; every time it is looked."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()

    async def ask(image: Image.Image, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        asking = asyncio.create_task(fetch(house, session_id, **headers))
        await XServer(image).serve(*await agent.open_display())
        return await asking

    status, headers, _ = await ask(noise())
    assert (status, headers["Cache-Control"]) == (200, "private, no-cache")
    known = {"If-None-Match": f'"other", W/{headers["ETag"]}'}
    status, again, body = await ask(noise(), **known)
    assert (status, again["ETag"], body) == (304, headers["ETag"], b"")
    changed = noise()
    changed.putpixel((59, 39), (1, 2, 3))
    status, other, _ = await ask(changed, **known)
    assert status == 200
    assert other["ETag"] != headers["ETag"]


async def test_who_asks_at_the_same_time_shares_a_picture(house: House) -> None:
    """One stream for many callers and widths; who comes later gets a new one."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    url = f"{URL}/{session_id}/screenshot"
    widths = [None, 30, None, 30, 16]

    async def ask(width: int | None) -> Image.Image:
        params = {} if width is None else {"max_width": width}
        async with house.web.get(url, params=params) as response:
            return picture(await response.read())

    first = asyncio.create_task(ask(60))
    streams = await agent.open_display()
    asking = [asyncio.create_task(ask(width)) for width in widths]
    (shot,) = shots(house).values()
    await until(lambda: shot.askers == 1 + len(widths))
    await XServer(noise()).serve(*streams)
    images = [await each for each in (first, *asking)]
    assert [image.width for image in images] == [60, 60, 30, 60, 30, 16]
    assert images[0].tobytes() == noise().tobytes()
    assert agent.commands.empty()
    assert shots(house) == {}
    await shown(house, agent, XServer(noise()), session_id)


async def test_who_comes_while_a_picture_is_made_gets_a_newer_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched before somebody asked is not what they asked for."""
    house.relay._shots._turns = asyncio.Semaphore(2)
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    encoding, go_on = threading.Event(), threading.Event()

    def slow(frame: Frame, max_width: int | None) -> bytes:
        encoding.set()
        assert go_on.wait(5)
        return encode_png(frame, max_width)

    monkeypatch.setattr("relay.shots.encode_png", slow)
    first = asyncio.create_task(fetch(house, session_id))
    await XServer(Image.new("RGB", (60, 40), "#ff0000")).serve(*await agent.open_display())
    await until(encoding.is_set)
    second = asyncio.create_task(fetch(house, session_id))
    try:
        async with asyncio.timeout(5):
            await XServer(Image.new("RGB", (60, 40), "#0000ff")).serve(*await agent.open_display())
    finally:
        go_on.set()
    colours = [picture((await asked)[2]).getpixel((0, 0)) for asked in (first, second)]
    assert colours == [(255, 0, 0), (0, 0, 255)]


async def test_widths_of_a_picture_are_bounded_and_encoded_one_after_the_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 past the bound; not more than one thread is taken from others."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    alone = threading.Lock()

    def encode(frame: Frame, max_width: int | None) -> bytes:
        assert alone.acquire(blocking=False)
        png = encode_png(frame, max_width)
        alone.release()
        return png

    monkeypatch.setattr("relay.shots.encode_png", encode)
    url = f"{URL}/{session_id}/screenshot?max_width="

    async def ask(width: int) -> tuple[int, bytes]:
        async with house.web.get(f"{url}{width}") as response:
            return response.status, await response.read()

    asking = [asyncio.create_task(ask(width)) for width in range(20, 30)]
    streams = await agent.open_display()
    (shot,) = shots(house).values()
    await until(lambda: shot.askers == len(asking))
    await XServer(noise()).serve(*streams)
    answers = await asyncio.gather(*asking)
    assert sorted(status for status, _ in answers) == [200] * 4 + [503] * 6
    assert {json.loads(body)["code"] for status, body in answers if status == 503} == {"busy"}
    await shown(house, agent, XServer(noise()), session_id)


def shots(house: House) -> dict[SessionId, Any]:
    """What is being fetched."""
    return house.relay._shots._joinable


async def test_nobody_waiting_nothing_is_fetched(house: House) -> None:
    """The last caller to leave ends the stream; one that stays gets its picture."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = [asyncio.create_task(fetch(house, session_id)) for _ in range(2)]
    streams = await agent.open_display()
    await until(lambda: shots(house)[session_id].askers == 2)
    asking[0].cancel()
    await XServer(noise()).serve(*streams)
    assert (await asking[1])[0] == 200
    stopping = asyncio.create_task(fetch(house, session_id))
    reader, _ = await agent.open_display()
    await house.relay.stop(0.1)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    await asyncio.wait({stopping})
    assert stopping.exception() is not None
    assert shots(house) == {}


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

"""A picture of a display: true to the pixel, taken once for many, safe from what it looks at."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image

from relay.display.picture import Frame, encode_png
from supervisor.lifecycle.session import SessionId, ViewerCount
from tests.support.turning import until
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.pictures import fetch, limits, noise, picture, shown, tiles
from tests.unit.relay.test_web_api import URL, problem
from tests.unit.relay.x_server import XServer

__all__ = ["limits"]


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

    monkeypatch.setattr("relay.display.shots.encode_png", slow)
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

    monkeypatch.setattr("relay.display.shots.encode_png", encode)
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

"""A session's log: at once, or followed to the end of the session and no longer."""

from __future__ import annotations

import asyncio
import select
import socket
from dataclasses import replace

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.errors import EngineUnreachableError, LogUnavailableError
from supervisor.lifecycle.session import SessionId
from tests.support.memory_log import MemoryLog
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_web_api import URL, problem


@pytest.fixture
def limits() -> RelayLimits:
    """Few followers and short logs."""
    return replace(LIMITS, followers=2, log_bytes=64)


HASTE = replace(LIMITS, log_seconds=0.2, stall_seconds=0.5)


async def printing(house: House, text: bytes = b"") -> tuple[SessionId, MemoryLog, str]:
    """A session that has printed this; its log, and where to ask for it."""
    session_id = await house.sessions.run(TOKEN)
    log = house.logs.printed[session_id] = MemoryLog()
    log.print(text)
    return session_id, log, f"{URL}/{session_id}/log"


async def test_the_log_is_text_and_can_be_cut(house: House) -> None:
    """All lines, the last ones, none."""
    _, _, url = await printing(house, b"one\ntwo\nthree\n")
    async with house.web.get(url) as response:
        assert (response.content_type, response.charset) == ("text/plain", "utf-8")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert await response.text() == "one\ntwo\nthree\n"
    for tail, expected in ((2, "two\nthree\n"), (0, ""), (10_000, "one\ntwo\nthree\n")):
        async with house.web.get(url, params={"tail": tail}) as response:
            assert await response.text() == expected


@pytest.mark.parametrize(
    "params", [{"tail": "-1"}, {"tail": "10001"}, {"tail": "x"}, {"follow": "yes"}, {"x": "1"}]
)
async def test_what_cannot_be_asked_is_refused(house: House, params: dict[str, str]) -> None:
    """422, with the name of the member."""
    _, _, url = await printing(house)
    async with house.web.get(url, params=params) as response:
        document = await problem(response, 422, "invalid_request")
    assert document["errors"][0]["loc"][1:] == list(params)


async def test_an_endless_log_is_cut_to_its_last_whole_lines(house: House) -> None:
    """What is kept of it has a bound, whatever the number of lines."""
    _, log, url = await printing(house)
    for number in range(1000):
        log.print(b"line %d\n" % number)
    async with house.web.get(url) as response:
        text = await response.text()
    assert text.endswith("line 998\nline 999\n")
    assert text.startswith("line 99")
    assert 48 < len(text) <= 64
    log.print(b"x" * 1000)
    async with house.web.get(url) as response:
        assert await response.text() == "x" * 64


async def test_what_is_no_text_is_made_text(house: House) -> None:
    """Bytes that are no UTF-8 become U+FFFD; characters that come in halves stay whole."""
    _, log, url = await printing(house, b"caf\xc3\xa9 \xff\n")
    async with house.web.get(url) as response:
        assert await response.text() == "café \ufffd\n"
    async with house.web.get(url, params={"follow": "true", "tail": "0"}) as response:
        log.print(b"\xe2\x82")
        await asyncio.sleep(0)
        log.print(b"\xac\xff \xc3")
        log.end()
        assert await response.text() == "€\ufffd \ufffd"


async def test_following_gives_what_comes_and_ends_with_the_session(house: House) -> None:
    """The headers come at once, even if the session is silent; the end is in good form."""
    _, log, url = await printing(house, b"old\nolder\n")
    async with house.web.get(url, params={"follow": "1", "tail": "0"}) as response:
        assert (response.status, response.charset) == (200, "utf-8")
        for line in (b"one\n", b"two\n"):
            log.print(line)
            assert await response.content.readline() == line
        log.end()
        assert await response.content.read() == b""


async def test_a_session_that_is_over_is_not_followed_for_long(house: House) -> None:
    """What was kept of its log, and the end."""
    session_id = await house.sessions.run(TOKEN)
    house.sessions.force(session_id, log_tail="bye\n")
    await house.sessions.end(session_id)
    async with house.web.get(f"{URL}/{session_id}/log?follow=true") as response:
        assert await response.text() == "bye\n"


async def test_a_follower_that_leaves_is_noticed_in_a_silent_session(house: House) -> None:
    """Nothing has to be written for it, and its place is free again."""
    _, _, url = await printing(house)
    for _ in range(5):
        async with house.web.get(url, params={"follow": "true"}) as response:
            assert response.status == 200
            assert house.logs.open_now == 1
            assert response.connection is not None
            response.connection.close()
        await until(lambda: house.logs.open_now == 0)


async def test_followers_have_a_bound_per_session(house: House) -> None:
    """429 for one too many; another session has places of its own, and a plain reading none."""
    session_id, log, url = await printing(house, b"text\n")
    other = await house.sessions.run("other")
    house.logs.printed[other] = MemoryLog()
    follow = {"follow": "true"}
    async with house.web.get(url, params=follow), house.web.get(url, params=follow):
        async with house.web.get(url, params=follow) as response:
            await problem(response, 429, "too_many_followers")
        async with house.web.get(url) as response:
            assert await response.text() == "text\n"
        async with house.web.get(f"{URL}/{other}/log", params=follow) as response:
            assert response.status == 200
            house.logs.printed[other].end()
        log.end()
    assert session_id


@pytest.mark.parametrize("limits", [HASTE])
async def test_a_follower_that_does_not_read_is_cut_off(house: House) -> None:
    """What waits for it is bounded, and so is the time."""
    _, log, url = await printing(house, b"y" * 60 + b"\n")
    reader, writer = await asyncio.open_unix_connection(str(house.config.web_socket), limit=1024)
    path = url.removeprefix("http://relay")
    writer.write(f"GET {path}?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    transport = reader._transport  # type: ignore[attr-defined] # below asyncio's streams
    transport.pause_reading()
    log.print(bytes(16 * 1024 * 1024))
    await until(lambda: house.logs.open_now == 0, 10.0)
    transport.abort()
    writer.close()


@pytest.mark.parametrize("limits", [HASTE])
async def test_a_log_that_nobody_takes_is_not_kept(house: House) -> None:
    """The connection ends although what was written to it is never read; a taken one is whole."""
    _, log, url = await printing(house, (b"y" * 1023 + b"\n") * 4096)
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.connect(str(house.config.web_socket))
        path = url.removeprefix("http://relay")
        stuck.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        poll = select.poll()
        poll.register(stuck, 0)
        await until(lambda: bool(poll.poll(0)), 10.0)
    log.print(b"end\n")
    async with house.web.get(url) as response:
        text = await response.read()
        assert response.content_length == len(text)
    assert text.endswith(b"y\nend\n")
    assert len(text) > 4_000_000


async def test_refusals_come_before_the_first_byte(house: House) -> None:
    """A driver that cannot be read is 409, an engine that does not answer 503."""
    _, _, url = await printing(house)
    for error, status, code in (
        (LogUnavailableError("Choose another driver."), 409, "log_unavailable"),
        (EngineUnreachableError("Not now."), 503, "engine_unreachable"),
    ):
        house.logs.refusal = error
        for follow in ("true", "false"):
            async with house.web.get(url, params={"follow": follow}) as response:
                document = await problem(response, status, code)
                assert document["detail"] == str(error)


@pytest.mark.parametrize("limits", [HASTE])
async def test_an_engine_that_hangs_is_not_waited_for(house: House) -> None:
    """504, followed or not."""
    _, _, url = await printing(house)
    house.logs.opening.clear()
    for follow in ("true", "false"):
        async with house.web.get(url, params={"follow": follow}) as response:
            await problem(response, 504, "log_timeout")
    house.logs.opening.set()


async def test_a_log_that_breaks_off_does_not_look_complete(house: House) -> None:
    """The engine went: the reader is cut off, as is everybody when the daemon stops."""
    _, log, url = await printing(house, b"one\n")
    async with house.web.get(url, params={"follow": "true"}) as response:
        assert await response.content.readline() == b"one\n"
        log.break_off(EngineUnreachableError("It went."))
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    async with house.web.get(url, params={"follow": "true"}) as response:
        assert await response.content.readline() == b"one\n"
        await house.relay.stop(5.0)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.content.read()
    assert house.logs.open_now == 0

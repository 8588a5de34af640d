"""An agent's connection is kept from one callback to the next, and ends with the first refusal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from relay import connection
from relay.config import RelayLimits
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, House


@pytest.fixture
def limits() -> RelayLimits:
    """Six calls at once and hardly any later."""
    return replace(LIMITS, session_calls=6, session_calls_per_second=0.001)


def request(
    seq: int, *headers: str, body: str | None = None, token: str = TOKEN, path: str = "callbacks"
) -> bytes:
    """A callback as an agent sends it."""
    text = json.dumps({"seq": seq, "type": "heartbeat"}) if body is None else body
    lines = [
        f"POST /v1/{path} HTTP/1.1",
        "Host: relay",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(text)}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode()


class Line:
    """A connection to the sessions' socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def ask(self, sent: bytes) -> int:
        """The status of the answer."""
        self.writer.write(sent)
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)).decode()
        length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
        await self._reader.readexactly(int(length or 0))
        return int(head.split()[1])

    async def ended(self) -> bytes:
        """All that comes until the relay ends it."""
        return await asyncio.wait_for(self._reader.read(), 5)


async def line_to(house: House) -> Line:
    """A new one; it goes with the house."""
    line = Line(*await asyncio.open_unix_connection(str(house.config.session_socket)))
    house.stack.callback(line.writer.close)
    return line


async def test_callbacks_go_over_one_connection(house: House) -> None:
    """It counts as one of its session's, each callback as one of its calls."""
    await house.sessions.run(TOKEN)
    strangers = house.relay._defence.strangers
    line = await line_to(house)
    for seq in range(5, 10):
        assert await line.ask(request(seq)) == 204
        assert list(strangers._counts.values()) == [1]
    assert not strangers._unknown
    assert [await line.ask(request(number)) for number in (10, 11)] == [204, 429]
    assert await line.ended() == b""
    await until(lambda: not strangers._sessions)


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (request(6, token="wrong"), 401),
        (request(6, body="{"), 400),
        (request(6, body="{}"), 422),
        (request(6, path="nothing"), 404),
        (request(6, "Expect: miracles"), 417),
        (request(6, body=" " * 70_000), 413),
        (b"GARBAGE\r\n\r\n", 400),
    ],
    ids=["token", "json", "form", "path", "expectation", "size", "protocol"],
)
async def test_a_refusal_ends_the_connection(house: House, refused: bytes, status: int) -> None:
    """Whoever goes on has to dial for each, and is bounded there; what comes after is not read."""
    await house.sessions.run(TOKEN)
    line = await line_to(house)
    assert await line.ask(request(5)) == 204
    before = len(house.sessions.facts)
    assert await line.ask(refused + request(7)) == status
    assert b"HTTP" not in await line.ended()
    assert len(house.sessions.facts) == before


async def test_what_is_not_adopted_yet_dials_anew(house: House) -> None:
    """503 and the end: the next life of a session's agent is not held by many that wait."""
    house.sessions.all_known = False
    line = await line_to(house)
    assert await line.ask(request(5)) == 503
    assert await line.ended() == b""


async def test_calls_sent_in_bulk_are_within_the_allowance(house: House) -> None:
    """As if each had come alone; the first that is too many is the last that is looked at."""
    await house.sessions.run(TOKEN)
    line = await line_to(house)
    line.writer.write(b"".join(request(seq) for seq in range(5, 205)))
    answers = await line.ended()
    assert [answers.count(status) for status in (b"HTTP/1.1 204", b"HTTP/1.1 429")] == [6, 1]


async def test_an_agent_of_an_earlier_release_is_let_go(house: House) -> None:
    """It waits for the end of what it asked to be closed."""
    await house.sessions.run(TOKEN)
    line = await line_to(house)
    assert await line.ask(request(5, "Connection: close")) == 204
    assert await line.ended() == b""


@pytest.mark.parametrize("limits", [replace(LIMITS, kept_seconds=0.5)], ids=["briefly"])
@pytest.mark.parametrize("half", [b"", request(6)[:40]], ids=["silent", "half_a_head"])
async def test_a_kept_connection_is_not_kept_for_ever(house: House, half: bytes) -> None:
    """Nor with a request on it that never ends."""
    await house.sessions.run(TOKEN)
    line = await line_to(house)
    assert await line.ask(request(5)) == 204
    line.writer.write(half)
    assert await line.ended() == b""
    await until(lambda: not house.relay._defence.strangers._sessions)


@pytest.mark.parametrize("calls", [0, 1])
@pytest.mark.parametrize("begun", [0, -12], ids=["head", "body"])
async def test_who_sends_in_pieces_is_listened_to_now_and_then(
    house: House, calls: int, begun: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with every byte: the loop would be kept busy by next to nothing."""
    # So long that a machine with other things to do cannot miss it.
    monkeypatch.setattr(connection, "_PIECE_SECONDS", 0.8)
    await house.sessions.run(TOKEN)
    strangers = house.relay._defence.strangers
    line = await line_to(house)
    if calls:
        assert await line.ask(request(5)) == 204

    def guest() -> connection.Connection:
        guests = [
            *strangers._sessions,
            *(each for them in strangers._unknown.values() for each in them),
        ]
        assert isinstance(guests[0], connection.Connection)
        return guests[0]

    def is_heard() -> bool:
        transport = guest().transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport.is_reading()

    await until(lambda: bool(strangers._unknown or strangers._sessions))
    assert is_heard()
    whole = request(6)
    line.writer.write(whole[:begun])
    await until(lambda: guest()._request_in_progress is bool(begun))
    rest = whole[begun:]
    for piece in (rest[:4], rest[4:8]):
        line.writer.write(piece)
        await until(lambda: not is_heard())
        await until(is_heard)
    assert await line.ask(rest[8:]) == 204
    await until(is_heard)


async def test_stopping_ends_kept_connections_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their agents dial the next life; a callback under way is answered first."""
    await house.sessions.run(TOKEN)
    committing, committed = asyncio.Event(), asyncio.Event()

    async def commit(*_: object) -> None:
        committing.set()
        await committed.wait()

    idle, busy = await line_to(house), await line_to(house)
    for line in (idle, busy):
        assert await line.ask(request(5)) == 204
    monkeypatch.setattr(house.sessions, "submit", commit)
    answering = asyncio.create_task(busy.ask(request(6)))
    await committing.wait()
    stopping = asyncio.create_task(house.relay.stop(5.0))
    assert await idle.ended() == b""
    assert not stopping.done()
    committed.set()
    assert await answering == 204
    assert await busy.ended() == b""
    await stopping

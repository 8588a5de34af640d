"""The event stream: everything once, from where a reader was, and nobody waits for a slow one."""

from __future__ import annotations

import asyncio
import json
import select
import socket
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import aiohttp
import pytest

from relay.config import RelayLimits
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import StartRequest
from supervisor.lifecycle.view import node_document
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.test_web_api import problem

URL = "http://relay/v1/events"


@pytest.fixture
def limits() -> RelayLimits:
    """A reader that takes nothing is given up soon."""
    return replace(LIMITS, stall_seconds=0.3)


class Event(NamedTuple):
    """As a browser's EventSource shows it."""

    event: str
    id: int | None
    data: Any


async def next_event(response: aiohttp.ClientResponse) -> Event | None:
    """The next event of a session; ``None`` when the stream is over. Comments are skipped."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(5):
        while raw := await response.content.readline():
            line = raw.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                number = int(fields["id"]) if "id" in fields else None
                event = Event(fields["event"], number, json.loads(fields["data"]))
                if event.event != "node":
                    return event
                assert event.id is None
                fields.clear()
    return None


async def events(response: aiohttp.ClientResponse, count: int) -> list[Event]:
    """So many events."""
    found = [await next_event(response) for _ in range(count)]
    return [event for event in found if event is not None]


async def test_a_fresh_reader_gets_what_is_and_then_what_changes(house: House) -> None:
    """An update per session, synced, live; only what can be resumed from has an id."""
    first = await house.sessions.run(TOKEN)
    async with house.web.get(URL) as response:
        assert response.content_type == "text/event-stream"
        one, synced = await events(response, 2)
        assert (one.event, one.id, one.data["id"]) == ("update", None, first)
        assert (synced.event, synced.id) == ("synced", house.feed.latest())
        second = await house.sessions.start(StartRequest(user="bob"), idempotency_key=None)
        await house.sessions.purge(first)
        update, delete = await events(response, 2)
    assert (update.event, update.data["id"], update.data["user"]) == ("update", second.id, "bob")
    assert delete == Event("delete", house.feed.latest(), {"id": first})
    assert update.id == house.feed.latest() - 1


async def test_a_reader_comes_back_to_where_it_was(house: House) -> None:
    """Exactly what came after its id, then live, nothing twice."""
    session_id = await house.sessions.run(TOKEN)
    position = house.feed.latest()
    house.sessions.force(session_id, message="one")
    house.sessions.force(session_id, message="two")
    async with house.web.get(URL, headers={"Last-Event-ID": str(position)}) as response:
        missed = await events(response, 2)
        house.sessions.force(session_id, message="three")
        live = await next_event(response)
    assert [event.data["message"] for event in missed] == ["one", "two"]
    assert [event.id for event in missed] == [position + 1, position + 2]
    assert live is not None
    assert (live.id, live.data["message"]) == (position + 3, "three")


@pytest.mark.parametrize("last", ["3", "99999"])
async def test_a_reader_of_what_is_not_kept_is_reset(house: House, last: str) -> None:
    """Too old, or never given out here: reset, then as at first."""
    await house.sessions.run(TOKEN)
    house.feed.kept_after = 4
    async with house.web.get(URL, headers={"Last-Event-ID": last}) as response:
        names = [event.event for event in await events(response, 3)]
    assert names == ["reset", "update", "synced"]


async def test_a_reader_can_ask_for_one_user(house: House) -> None:
    """In snapshot, replay and live."""
    await house.sessions.run("a", "alice")
    position = house.feed.latest()
    await house.sessions.run("b", "bob")
    async with house.web.get(URL, params={"user": "bob"}) as response:
        found = await events(response, 2)
        assert [event.event for event in found] == ["update", "synced"]
        assert found[0].data["user"] == "bob"
        await house.sessions.run("c", "alice")
        await house.sessions.run("d", "bob")
        live = await next_event(response)
        assert live is not None
        assert live.data["user"] == "bob"
    headers = {"Last-Event-ID": str(position)}
    async with house.web.get(URL, params={"user": "bob"}, headers=headers) as response:
        replayed = await next_event(response)
        assert replayed is not None
        assert replayed.data["user"] == "bob"


@pytest.mark.parametrize("count", [63, 64, 65, 200])
async def test_what_was_missed_is_read_page_by_page(house: House, count: int) -> None:
    """All of it once and in order, what comes meanwhile as well, and never all of it at once."""
    await house.sessions.run(TOKEN)
    bob = await house.sessions.start(StartRequest(user="bob"), idempotency_key=None)
    position = house.feed.latest()
    for _ in range(count):
        house.feed.publish(EventKind.UPDATE, bob)
    headers = {"Last-Event-ID": str(position)}
    async with house.web.get(URL, headers=headers) as response:
        missed = await events(response, count)
        house.feed.publish(EventKind.UPDATE, bob)
        missed += await events(response, 1)
    assert [event.id for event in missed] == list(range(position + 1, position + count + 2))
    assert max(house.feed.replayed) <= 64


async def test_of_what_was_missed_only_the_users_is_read(house: House) -> None:
    """A stream for each user does not read everybody's for each."""
    session_id = await house.sessions.run(TOKEN)
    owner = house.sessions.get(session_id)
    bob = await house.sessions.start(StartRequest(user="bob"), idempotency_key=None)
    headers = {"Last-Event-ID": str(house.feed.latest())}
    for session in [bob] * 300 + [owner] + [bob] * 300:
        house.feed.publish(EventKind.UPDATE, session)
    mine = house.feed.latest() - 300
    params = {"user": owner.user}
    async with house.web.get(URL, params=params, headers=headers) as response:
        (missed,) = await events(response, 1)
        house.feed.publish(EventKind.UPDATE, bob)
        house.feed.publish(EventKind.UPDATE, owner)
        (live,) = await events(response, 1)
    assert (missed.id, live.id) == (mine, house.feed.latest())
    assert house.feed.replayed == [1]


async def test_a_reader_is_cut_off_by_what_goes_while_it_reads(house: House) -> None:
    """Not a gap in what it gets: it comes back by its id, and is told to begin anew."""
    bob = await house.sessions.start(StartRequest(user="bob"), idempotency_key=None)
    position = house.feed.latest()
    for _ in range(300):
        house.feed.publish(EventKind.UPDATE, bob)
    whole = house.feed.replay

    async def replay(after: int, *, user: str | None = None, most: int = -1) -> Any:  # noqa: ANN401
        items = await whole(after, user=user, most=most)
        house.feed.kept_after = house.feed.latest()
        return items

    house.feed.replay = replay  # type: ignore[method-assign]
    async with house.web.get(URL, headers={"Last-Event-ID": str(position)}) as response:
        await events(response, 64)
        with pytest.raises(aiohttp.ClientError):
            await next_event(response)


async def test_a_web_server_can_follow_by_websocket(house: House) -> None:
    """The same frames as JSON messages; 1001 when the relay stops."""
    session_id = await house.sessions.run(TOKEN)
    socket = await house.web.ws_connect(URL)
    update, synced, node = [await socket.receive_json() for _ in range(3)]
    assert node == {"event": "node", "id": None, "data": house.health.node()}
    assert (update["event"], update["id"], update["data"]["id"]) == ("update", None, session_id)
    assert synced == {"event": "synced", "id": house.feed.latest(), "data": {}}
    house.sessions.force(session_id, message="live")
    live = await socket.receive_json()
    assert (live["id"], live["data"]["message"]) == (house.feed.latest(), "live")
    stopping = asyncio.create_task(house.relay.stop(5.0))
    assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert socket.close_code == 1001
    await stopping


async def test_a_websocket_reader_comes_and_goes(house: House) -> None:
    """Resumed by its id; forgotten when it leaves; told to come back when it falls behind."""
    session_id = await house.sessions.run(TOKEN)
    headers = {"Last-Event-ID": str(house.feed.latest() - 1)}
    async with house.web.ws_connect(URL, headers=headers) as socket:
        assert (await socket.receive_json())["id"] == house.feed.latest()
        assert len(house.feed.readers) == 1
    await until(lambda: not house.feed.readers)
    async with house.web.ws_connect(URL, headers=headers) as socket:
        assert (await socket.receive_json())["id"] == house.feed.latest()
        assert (await socket.receive_json())["event"] == "node"
        for number in range(1100):
            house.sessions.force(session_id, message=str(number))
        while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert socket.close_code == 1013


async def test_who_follows_is_counted(house: House) -> None:
    """While they read; afterwards it is known when they were last there."""
    presence = house.relay.presence
    assert presence.state() == {"streams": 0, "last_seen_at": None}
    async with house.web.get(URL) as response, house.web.ws_connect(URL):
        assert await events(response, 1)
        await until(lambda: presence.state()["streams"] == 2)
    await until(lambda: presence.state()["streams"] == 0)
    assert presence.state()["last_seen_at"] is not None


async def test_an_administrator_who_looks_on_is_no_web_server(house: House) -> None:
    """Or nobody would be told that the web server is away."""
    async with house.web.get(URL, headers={"User-Agent": "fxctl/1.0"}) as response:
        assert await events(response, 1)
        assert house.relay.presence.state() == {"streams": 0, "last_seen_at": None}


async def test_news_of_the_node_reach_everybody(house: House) -> None:
    """Whichever user a reader asks for, and without a number to come back to."""
    async with house.web.get(URL, params={"user": "bob"}) as response:
        assert await events(response, 1)
        house.health.node_object["draining"] = True
        house.feed.publish_node(node_document(house.health.node()))
        async with asyncio.timeout(5):
            while b'"draining":true' not in (line := await response.content.readline()):
                assert not line.startswith(b"id:")


async def test_an_idle_stream_is_kept_alive(house: House) -> None:
    """A comment at once, and again; a resumed reader with nothing to get has its headers."""
    async with house.web.get(URL, headers={"Last-Event-ID": "0"}) as response:
        assert await asyncio.wait_for(response.content.readline(), 5) == b": keep-alive\n"
        node = [await response.content.readline() for _ in range(4)]
        assert node[1] == b"event: node\n"
        assert json.loads(node[2].removeprefix(b"data: ")) == house.health.node()
        for _ in range(3):
            assert await asyncio.wait_for(response.content.readline(), 5) == b": keep-alive\n"
            assert await response.content.readline() == b"\n"


@pytest.mark.parametrize(
    ("params", "headers"), [({"x": "1"}, {}), ({}, {"Last-Event-ID": "x"}), ({"user": ""}, {})]
)
async def test_a_wrong_wish_is_refused_before_the_stream_begins(
    house: House, params: dict[str, str], headers: dict[str, str]
) -> None:
    """422."""
    async with house.web.get(URL, params=params, headers=headers) as response:
        await problem(response, 422, "invalid_request")


async def test_a_reader_too_slow_to_follow_is_cut_off(house: House) -> None:
    """It takes nothing: the feed does not wait, and keeps nothing for it."""
    session_id = await house.sessions.run(TOKEN)
    reader, writer = await asyncio.open_unix_connection(str(house.config.web_socket))
    writer.transport.pause_reading()  # type: ignore[attr-defined] # every transport here can
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: len(house.feed.readers) == 1)
    big = "x" * 100_000

    def stuffed() -> bool:
        house.sessions.force(session_id, message=big)
        return not house.feed.readers

    await until(stuffed, 20)
    writer.transport.resume_reading()  # type: ignore[attr-defined] # likewise
    received = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            received = chunk
    assert not received.endswith(b"0\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("upgrade", [False, True])
async def test_no_reader_is_told_half_of_it(house: House, *, upgrade: bool) -> None:
    """While sessions may be missing a snapshot would tell that they are gone."""
    house.feed.complete = False
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"} if upgrade else {}
    async with house.web.get(URL, headers=headers) as response:
        assert response.status == 503
        assert (await response.json())["code"] == "unavailable"
        assert "Retry-After" in response.headers


async def test_a_websocket_reader_that_takes_nothing_is_cut_off(house: House) -> None:
    """Its connection ends although what was written to it is never read."""
    session_id = await house.sessions.run(TOKEN)
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.connect(str(house.config.web_socket))
        stuck.sendall(
            b"GET /v1/events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await until(lambda: len(house.feed.readers) == 1)
        for _ in range(20):
            house.sessions.force(session_id, message="x" * 40_000)
        poll = select.poll()
        poll.register(stuck, 0)
        await until(lambda: bool(poll.poll(0)), 20)


async def test_a_reader_that_falls_behind_the_feed_is_cut_off(house: House) -> None:
    """The feed says so by its error; the reader's stream ends without its proper end."""
    session_id = await house.sessions.run(TOKEN)
    async with house.web.get(URL) as response:
        await events(response, 2)
        for number in range(1100):
            house.sessions.force(session_id, message=str(number))
        with pytest.raises(aiohttp.ClientPayloadError):  # noqa: PT012 some event has to be the last
            while await next_event(response):
                pass
    await until(lambda: not house.feed.readers)

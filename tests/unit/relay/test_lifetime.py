"""The relay comes up in the place of a dead one, and goes without leaving anything."""

from __future__ import annotations

import asyncio
import socket
import stat
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from relay.app import Relay
from relay.config import RelayConfig
from supervisor.lifecycle.audit import NO_TRAIL, ActorKind, AuditTrail
from tests.unit.relay.conftest import LIMITS, TOKEN, House, config_in
from tests.unit.relay.fake_feed import FakeFeed
from tests.unit.relay.fake_sessions import FakeSessions
from tests.unit.relay.fakes import (
    FakeCatalog,
    FakeGate,
    FakeHealth,
    FakeLogs,
    FakeShelf,
    FakeUpkeep,
    KeptTrail,
)
from tests.unit.relay.test_event_stream import events, next_event
from tests.unit.relay.viewing import closed, connected


def relay_at(config: RelayConfig, trail: AuditTrail = NO_TRAIL) -> Relay:
    """A relay with nothing behind it."""
    feed = FakeFeed()
    sessions = FakeSessions(feed)
    health = FakeHealth()
    return Relay(
        config,
        sessions=sessions,
        catalog=FakeCatalog(),
        feed=feed,
        logs=FakeLogs(sessions),
        health=health,
        upkeep=FakeUpkeep(),
        gate=FakeGate(health, sessions),
        shelf=FakeShelf(),
        trail=trail,
    )


async def test_stopping_ends_every_stream_in_good_form(house: House) -> None:
    """Events and commands end, viewers are told 1001, sockets are gone, no task is left."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, reader, _ = await connected(house, agent, await house.ticket(session_id))
    async with house.web.get("http://relay/v1/events") as response:
        await events(response, 2)
        told = asyncio.create_task(closed(viewer))
        await house.relay.stop(5.0)
        while (await next_event(response)) is not None:
            pass
        assert response.content.at_eof()
    assert await told == 1001
    assert await reader.read() == b""
    await asyncio.wait_for(agent.ended.wait(), 5)
    assert not list(house.config.web_socket.parent.iterdir())
    with pytest.raises(aiohttp.ClientConnectorError):
        await house.web.get("http://relay/healthz")
    await house.relay.stop(5.0)


async def test_stopping_waits_for_what_was_asked_but_not_for_ever(house: House) -> None:
    """A purge that does not return is cut at the deadline."""
    session_id = await house.sessions.run(TOKEN)
    began = asyncio.Event()

    async def endless(session_id: str) -> None:
        assert session_id
        began.set()
        await asyncio.Event().wait()

    house.sessions.purge = endless  # type: ignore[method-assign]
    url = f"http://relay/v1/sessions/{session_id}"
    purging = asyncio.create_task(house.web.delete(url).__aenter__())
    await began.wait()
    async with asyncio.timeout(5):
        await house.relay.stop(0.2)
    with pytest.raises(aiohttp.ClientError):
        await purging


async def test_a_stale_socket_is_replaced(directory: Path) -> None:
    """What a killed relay left does not stop the next; the modes let containers in."""
    config = config_in(directory)
    for path in (config.web_socket, config.session_socket):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
    relay = relay_at(config)
    await relay.start()
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
    await relay.stop(1.0)
    assert not list(directory.iterdir())


async def test_a_file_in_the_way_is_left_alone(directory: Path) -> None:
    """It is not the relay's to delete; nothing else is left behind."""
    config = config_in(directory)
    config.web_socket.write_text("mine")
    with pytest.raises(OSError, match="in use"):
        await relay_at(config).start()
    assert [path.name for path in directory.iterdir()] == ["web.sock"]
    assert config.web_socket.read_text() == "mine"


async def test_another_relays_socket_is_left_alone(directory: Path) -> None:
    """Stopping removes the socket that was bound, not the one that has taken its place."""
    config = config_in(directory)
    older, newer = relay_at(config), relay_at(config)
    await older.start()
    await newer.start()
    await older.stop(1.0)
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(config.web_socket))) as http,
        http.get("http://relay/healthz") as response,
    ):
        assert response.status == 200
    await newer.stop(1.0)
    assert not list(directory.iterdir())


async def test_viewers_can_come_over_tcp(directory: Path) -> None:
    """The display alone is served there, and who knocks is recorded by address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    trail = KeptTrail()
    relay = relay_at(replace(config_in(directory), viewer_tcp=("127.0.0.1", port)), trail)
    await relay.start()
    base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{base}/v1/sessions/x/display?ticket=x") as response:
            assert (await response.json())["code"] == "session_not_found"
        async with http.get(f"{base}/v1/node") as response:
            assert (await response.json())["code"] == "not_found"
    await relay.stop(1.0)
    (knock,) = trail.acts
    assert knock.action == "viewer.connect"
    assert (knock.actor.kind, knock.actor.address) == (ActorKind.ADDRESS, "127.0.0.1")


async def test_connections_by_tcp_are_bounded(directory: Path) -> None:
    """All together, for nobody knows who they are: the daemon's descriptors are for sessions."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = config_in(directory, replace(LIMITS, tcp_connections=2))
    relay = relay_at(replace(config, metrics_tcp=("127.0.0.1", port)))
    await relay.start()
    kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    for reader, writer in kept:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readline()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        assert await reader.read() == b""
    writer.close()
    for _, writer in kept:
        writer.close()
        await writer.wait_closed()
    await relay.stop(1.0)

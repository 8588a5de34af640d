"""Whoever sends nothing but the shortest messages does not take the time of everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar, cast

import pytest
from aiohttp import WSMessage, WSMsgType, web

from relay.agents.agent_stream import AgentStream
from relay.display.carrier import Buffers
from relay.display.pump import EndedBy, Traffic, Window, pump
from relay.display.rfb import ClientStream
from relay.display.rfb_server import ServerStream
from relay.display.rfb_terms import Agreed
from relay.display.sieves import sift_client, sift_server
from supervisor.lifecycle.tickets import Mode
from tests.unit.relay import rfb_messages as viewer
from tests.unit.relay import rfb_server_messages as server

LIMIT = 1024
MANY = 64 * 1024
T = TypeVar("T")


async def turns_of_others(work: Awaitable[T]) -> tuple[T, int]:
    """What comes of it, and how often others had their turn meanwhile."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        return await work, turns
    finally:
        counting.cancel()


async def test_others_have_their_turn_while_a_servers_messages_are_looked_at() -> None:
    """And nothing of them is lost or changed by it."""
    stream = ServerStream(Agreed(b"RFB 003.008\n"), textless=False)
    flood = server.GREETING + server.BELL * MANY
    passed, turns = await turns_of_others(sift_server(stream, flood))
    assert passed == flood
    assert turns > 20


async def test_others_have_their_turn_while_a_viewers_messages_are_looked_at() -> None:
    """Those of one who only looks, which are dropped."""
    stream = ClientStream(Mode.VIEW, LIMIT)
    flood = viewer.OPENING + viewer.XVP * MANY
    passage, turns = await turns_of_others(sift_client(stream, flood))
    assert passage.forward == viewer.OPENING
    assert turns > 20


@pytest.mark.parametrize("kind", [WSMsgType.PING, WSMsgType.PONG, WSMsgType.BINARY])
async def test_others_have_their_turn_while_a_viewer_says_nothing(kind: WSMsgType) -> None:
    """In as many messages as it likes, each of which is here already; pings are answered."""
    socket = Socket(kind)
    dismissed = asyncio.get_running_loop().create_future()
    client = ClientStream(Mode.CONTROL, LIMIT)
    traffic = Traffic(lambda _direction, _size_bytes: None)
    ending, turns = await turns_of_others(
        pump(
            Window(cast("web.Request", None), cast("web.WebSocketResponse", socket), Buffers()),
            cast("AgentStream", Silence()),
            client,
            dismissed,
            lambda: None,
            traffic,
        )
    )
    assert ending.by is EndedBy.VIEWER
    assert socket.answered == (MANY if kind is WSMsgType.PING else 0)
    assert turns > 20


class Socket:
    """Of a viewer that has sent one kind of message, many times, and left."""

    def __init__(self, kind: WSMsgType) -> None:
        self._waiting = [WSMessage(kind, b"", None)] * MANY
        self.answered = 0

    async def receive(self) -> WSMessage:
        """The next."""
        return self._waiting.pop() if self._waiting else WSMessage(WSMsgType.CLOSED, None, None)

    async def pong(self, message: bytes) -> None:
        """Count."""
        assert message == b""
        self.answered += 1


class Silence:
    """An agent that sends nothing."""

    passed = None

    async def read(self) -> bytes:
        """Never."""
        await asyncio.Future()
        return b""

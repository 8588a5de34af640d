"""A web server that hands over what is no viewer's connection, or hands it over badly."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from relay.config import RelayLimits
from relay.display.handed_socket import viewer_socket
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, House
from tests.unit.relay.handing import door_of, handing, head_of, over_tcp, told
from tests.unit.relay.passing import a_file, open_descriptors

Opened = Callable[[ExitStack], int]
NOT_TAKEN = {"taken": False}
AN_HOUR = struct.pack("ii", 1, 3600)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens is closed with it."""
    with ExitStack() as opened:
        yield opened


def a_pipe(stack: ExitStack) -> int:
    """The end that can be written."""
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    stack.callback(os.close, writing)
    return writing


def a_tcp_listener(stack: ExitStack) -> int:
    """It has no other end."""
    return stack.enter_context(socket.create_server(("127.0.0.1", 0))).fileno()


def an_unconnected_socket(stack: ExitStack) -> int:
    """Likewise."""
    return stack.enter_context(socket.socket()).fileno()


def tcp_datagrams(stack: ExitStack) -> int:
    """Connected, and no stream."""
    datagrams = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    datagrams.connect(("127.0.0.1", 9))
    return datagrams.fileno()


def a_pair(stack: ExitStack) -> int:
    """Nobody has accepted it."""
    one, other = socket.socketpair()
    stack.enter_context(other)
    return stack.enter_context(one).fileno()


def a_service(stack: ExitStack) -> int:
    """One that was dialled, and may believe what bears the daemon's credentials."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    listening = stack.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind(str(directory / "service.sock"))
    listening.listen()
    dialled = stack.enter_context(socket.socket(socket.AF_UNIX))
    # A client that has a path as well is no better.
    dialled.bind(str(directory / "client.sock"))
    dialled.connect(listening.getsockname())
    return dialled.fileno()


NO_VIEWERS = [
    a_file,
    a_pipe,
    a_tcp_listener,
    an_unconnected_socket,
    tcp_datagrams,
    a_pair,
    a_service,
]


@pytest.mark.parametrize("opened", NO_VIEWERS)
async def test_what_is_no_viewers_connection_is_not_taken(house: House, opened: Opened) -> None:
    """Nothing is written to it, the relay keeps none of it, and its ticket is good."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    path = await house.ticket(session_id)
    before = open_descriptors()
    with ExitStack() as inner:
        assert await handing(house, head_of(path), opened(inner)) == NOT_TAKEN
    await until(lambda: open_descriptors() <= before)
    viewing = asyncio.create_task(house.view(path))
    await agent.open_display()
    await (await viewing).close()


@pytest.mark.parametrize("count", [0, 2, 253])
async def test_one_connection_is_taken_or_none(
    house: House, stack: ExitStack, directory: Path, count: int
) -> None:
    """Of several none, and all are closed."""
    session_id = await house.sessions.run(TOKEN)
    front = over_tcp(stack, directory)
    head = head_of(await house.ticket(session_id))
    assert await handing(house, head, *[front.accepted.fileno()] * count) == NOT_TAKEN
    front.accepted.close()
    assert await front.heard() == b"", "somebody still holds one"


async def test_a_second_connection_behind_the_first_is_none(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """Though each comes with a part of the head."""
    session_id = await house.sessions.run(TOKEN)
    head = head_of(await house.ticket(session_id))
    fronts = [over_tcp(stack, directory) for _ in range(2)]
    door = await door_of(house.config.web_socket, stack)
    for part, front in zip((head[:20], head[20:]), fronts, strict=True):
        socket.send_fds(door, [part], [front.accepted.fileno()])
    assert await told(door) == NOT_TAKEN
    for front in fronts:
        front.accepted.close()
        assert await front.heard() == b""


class TestDeadline:
    """For a head that does not come."""

    @pytest.fixture
    def limits(self) -> RelayLimits:
        """Soon."""
        return replace(LIMITS, head_seconds=0.2)

    @pytest.mark.parametrize("head", [b"GET /v1/sessions/", b"x" * 16_384, b"x" * 40_000])
    async def test_a_head_without_an_end_is_not_waited_for(
        self, house: House, stack: ExitStack, directory: Path, head: bytes
    ) -> None:
        """Nor read any further; the connection is the web server's as before."""
        front = over_tcp(stack, directory)
        assert await handing(house, head, front.accepted.fileno()) == NOT_TAKEN
        front.accepted.send(b"mine")
        assert await front.heard(count=4) == b"mine"

    @pytest.mark.parametrize("head", [b"\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"])
    async def test_a_head_that_is_none_is_answered_to_the_viewer(
        self, house: House, stack: ExitStack, directory: Path, head: bytes
    ) -> None:
        """400 or the end; it was taken, and nobody else is to write there."""
        front = over_tcp(stack, directory)
        answer = await handing(house, head, front.accepted.fileno())
        assert answer["taken"]
        assert (await front.heard())[:12] in {b"HTTP/1.0 400", b"HTTP/1.1 400", b""}


async def test_a_connection_that_lingers_keeps_nobody_waiting(
    stack: ExitStack, directory: Path
) -> None:
    """Its last close would take an hour, as long as the viewer takes nothing."""
    front = over_tcp(stack, directory)
    front.accepted.settimeout(0)
    with suppress(BlockingIOError):
        while front.accepted.send(bytes(65536)):
            pass
    handed = viewer_socket(os.dup(front.accepted.fileno()))
    assert handed is not None
    # Whoever handed it over may have kept a copy, and change what they share.
    front.accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AN_HOUR)
    front.accepted.close()
    closing = asyncio.create_task(asyncio.to_thread(handed.close))
    _, late = await asyncio.wait({closing}, timeout=10)
    front.viewer.close()
    await closing
    assert not late


async def test_descriptors_behind_the_handover_are_closed(
    house: House, stack: ExitStack, directory: Path
) -> None:
    """Nobody reads them, and the relay does not wait for their close."""
    session_id, agent = await house.sessions.run(TOKEN), await house.agent()
    front, spare = over_tcp(stack, directory), over_tcp(stack, directory)
    door = await door_of(house.config.web_socket, stack)
    head = head_of(await house.ticket(session_id))
    socket.send_fds(door, [head], [front.accepted.fileno()])
    await agent.open_display()
    socket.send_fds(door, [b"more"], [spare.accepted.fileno()])
    assert (await told(door))["status"] == 101
    spare.accepted.close()
    assert await spare.heard() == b"", "somebody still holds one"

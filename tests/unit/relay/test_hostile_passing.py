"""Sessions that pass what is no X server's socket, or use against the relay what they passed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from relay.agents.passed_socket import x_server_socket
from tests.support.turning import until
from tests.unit.relay import rfb_messages as rfb
from tests.unit.relay.conftest import TOKEN, House
from tests.unit.relay.passing import a_file, open_descriptors, passed, passing
from tests.unit.relay.viewing import closed, connected

Opened = Callable[[ExitStack], int]


def a_pipe(stack: ExitStack) -> int:
    """The end that can be read."""
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    stack.callback(os.close, writing)
    return reading


def a_terminal(stack: ExitStack) -> int:
    """As a program's."""
    one, other = os.openpty()
    stack.callback(os.close, one)
    stack.callback(os.close, other)
    return other


def a_tcp_connection(stack: ExitStack) -> int:
    """To somebody within reach of the session."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return stack.enter_context(socket.create_connection(listening.getsockname())).fileno()


def datagrams(stack: ExitStack) -> int:
    """Of the right domain, and the wrong type."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    stack.enter_context(other)
    return stack.enter_context(one).fileno()


def a_listener(stack: ExitStack) -> int:
    """Nobody is at its other end: it has none."""
    listening = stack.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind("")
    listening.listen()
    return listening.fileno()


def an_unconnected_socket(stack: ExitStack) -> int:
    """Likewise."""
    return stack.enter_context(socket.socket(socket.AF_UNIX)).fileno()


NO_X_SERVERS = [
    a_file,
    a_pipe,
    a_terminal,
    a_tcp_connection,
    datagrams,
    a_listener,
    an_unconnected_socket,
]


@pytest.mark.parametrize("opened", NO_X_SERVERS)
async def test_what_is_no_x_servers_socket_is_not_taken(house: House, opened: Opened) -> None:
    """It is closed, told of, and the display goes the other way."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    with capture_logs() as logs, ExitStack() as stack:
        lifeline = await agent.offer_display()
        before = open_descriptors()
        mine = opened(stack)
        assert await passing(lifeline, mine) == b"PUMP\n"
        stack.close()
        viewer = await asking
        lifeline.send(b"pumped")
        assert await viewer.receive_bytes() == b"pumped"
        # A viewer has come; of what was passed nothing is left.
        await until(lambda: open_descriptors() <= before + 2)
    assert [log["offence"] for log in logs if log["event"] == "offence_noted"] == ["descriptors"]


@pytest.mark.parametrize("count", [2, 253])
async def test_of_several_none_is_taken(house: House, count: int) -> None:
    """Every one of them is closed, and its sender named."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    relays, x_server = socket.socketpair()
    with capture_logs() as logs, x_server:
        lifeline = await agent.offer_display()
        with relays:
            assert await passing(lifeline, *[relays.fileno()] * count) == b"PUMP\n"
        await (await asking).close()
        x_server.settimeout(10)
        assert x_server.recv(1) == b"", "somebody still holds one"
    assert [log["offence"] for log in logs if log["event"] == "offence_noted"] == ["descriptors"]


@pytest.mark.parametrize("line", [b"DESCRIPTOR", b"RFB 003.008\n", b"\n", b"DESCRIPTORS"])
async def test_another_line_is_the_end(house: House, line: bytes) -> None:
    """Whatever comes with it."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    relays, x_server = socket.socketpair()
    with x_server:
        lifeline = await agent.offer_display()
        with relays:
            assert await passing(lifeline, relays.fileno(), line=line) == b""
        assert await closed(await asking) == 1011
        x_server.settimeout(10)
        assert x_server.recv(1) == b""


def test_a_socket_to_another_user_is_not_taken() -> None:
    """The relay writes in its own name, which only the session's user may be shown."""
    one, other = socket.socketpair()
    with one, other:
        kept = os.dup(one.fileno())
        assert x_server_socket(kept, os.geteuid() + 1) is None
        taken = x_server_socket(os.dup(one.fileno()), os.geteuid())
        assert taken is not None
        taken.close()


async def test_a_session_cannot_make_the_relay_wait(house: House) -> None:
    """It clears O_NONBLOCK, which it shares, and neither says anything nor listens."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    asking = asyncio.create_task(house.view(await house.ticket(session_id)))
    lifeline = await agent.offer_display()
    relays, x_server = socket.socketpair()
    with relays, x_server:
        assert await passing(lifeline, relays.fileno()) == b"TAKEN\n"
        viewer = await asking
        relays.settimeout(None)
        # Taken from under the relay, which has been told that there is something.
        x_server.send(b"x")
        relays.recv(1)
        message = b"\x06\0\0\0" + (60_000).to_bytes(4, "big") + bytes(60_000)
        await viewer.send_bytes(rfb.OPENING)
        with pytest.raises(TimeoutError):  # noqa: PT012 it is the loop that gets stuck
            async with asyncio.timeout(0.5):
                while True:
                    await viewer.send_bytes(message)
        async with house.web.get("http://relay/v1/sessions") as response:
            assert response.status == 200
    await viewer.close()


async def test_words_on_the_connection_that_only_stays_end_it(house: House) -> None:
    """There is nothing to be said there."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    display = await passed(house, agent, house.view(await house.ticket(session_id)))
    display.lifeline.send(b"x")
    assert await closed(display.viewer) == 1011
    assert await display.heard(1) == b""


@pytest.mark.parametrize("mode", ["control", "view"])
async def test_descriptors_among_pictures_are_the_end(house: House, mode: str) -> None:
    """They are closed, and no X server sends any."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewing = house.view(await house.ticket(session_id, mode=mode))
    display = await passed(house, agent, viewing)
    one, other = socket.socketpair()
    with other:
        with one:
            socket.send_fds(display.x_server, [b"picture"], [one.fileno()] * 3)
        assert await closed(display.viewer) == 1011
        other.settimeout(10)
        assert await asyncio.to_thread(other.recv, 1) == b""


@pytest.mark.parametrize("which", ["session_socket", "display_socket", "viewer_socket"])
async def test_descriptors_that_nobody_asked_for_end_a_connection(house: House, which: str) -> None:
    """Read or not: they are closed where nobody waits for it."""
    one, other = socket.socketpair()
    with other, socket.socket(socket.AF_UNIX) as caller:
        other.settimeout(0)
        caller.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(caller, str(getattr(house.config, which)))
        with one:
            socket.send_fds(caller, [b"GET"], [one.fileno()] * 2)
        async with asyncio.timeout(10):
            assert await loop.sock_recv(caller, 64) == b""
            assert await loop.sock_recv(other, 64) == b""


async def test_descriptors_behind_a_refused_handshake_are_closed(house: House) -> None:
    """The relay does not read on, and must not leave them to the kernel either."""
    one, other = socket.socketpair()
    with other, socket.socket(socket.AF_UNIX) as caller:
        other.settimeout(0)
        caller.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(caller, str(house.config.display_socket))
        caller.send(b"FASTX-DISPLAY/1 wrong stream\n")
        with one:
            socket.send_fds(caller, [b"late"], [one.fileno()])
        async with asyncio.timeout(10):
            assert await loop.sock_recv(other, 64) == b""


async def test_one_that_pumps_brings_no_descriptors(house: House) -> None:
    """They are the end of such a display."""
    session_id = await house.sessions.run(TOKEN)
    agent = await house.agent()
    viewer, _, writer = await connected(house, agent, await house.ticket(session_id))
    sock = writer.get_extra_info("socket")
    one, other = socket.socketpair()
    with other:
        with one, socket.socket(fileno=os.dup(sock.fileno())) as mine:
            socket.send_fds(mine, [b"x"], [one.fileno()])
        assert await closed(viewer) == 1011

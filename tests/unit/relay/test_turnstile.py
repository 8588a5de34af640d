"""Connections of containers are taken within an allowance, and whoever goes beyond it is named."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.config import RelayLimits
from relay.defence.allowance import Allowance
from relay.defence.offences import Offence, Offences
from relay.defence.origin import Origin, Origins
from relay.defence.turnstile import Turnstile
from supervisor.lifecycle.session import Session
from tests.support.sessions import CONTAINER, SESSION_ID, pending_session
from tests.support.turning import until
from tests.unit.relay.conftest import LIMITS, TOKEN, House

OTHER = "ab" * 32


def offences(interval_seconds: float = 60.0) -> Offences:
    """That know one session, of one container."""
    session = pending_session()

    def whose(container_id: str) -> Session | None:
        return session if container_id == CONTAINER else None

    return Offences(whose, lambda _: session, Origins(), interval_seconds)


class FakeOrigins(Origins):
    """Every connection comes from where the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.container_id: str | None = None

    def of(self, sock: socket.socket) -> Origin:
        """Of this user."""
        del sock
        return Origin(os.geteuid(), self.container_id)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection."""
    near, far = socket.socketpair(socket.AF_UNIX)
    with near, far:
        yield near, far


async def test_past_the_users_allowance_each_container_has_its_own(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """One session in a loop does not take the places of another of the same user."""
    origins = FakeOrigins()
    later = count()
    limits = replace(
        RelayLimits(),
        user_connects=5,
        user_connects_a_second=0.001,
        container_connects=3,
        container_connects_a_second=0.001,
    )
    gate = Turnstile(limits, origins, offences())
    gate._clock = lambda: next(later)
    origins.container_id = CONTAINER
    with capture_logs() as lines:
        admitted = [gate.admits(pair[0]) for _ in range(20)]
    assert admitted == [True] * 8 + [False] * 12
    assert [(each["session_id"], each["user"]) for each in lines] == [(SESSION_ID, "alice")]
    origins.container_id = OTHER
    assert [gate.admits(pair[0]) for _ in range(4)] == [True, True, True, False]
    origins.container_id = None
    assert gate.admits(pair[0]), "the daemon's own user is no container"


async def test_a_process_that_was_refused_is_refused_for_a_while_unseen(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Its origin is not looked up again, and each of its connections is counted."""
    origins = FakeOrigins()
    origins.container_id = CONTAINER
    limits = replace(RelayLimits(), user_connects=1, container_connects=1)
    noting = offences()
    gate = Turnstile(limits, origins, noting)
    now = 100.0
    gate._clock = lambda: now
    with capture_logs():
        assert [gate.admits(pair[0]) for _ in range(9)] == [True, True, *[False] * 7]
    assert [account.count for account in noting._accounts.values()] == [6]
    origins.container_id = None
    assert not gate.admits(pair[0])
    now += 1.0
    assert gate.admits(pair[0])


async def test_an_attacker_has_a_line_in_a_while_with_a_count() -> None:
    """The first at once, the rest together; whoever stops is forgotten."""
    with capture_logs() as lines:
        noting = offences(0.05)
        for _ in range(1000):
            noting.note(Offence.CALLS, SESSION_ID)
        await until(lambda: len(lines) == 2)
        await until(lambda: not noting._accounts)
    assert [line["count"] for line in lines] == [1, 999]
    assert {line["session_id"] for line in lines} == {SESSION_ID}


async def test_offenders_without_number_have_one_line_in_common() -> None:
    """Memory and log are bounded, whatever they call themselves."""
    noting = offences()
    with capture_logs() as lines:
        for number in range(5000):
            noting.note(Offence.WRONG_TOKENS, Origin(number))
    assert len(lines) <= 1025
    assert len(noting._accounts) <= 1025


def test_an_allowance_forgets_who_is_idle() -> None:
    """Keys that have it all again take no memory."""
    now = 0.0
    allowance: Allowance[int] = Allowance(1, 1.0, lambda: now)
    for number in range(10_000):
        now += 0.01
        assert allowance.take(number)
    assert len(allowance._due) <= 4096
    assert not allowance.take(9999)
    assert allowance.is_used_up(9999)
    assert not allowance.is_used_up(-1)


def test_many_that_are_new_cost_each_as_much_as_the_first() -> None:
    """Whoever has a network comes from an address of its own each time."""

    class Address:
        hashed = 0

        def __hash__(self) -> int:
            Address.hashed += 1
            return id(self)

    allowance: Allowance[Address] = Allowance(2, 0.001, lambda: 0.0)
    count_new = 4096 + 512
    for _ in range(count_new):
        assert allowance.take(Address())
    assert Address.hashed < 10 * count_new


def test_the_container_of_a_process_is_read_from_its_control_group(
    tmp_path: Path, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Version 1 and 2, by cgroupfs and by systemd; a process that is gone has none."""
    now = 0.0
    origins = Origins(tmp_path, lambda: now)
    (tmp_path / str(os.getpid())).mkdir()
    control_group = tmp_path / str(os.getpid()) / "cgroup"
    for line, expected in (
        (f"9:pids:/docker/{OTHER}\n", OTHER),
        (f"0::/system.slice/docker-{CONTAINER}.scope\n", CONTAINER),
        ("0::/user.slice\n", None),
        # Users name control groups below their own as they like: after another's container, too.
        (f"0::/user.slice/user-1.slice/user@1.service/docker-{OTHER}.scope\n", None),
        (f"9:pids:/user.slice\n1:name=systemd:/user.slice/user-1.slice/{OTHER}\n", None),
    ):
        control_group.write_text(line)
        now += 2.0
        assert origins.of(pair[0]) == Origin(os.getuid(), expected)
    control_group.unlink()
    now += 2.0
    assert origins.of(pair[0]).container_id is None


@pytest.fixture
def limits() -> RelayLimits:
    """Small ones."""
    return replace(
        LIMITS,
        head_seconds=0.2,
        strangers_per_uid=4,
        connections_per_session=2,
        wrong_tokens=3,
        wrong_tokens_a_second=0.001,
    )


HEAD = f"POST /v1/callbacks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"


async def ask(house: House, request: str) -> bytes:
    """All that is answered on a connection of its own."""
    reader, writer = await asyncio.open_unix_connection(str(house.config.session_socket))
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("beginning", ["", "POST /v1/call", "POST / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(house: House, beginning: str) -> None:
    """The connection is closed after its time, and the log says so."""
    with capture_logs() as lines:
        assert await ask(house, beginning) == b""
    assert [line["offence"] for line in lines] == ["unfinished_heads"]


async def test_the_oldest_stranger_goes_for_the_newest(house: House) -> None:
    """Who says at once who it is always has a place."""
    await house.sessions.run(TOKEN)
    path = str(house.config.session_socket)
    silent = [await asyncio.open_unix_connection(path) for _ in range(4)]
    body = '{"seq": 9, "type": "started"}'
    answer = await ask(
        house, f"{HEAD}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    assert answer.startswith(b"HTTP/1.1 204")
    assert await asyncio.wait_for(silent[0][0].read(), 5) == b""
    for _, writer in silent:
        writer.close()


async def test_calls_of_one_session_at_once_are_bounded(house: House) -> None:
    """The third is answered 429 while two wait for their bodies; the session is named."""
    session_id = await house.sessions.run(TOKEN)
    path = str(house.config.session_socket)
    waiting = [await asyncio.open_unix_connection(path) for _ in range(2)]
    for _, writer in waiting:
        writer.write(f"{HEAD}Content-Length: 9\r\n\r\n".encode())
        await until(lambda: len(house.relay._defence.strangers._sessions) > 0)
    await until(lambda: len(house.relay._defence.strangers._sessions) == 2)
    with capture_logs() as lines:
        answer = await ask(house, f"{HEAD}Content-Length: 9\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 429")
    noted = [line for line in lines if line["event"] == "offence_noted"]
    assert [(line["offence"], line["session_id"]) for line in noted] == [("open_calls", session_id)]
    for _, writer in waiting:
        writer.close()
    await until(lambda: not house.relay._defence.strangers._sessions)


async def test_whoever_guesses_tokens_is_not_listened_to(house: House) -> None:
    """401, and then 429 whatever is shown, on both sockets; the log has one line."""
    await house.sessions.run(TOKEN)
    wrong = HEAD.replace(TOKEN, "guess")

    async def status(head: str) -> str:
        return (await ask(house, f"{head}Content-Length: 0\r\n\r\n")).split()[1].decode()

    with capture_logs() as lines:
        answers = [await status(wrong) for _ in range(5)]
        assert answers == ["401"] * 3 + ["429"] * 2
        assert await status(HEAD) == "429"
        reader, writer = await asyncio.open_unix_connection(str(house.config.display_socket))
        writer.write(b"FASTX-DISPLAY/1 guess stream\n")
        assert await reader.read() == b"ERROR unavailable\n"
        writer.close()
    noted: list[Any] = [line for line in lines if line["event"] == "offence_noted"]
    assert [line["offence"] for line in noted] == ["wrong_tokens"]

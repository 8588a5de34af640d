"""The queue of a sessions' socket: short while connections are refused, and long otherwise."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from relay.config import RelayLimits
from relay.defence import turnstile
from relay.defence.origin import Origins
from relay.defence.turnstile import GatedServer, Turnstile
from relay.sockets import bind_unix
from tests.support.turning import until
from tests.unit.relay.test_turnstile import offences

MANY = 40
"""More than a short queue takes, and than are refused in one spell."""


class FakeGate(Turnstile):
    """Takes everybody or nobody."""

    def __init__(self) -> None:
        super().__init__(RelayLimits(), Origins(), offences())
        self.is_open = False
        self.seen = 0

    def admits(self, connection: socket.socket) -> bool:
        """As the test says."""
        del connection
        self.seen += 1
        return self.is_open


class Guest(asyncio.Protocol):
    """Leaves at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        transport.close()


class Queue:
    """A served socket, and who connects to it without waiting."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.path = directory / "queue.sock"
        self.gate = FakeGate()
        self.entered = 0
        sock = bind_unix(self.path)
        self.held = stack.enter_context(sock.dup())
        """As systemd holds it."""
        self.server = GatedServer(sock, self._enter, self.gate)
        self._stack = stack

    def _enter(self) -> asyncio.Protocol:
        self.entered += 1
        return Guest()

    def connect(self, most: int = MANY) -> int:
        """Connect so often, or until there is no place; how often it worked."""
        for count in range(most):
            one = self._stack.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(0)
            try:
                one.connect(str(self.path))
            except BlockingIOError:
                return count
        return most

    async def flood(self) -> None:
        """Connections that are refused."""
        seen = self.gate.seen
        assert self.connect() == MANY
        await until(lambda: self.gate.seen == seen + MANY)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as opened:
        yield opened


@pytest_asyncio.fixture
async def queue(tmp_path: Path, stack: ExitStack) -> AsyncIterator[Queue]:
    """One that nobody has connected to."""
    served = Queue(tmp_path, stack)
    yield served
    served.server.close()


async def test_who_is_taken_does_not_shorten_the_queue(queue: Queue) -> None:
    """Agents that come all at once find a place each."""
    queue.gate.is_open = True
    await queue.flood()
    assert queue.connect() == MANY
    await until(lambda: queue.entered == 2 * MANY)


async def test_a_flood_shortens_the_queue(queue: Queue) -> None:
    """Few stand before whoever comes now, who is served in turn."""
    await queue.flood()
    waiting = queue.connect()
    assert 0 < waiting < MANY // 2
    queue.gate.is_open = True
    await until(lambda: queue.entered == waiting)
    neighbour = asyncio.create_task(asyncio.to_thread(queue.connect, 1))
    await until(lambda: queue.entered == waiting + 1)
    assert await neighbour == 1


async def test_the_queue_is_long_again_when_the_flood_is_over(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while without refusals."""
    monkeypatch.setattr(turnstile, "_CALM_SECONDS", 0.05)
    await queue.flood()
    await until(lambda: queue.server._refused_at is None)
    assert queue.connect() == MANY


async def test_between_two_lives_the_queue_is_long(queue: Queue) -> None:
    """Whoever connects while a flooded daemon is restarted waits for the next."""
    await queue.flood()
    queue.server.close()
    assert queue.connect() == MANY

"""Control streams of many agents, held open and read, as each session's agent would."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scripts.bench_lib.population import Agent
from scripts.bench_lib.wire import connect, request_bytes

PAUSE_SECONDS = 0.002
"""Between two agents: a thousand at the same moment would overrun the socket's backlog."""


@asynccontextmanager
async def held_streams(agents: Sequence[Agent]) -> AsyncIterator[None]:
    """One stream for each agent."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.get_running_loop()
    streams: list[socket.socket] = []
    try:
        for agent in agents:
            stream = connect(agent.socket)
            streams.append(stream)
            stream.send(request_bytes("GET", "/v1/commands", agent.authorization))
            loop.add_reader(stream, _discard, loop, stream)
            await asyncio.sleep(PAUSE_SECONDS)
        yield
    finally:
        for stream in streams:
            loop.remove_reader(stream)
            stream.close()


def _discard(loop: asyncio.AbstractEventLoop, stream: socket.socket) -> None:
    try:
        received = stream.recv(65536)
    except OSError:
        received = b""
    if not received:
        loop.remove_reader(stream)

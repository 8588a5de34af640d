"""A network that can break: a TCP port that passes on to another one, while it is whole."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.passing import pass_on, stop_listening

HOST = "127.0.0.1"


class TcpProxy:
    """Listens on a port of its own, the same one through all breaks."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def origin(self) -> str:
        """How a browser calls it."""
        return f"http://{HOST}:{self.port}"

    async def mend(self) -> None:
        """Take connections (again)."""
        self._server = await asyncio.start_server(self._meet, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection, and refuse new ones until mended."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or self._server is None:
            # Accepted just before the cut.
            writer.transport.abort()
            return
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._connect(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ours = [writer]
        try:
            target_reader, target_writer = await asyncio.open_connection(HOST, self._target)
            ours.append(target_writer)
            await asyncio.gather(pass_on(reader, target_writer), pass_on(target_reader, writer))
        finally:
            for each in ours:
                each.transport.abort()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """A proxy that is whole at first."""
    proxy = TcpProxy(target)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()

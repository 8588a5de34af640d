"""A Unix socket between daemon and engine that can be cut and mended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.engine import engine_socket
from tests.support.passing import pass_on, stop_listening


class EngineProxy:
    """Passes bytes both ways for as long as it is whole."""

    def __init__(self, path: Path, engine: str | None = None) -> None:
        """``engine``: the path of its socket, if it is not the one that tests use."""
        self.path = path
        self._engine = engine
        self.pulls = 0
        """How many connections are open on which a pull was asked for."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What DOCKER_HOST has to be."""
        return f"unix://{self.path}"

    async def mend(self) -> None:
        """Listen: the engine can be reached."""
        self._server = await asyncio.start_unix_server(self._meet, self.path)
        self.path.chmod(0o666)

    async def cut(self) -> None:
        """Break every connection and take no more: the engine is gone."""
        server, self._server = self._server, None
        if server is not None:
            await stop_listening(server)
            self.path.unlink()
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
        with contextlib.suppress(asyncio.CancelledError):
            await self._connect(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes both ways until client, engine or proxy have enough."""
        ours = [writer]
        pulls = False

        def note(piece: bytes) -> None:
            nonlocal pulls
            if not pulls and b"/images/create" in piece:
                pulls = True
                self.pulls += 1

        try:
            engine_reader, engine_writer = await asyncio.open_unix_connection(
                self._engine or engine_socket()
            )
            ours.append(engine_writer)
            await asyncio.gather(
                pass_on(reader, engine_writer, note), pass_on(engine_reader, writer)
            )
        finally:
            self.pulls -= pulls
            for each in ours:
                each.transport.abort()


@asynccontextmanager
async def engine_proxy(path: Path) -> AsyncIterator[EngineProxy]:
    """A proxy that is whole at first."""
    proxy = EngineProxy(path)
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()

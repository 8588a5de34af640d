"""A TCP proxy between engine and registry: counts, slows down, stands still, breaks.

A pull asks in HTTP/1.1 and with GET and HEAD alone, so that each request is a head and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE_BYTES = 16 * 1024
FAST = float("inf")


class RegistryProxy:
    """``address`` is the registry's as the engine sees it."""

    def __init__(self, registry_port: int) -> None:
        self.requests: list[str] = []
        """Every request, as ``METHOD PATH``."""
        self.bytes_per_second = FAST
        """How fast each blob comes."""
        self.connections = 0
        """How many the engine has open."""
        self._registry_port = registry_port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._blob_bytes_left = FAST
        self._cuts = False
        self._gone = False
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def address(self) -> str:
        """HOST:PORT, the first part of an image's reference."""
        return f"127.0.0.1:{self._port}"

    def asked(self, method: str, kind: str) -> list[str]:
        """Paths of the requests for ``manifests`` or ``blobs``."""
        split = [request.split(" ", 1) for request in self.requests]
        return [path for each, path in split if each == method and f"/{kind}/" in path]

    def hold_after(self, blob_bytes: int) -> None:
        """Stand still once so much of the blobs has come, until ``release``."""
        self._blob_bytes_left, self._cuts = blob_bytes, False

    def cut_after(self, blob_bytes: int) -> None:
        """Break every connection once so much of the blobs has come; then there is no registry.

        What stands in its place says so. Where nothing did, the engine would try for 75 s.
        """
        self._blob_bytes_left, self._cuts = blob_bytes, True

    def release(self) -> None:
        """Go on, as fast as can be; the registry is back."""
        self._blob_bytes_left = self.bytes_per_second = FAST
        self._gone = False
        self._flowing.set()

    async def listen(self) -> None:
        """On a port of its own."""
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break every connection."""
        assert self._server is not None
        self._server.close()
        self._cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _cut(self) -> None:
        self._gone = True
        for task in self._tasks:
            task.cancel()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
                # The engine tries TLS first, and a registry without it closes.
                if (first := await reader.readexactly(1)).isalpha():
                    serve = self._refuse if self._gone else self._serve
                    await serve(first, reader, writer)
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def _refuse(
        self, _first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer as a load balancer does that has lost what is behind it."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\nno backend")
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async def _serve(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass requests on until either side has enough."""
        answers, requests = await asyncio.open_connection("127.0.0.1", self._registry_port)
        exchange = _Exchange()
        both = [
            asyncio.create_task(self._ask(first, exchange, reader, requests)),
            asyncio.create_task(self._answer(exchange, answers, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            await asyncio.wait(both)
            requests.transport.abort()

    async def _ask(
        self,
        first: bytes,
        exchange: _Exchange,
        reader: asyncio.StreamReader,
        registry: asyncio.StreamWriter,
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = first + await reader.readuntil(b"\r\n\r\n")
                first = b""
                method, path, _ = head.decode().split(" ", 2)
                exchange.blob = "/blobs/" in path
                self.requests.append(f"{method} {path}")
                registry.write(head)

    async def _answer(
        self, exchange: _Exchange, registry: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await registry.read(PIECE_BYTES):
                if exchange.blob:
                    await self._pass_blob(len(piece))
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            await writer.drain()

    async def _pass_blob(self, length: int) -> None:
        """Return when so many bytes may go on; never, if they are too many."""
        if self._blob_bytes_left < length:
            if self._cuts:
                self._cut()
            self._flowing.clear()
        self._blob_bytes_left -= length
        await self._flowing.wait()
        # What a slow link takes.
        await asyncio.sleep(length / self.bytes_per_second)


class _Exchange:
    """What one connection is at."""

    __slots__ = ("blob",)

    def __init__(self) -> None:
        self.blob = False


@asynccontextmanager
async def registry_proxy(registry_port: int) -> AsyncIterator[RegistryProxy]:
    """A proxy that does nothing but count, at first."""
    proxy = RegistryProxy(registry_port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()

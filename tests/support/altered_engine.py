"""The engine's socket, with another word put into some of its answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.engine import engine_socket
from tests.support.engine_proxy import EngineProxy
from tests.support.passing import pass_on

Alter = Callable[[dict[str, Any]], None]
_REQUEST = re.compile(rb"GET (?:/v[0-9.]+)?(/[^? ]*)(\?[^ ]*)? HTTP")


class AlteredEngine(EngineProxy):
    """Passes on what it has no answer of its own for."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.alterations: dict[str, Alter] = {}
        """Regular expressions of paths, and what is done to the objects that come from there."""

    @contextmanager
    def altered(self, path: str, alter: Alter) -> Iterator[None]:
        """Within the block, what the engine says there is altered."""
        self.alterations[path] = alter
        try:
            yield
        finally:
            del self.alterations[path]

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(engine_socket())
        back = asyncio.create_task(pass_on(engine_reader, writer))
        try:
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65536):
                    if (answer := await self._answer(piece)) is None:
                        engine_writer.write(piece)
                        await engine_writer.drain()
                    else:
                        writer.write(answer)
                        await writer.drain()
            with contextlib.suppress(OSError):
                engine_writer.write_eof()
            await back
        finally:
            back.cancel()
            engine_writer.transport.abort()
            writer.transport.abort()

    async def _answer(self, piece: bytes) -> bytes | None:
        """Our own answer to a request; ``None`` for what is the engine's business."""
        request = _REQUEST.match(piece)
        if request is None:
            return None
        path = request[1].decode()
        for pattern, alter in self.alterations.items():
            if re.fullmatch(pattern, path):
                document = await _asked(path)
                alter(document)
                return _response(document)
        return None


async def _asked(path: str) -> dict[str, Any]:
    connector = aiohttp.UnixConnector(engine_socket())
    async with (
        aiohttp.ClientSession("http://engine", connector=connector) as http,
        http.get(path) as answer,
    ):
        found: dict[str, Any] = await answer.json()
        return found


def _response(document: dict[str, Any]) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


@asynccontextmanager
async def altered_engine(path: Path) -> AsyncIterator[AlteredEngine]:
    """An engine that says what it always said, at first."""
    engine = AlteredEngine(path)
    await engine.mend()
    try:
        yield engine
    finally:
        await engine.cut()

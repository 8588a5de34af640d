"""Readers of the event stream as no web server should be: dead, or far too slow."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scripts.bench_lib.wire import connect

SLOW_BYTES = 512
SLOW_SECONDS = 0.5
RETRY_SECONDS = 1.0


@asynccontextmanager
async def bad_readers(path: Path, count: int) -> AsyncIterator[None]:
    """Half of them read nothing, half a kilobyte a second; who is cut off comes back."""
    readers = [asyncio.create_task(_read(path, slow=number % 2 == 0)) for number in range(count)]
    try:
        yield
    finally:
        for reader in readers:
            reader.cancel()
        if readers:
            await asyncio.wait(readers)


async def _read(path: Path, *, slow: bool) -> None:
    while True:
        with contextlib.suppress(OSError):
            connection = connect(path)
            try:
                connection.send(b"GET /v1/events HTTP/1.0\r\nHost: bench\r\n\r\n")
                await (_slowly(connection) if slow else _not_at_all(connection))
            finally:
                connection.close()
        await asyncio.sleep(RETRY_SECONDS)


async def _slowly(connection: socket.socket) -> None:
    while True:
        await asyncio.sleep(SLOW_SECONDS)
        with contextlib.suppress(BlockingIOError):
            if not connection.recv(SLOW_BYTES):
                return


async def _not_at_all(connection: socket.socket) -> None:
    """Until the other end has had enough."""
    state = select.poll()
    state.register(connection, select.POLLHUP)
    while not state.poll(0):
        await asyncio.sleep(SLOW_SECONDS)

"""What comes on one connection, passed on to another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


async def pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[bytes], None] = lambda _: None,
) -> None:
    """Pass on what comes, then the end of it."""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            note(piece)
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def stop_listening(server: asyncio.Server) -> None:
    """Close a server, not in the middle of a connection that it has just accepted.

    asyncio makes a transport of it one turn later, and lets it lie there if the server is closed by
    then (3.11, ``_accept_connection2``).
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    server.close()

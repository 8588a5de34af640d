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

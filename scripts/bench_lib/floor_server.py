"""The floor: an aiohttp server that forwards each POST to every reader, in memory, and no more.

usage: python -m scripts.bench_lib.floor_server DIRECTORY
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import web


class FloorServer:
    """A relay without a supervisor behind it."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[bytes]] = set()

    async def take(self, request: web.Request) -> web.Response:
        """Hand the body to every reader."""
        body = await request.read()
        for reader in self._readers:
            reader.put_nowait(b"event: update\ndata: " + body + b"\n\n")
        return web.Response(status=204)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Bodies as they come."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        response = web.StreamResponse()
        await response.prepare(request)
        self._readers.add(queue)
        try:
            await response.write(b"event: synced\ndata: {}\n\n")
            while True:
                await response.write(await queue.get())
        except ConnectionError:
            return response
        finally:
            self._readers.discard(queue)


async def main(directory: Path) -> None:
    """Serve until ended."""
    server = FloorServer()
    app = web.Application()
    app.add_routes([web.post("/v1/callbacks", server.take), web.get("/v1/events", server.follow)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(directory / "floor.sock"), backlog=512).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

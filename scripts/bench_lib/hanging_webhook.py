"""A web server's end of the webhook that takes every request and never answers."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path


class HangingWebhook:
    """What it was sent, and the configuration that sends it there."""

    def __init__(self, port: int, secret: Path) -> None:
        self.requests = 0
        self._url = f"http://127.0.0.1:{port}/"
        self._secret = secret

    def section(self) -> Mapping[str, object]:
        """The daemon's ``relay`` section."""
        return {"webhook": {"url": self._url, "secret_files": [str(self._secret)]}}


@asynccontextmanager
async def hanging_webhook(directory: Path) -> AsyncIterator[HangingWebhook]:
    """Listen on a port of the loopback until the block ends."""
    secret = directory / "webhook-secret"
    secret.touch(mode=0o600)
    secret.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode())
    writers: set[asyncio.StreamWriter] = set()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        webhook.requests += 1
        writers.add(writer)
        while await reader.read(65536):
            pass
        writers.discard(writer)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    webhook = HangingWebhook(server.sockets[0].getsockname()[1], secret)
    try:
        yield webhook
    finally:
        server.close()
        for writer in tuple(writers):
            writer.close()

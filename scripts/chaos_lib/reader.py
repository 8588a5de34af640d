"""A web server's reader of the event stream: comes back by ``Last-Event-ID`` whenever it is cut."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from scripts.chaos_lib.history import History, Wire

AGAIN_SECONDS = 0.1
_SSE_LINE_BYTES = 2**20


class Reader:
    """Follows until closed. ``restless_seconds``: leaves by itself after at most so long."""

    def __init__(
        self, name: str, socket: Path, *, by_websocket: bool = False, restless_seconds: float = 0.0
    ) -> None:
        self.history = History(name)
        self.connections = 0
        self._there = asyncio.Event()
        self._there.set()
        self._leaving: asyncio.Timeout | None = None
        self._socket = socket
        self._by_websocket = by_websocket
        self._restless_seconds = restless_seconds
        self._dice = random.Random(name)  # noqa: S311 nothing secret

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._there.wait()
            self.history.connected()
            # A daemon that is down, goes down, or refuses for the moment.
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._connect()
            await asyncio.sleep(AGAIN_SECONDS)

    def leave(self) -> None:
        """Close the connection and make no other."""
        self._there.clear()
        if self._leaving is not None:
            self._leaving.reschedule(asyncio.get_running_loop().time())

    def come_back(self) -> None:
        """Connect again, by the number of the last event."""
        self._there.set()

    async def _connect(self) -> None:
        patience = None
        if self._restless_seconds:
            patience = self._dice.uniform(0, self._restless_seconds)
        last = self.history.last_seq
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        follow = _by_websocket if self._by_websocket else _by_sse
        connector = aiohttp.UnixConnector(str(self._socket))
        async with (
            asyncio.timeout(patience) as leaving,
            aiohttp.ClientSession(
                "http://fx", connector=connector, read_bufsize=_SSE_LINE_BYTES
            ) as http,
            follow(http, headers) as events,
        ):
            self.connections += 1
            self._leaving = leaving
            try:
                async for event, seq, data in events:
                    await self.history.take(event, seq, data)
            finally:
                self._leaving = None


_Events = AsyncIterator[tuple[str, int | None, Wire]]


@asynccontextmanager
async def _by_sse(http: aiohttp.ClientSession, headers: dict[str, str]) -> AsyncIterator[_Events]:
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with http.get("/v1/events", headers=headers, timeout=timeout) as answer:
        answer.raise_for_status()
        yield _parsed(answer.content)


async def _parsed(lines: aiohttp.StreamReader) -> _Events:
    """Events of a server-sent stream. One that is cut before its empty line never came."""
    event, seq, data = "", None, ""
    async for raw in lines:
        line = raw.decode().rstrip("\n")
        word, _, value = line.partition(": ")
        match word:
            case "event":
                event = value
            case "id":
                seq = int(value)
            case "data":
                data = value
            case "" if not line and event:
                yield event, seq, json.loads(data)
                event, seq, data = "", None, ""
            case _:
                pass


@asynccontextmanager
async def _by_websocket(
    http: aiohttp.ClientSession, headers: dict[str, str]
) -> AsyncIterator[_Events]:
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(30):
            socket = await stack.enter_async_context(
                http.ws_connect("/v1/events", headers=headers, max_msg_size=0, heartbeat=30)
            )
        yield _messages(socket)


async def _messages(socket: aiohttp.ClientWebSocketResponse) -> _Events:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            parsed = json.loads(message.data)
            yield parsed["event"], parsed["id"], parsed["data"]

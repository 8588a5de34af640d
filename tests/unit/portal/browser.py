"""A browser, as far as the portal can tell: cookies, an Origin, the token of its page."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def object(self) -> Object:
        """The JSON object that it is."""
        value: Object = json.loads(self.body)
        return value

    @property
    def code(self) -> str:
        """Of a problem."""
        return str(self.object["code"])


class Browser:
    """One; ``close`` after use."""

    def __init__(
        self,
        base: str,
        *,
        socket: str | None = None,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.base = base
        self.csrf = ""
        connector: aiohttp.BaseConnector | None = None
        if socket is not None:
            connector = aiohttp.UnixConnector(path=socket)
        if tls is not None:
            connector = aiohttp.TCPConnector(ssl=tls)
        self.http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            headers=headers,
            auto_decompress=False,
        )

    @property
    def cookie(self) -> str:
        """What the portal has given it."""
        cookies = self.http.cookie_jar.filter_cookies(URL(self.base))
        return cookies["fx_portal"].value

    async def close(self) -> None:
        """It is closed."""
        await self.http.close()

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """As a page of the portal's does it; ``headers`` add to that, or take its place."""
        sent = {"Origin": self.base, "X-CSRF-Token": self.csrf, **(headers or {})}
        kept = {name: value for name, value in sent.items() if value}
        content: dict[str, Any] = {"json": body} if raw is None else {"data": raw}
        async with self.http.request(
            method, self.base + path, headers=kept, allow_redirects=False, **content
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Reply:
        """GET; a header's underscores are dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.call("GET", path, headers=named)

    async def post(self, path: str, body: object = None) -> Reply:
        """POST."""
        return await self.call("POST", path, body)

    async def sign_in(self, token: str) -> Reply:
        """By a one-time link."""
        reply = await self.post("/api/sign-in/link", {"token": token})
        if reply.status == 200:
            self.csrf = reply.object["csrf_token"]
        return reply

    async def display(
        self, path: str, origin: str | None = None
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket. Raises WSServerHandshakeError when it is refused."""
        return await self.http.ws_connect(
            self.base + path,
            origin=self.base if origin is None else origin,
            protocols=("binary",),
            max_msg_size=0,
        )

    @asynccontextmanager
    async def events(self, query: str = "") -> AsyncIterator[Events]:
        """The event stream within the block."""
        async with self.http.get(f"{self.base}/api/events{query}") as response:
            assert response.status == 200, await response.text()
            yield Events(response)


class Events:
    """What comes by an event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.seen: list[tuple[str, Object]] = []

    async def next(self) -> tuple[str, Object]:
        """The next event. Raises EOFError at the end of the stream, TimeoutError."""
        name, data = "", ""
        async with asyncio.timeout(10):
            async for raw in self._response.content:
                field, _, value = raw.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif not field and data:
                    self.seen.append((name, json.loads(data)))
                    return self.seen[-1]
        raise EOFError

    async def until(self, name: str, **fields: object) -> Object:
        """The next event of this name whose data has these fields."""
        while True:
            found, data = await self.next()
            if found == name and fields.items() <= data.items():
                return data

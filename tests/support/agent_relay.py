"""A relay that only listens and speaks as told: the agent's counterpart in docs/agent-protocol.md.

It can vanish and come back at the same place, as a daemon does that is restarted. What the agent
said is kept in ``callbacks``; every wait takes its deadline from the caller (``asyncio.timeout``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.rfb_client import SocketStream

Callback = dict[str, Any]

_KEEP_ALIVE_LINE = b"\n"


class AgentRelay:
    """Both sockets of one session; use ``listening`` or ``start`` and ``vanish``."""

    def __init__(self, directory: Path, token: str) -> None:
        self.callbacks: list[Callback] = []
        """Every callback that was taken, in the order of arrival."""
        self.refused: list[Callback] = []
        """Those that were answered by 503, once for each attempt."""
        self.refusing: set[str] = set()
        """The types that are."""
        self.unauthorized: list[str] = []
        """What came without the session's token."""
        self._directory = directory
        self._token = token
        self._changed = asyncio.Condition()
        self._control: web.StreamResponse | None = None
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._display: asyncio.Server | None = None
        self._displays: dict[str, asyncio.Future[SocketStream]] = {}
        self._writers: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[AgentRelay]:
        """Be there within the block."""
        await self.start()
        try:
            yield self
        finally:
            await self.vanish()

    async def start(self) -> None:
        """Listen on both sockets, which whoever is in the container may connect to."""
        self._closing = asyncio.Event()
        application = web.Application()
        application.router.add_post("/v1/callbacks", self._take_callback)
        application.router.add_get("/v1/commands", self._hold_control)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        session, display = (self._directory / f"{name}.sock" for name in ("session", "display"))
        await web.UnixSite(self._runner, str(session)).start()
        self._display = await asyncio.start_unix_server(self._greet, display)
        for path in (session, display):
            path.chmod(0o666)

    async def vanish(self) -> None:
        """Drop every connection and both sockets; harmless when repeated."""
        self._closing.set()
        if self._display is not None:
            self._display.close()
            self._display = None
        while self._writers:
            self._writers.pop().close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        for path in self._directory.glob("*.sock"):
            path.unlink()

    async def callback(self, kind: str, **fields: object) -> Callback:
        """Wait for the first callback of this type with these fields."""
        return (await self.callbacks_of(kind, 1, **fields))[0]

    async def callbacks_of(self, kind: str, count: int, **fields: object) -> list[Callback]:
        """Wait until there are so many of this type with these fields; all of them."""

        def found() -> list[Callback]:
            wanted = {"type": kind, **fields}.items()
            return [body for body in self.callbacks if wanted <= _scalars(body).items()]

        async with self._changed:
            await self._changed.wait_for(lambda: len(found()) >= count)
        return found()

    async def attempt(self, kind: str) -> Callback:
        """Wait until a callback of this type was refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(b["type"] == kind for b in self.refused))
        return next(body for body in self.refused if body["type"] == kind)

    async def command(self, **fields: object) -> None:
        """Send one command, as soon as the control stream is open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._control is not None)
        assert self._control is not None
        await self._control.write(json.dumps(fields).encode() + b"\n")

    async def execute(self, name: str, command: str | list[str]) -> Callback:
        """Run another program in the session and wait for its end."""
        await self.command(type="exec", id=name, command=command, wait=True)
        return await self.callback("exec_exited", id=name)

    async def open_display(self, stream: str) -> SocketStream:
        """Ask for a display stream, wait until the agent dialled, and admit it."""
        self._displays[stream] = asyncio.get_running_loop().create_future()
        await self.command(type="open_display", stream=stream)
        return await self._displays[stream]

    async def _take_callback(self, request: web.Request) -> web.Response:
        self._check(request)
        body: Callback = await request.json()
        refused = body["type"] in self.refusing
        async with self._changed:
            (self.refused if refused else self.callbacks).append(body)
            self._changed.notify_all()
        return web.Response(status=503 if refused else 204)

    async def _hold_control(self, request: web.Request) -> web.StreamResponse:
        self._check(request)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        await response.write(_KEEP_ALIVE_LINE)
        await self._set_control(response)
        try:
            await self._closing.wait()
        finally:
            if self._control is response:
                await self._set_control(None)
        return response

    async def _set_control(self, response: web.StreamResponse | None) -> None:
        async with self._changed:
            self._control = response
            self._changed.notify_all()

    def _check(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._token}":
            self.unauthorized.append(f"{request.method} {request.path}")
            raise web.HTTPUnauthorized

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        line = (await reader.readline()).decode()
        word, token, stream = line.split()
        if (word, token) != ("FASTX-DISPLAY/1", self._token):
            self.unauthorized.append(line)
            writer.write(b"ERROR unauthorized\n")
            writer.close()
            return
        writer.write(b"OK\n")
        self._displays[stream].set_result(SocketStream(reader, writer))


def _scalars(body: Callback) -> dict[str, object]:
    return {name: value for name, value in body.items() if not isinstance(value, dict | list)}

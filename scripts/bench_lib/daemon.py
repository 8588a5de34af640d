"""A daemon of our own for the length of a measurement, and a web server's view of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.rfb_client import RfbClient, WebSocketStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

READY_SECONDS = 30


class WebServer:
    """What a web server does: calls, and one event stream for all sessions."""

    def __init__(self, socket: Path) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket), limit=0))
        self._seen: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        self._news = asyncio.Condition()
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Follow the event stream from now on."""
        self._following = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """End the stream and the connections."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])
        await self._http.close()

    async def start(self, user: str) -> tuple[str, float]:
        """POST a start; returns the session's id and when the POST was sent."""
        begun = time.perf_counter()
        async with self._http.post("http://fx/v1/sessions", json={"user": user}) as answer:
            session = await answer.json()
            if answer.status != 202:
                raise RuntimeError(session)
        return session["id"], begun

    async def when(self, session_id: str, holds: Callable[[dict[str, Any]], Any]) -> float:
        """The moment at which the stream first showed the session to be so."""
        async with self._news:
            while True:
                for at, session in self._seen.get(session_id, ()):
                    if holds(session):
                        return at
                    if session["phase"] == "ended":
                        raise RuntimeError(f"{session['reason']}: {session['message']}")
                await self._news.wait()

    async def first_picture(self, session_id: str) -> float:
        """Connect a viewer with a ticket; the moment of its first framebuffer update."""
        async with self._http.post(
            f"http://fx/v1/sessions/{session_id}/tickets", json={}
        ) as answer:
            path = (await answer.json())["path"]
        async with (
            self._http.ws_connect(
                f"http://fx{path}", protocols=["binary"], max_msg_size=0
            ) as socket,
            RfbClient.connect(WebSocketStream(socket)) as screen,
        ):
            await screen.refresh()
            return time.perf_counter()

    async def terminate(self, session_id: str) -> None:
        """End the session and wait until it is over."""
        async with self._http.delete(f"http://fx/v1/sessions/{session_id}") as answer:
            answer.raise_for_status()

    async def _follow(self) -> None:
        async with self._http.get(
            "http://fx/v1/events", timeout=aiohttp.ClientTimeout(total=None)
        ) as answer:
            async for line in answer.content:
                if not line.startswith(b'data: {"id"'):
                    continue
                session = json.loads(line[6:])
                if "phase" not in session:
                    continue
                async with self._news:
                    self._seen.setdefault(session["id"], []).append((time.perf_counter(), session))
                    self._news.notify_all()


@asynccontextmanager
async def running_daemon(directory: Path, bundle: Path) -> AsyncIterator[WebServer]:
    """The daemon of this checkout, on directories of its own; gone again afterwards."""
    config = directory / "supervisor.yaml"
    config.write_text(f"agent: {{bundle: {bundle}}}\nlog: {{level: warning, format: json}}\n")
    environment = {
        **os.environ,
        "FX_CONFIG_DIR": str(directory),
        "FX_LOCAL_DIR": str(directory / "local"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "supervisor", "--runtime-dir", str(directory / "run"), env=environment
    )
    web = WebServer(directory / "run" / "web.sock")
    try:
        async with asyncio.timeout(READY_SECONDS):
            await _ready(directory / "run" / "web.sock")
        await web.open()
        yield web
    finally:
        await web.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _ready(socket: Path) -> None:
    connector = aiohttp.UnixConnector(str(socket))
    async with aiohttp.ClientSession(connector=connector) as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get("http://fx/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)

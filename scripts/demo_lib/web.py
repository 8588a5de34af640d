"""The demo's web server: starts a session over ``web.sock`` and follows the event stream."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from scripts.demo_lib.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import TracebackType

    from scripts.demo_lib.daemon import Daemon

Wire = dict[str, Any]
"""One JSON object, as documented in docs/openapi.yaml."""

ORIGIN = "http://localhost"
READY_SECONDS = 20.0


class WebClient:
    """Speaks to one daemon. Use as an async context manager."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            base_url=ORIGIN,
            connector=aiohttp.UnixConnector(path=str(self._socket)),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The connection pool."""
        if self._http is None:
            raise RuntimeError("used outside its block")
        return self._http

    async def wait_ready(self, daemon: Daemon) -> None:
        """Wait until the daemon says that it is ready; raises DemoError if it never does."""
        answer = "no answer"
        try:
            async with asyncio.timeout(READY_SECONDS):
                while True:
                    daemon.require_alive()
                    try:
                        async with self.http.get("/readyz") as response:
                            if response.status == 200:
                                return
                            answer = (await response.text()).strip()
                    except aiohttp.ClientError as error:
                        answer = str(error)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            message = f"the daemon was not ready within {READY_SECONDS:.0f} s: {answer}"
            raise DemoError(message) from None

    async def call(self, method: str, path: str, body: Wire | None = None) -> Wire:
        """Make one call. Raises DemoError with the problem's own words on any refusal."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with self.http.request(method, path, json=body, timeout=timeout) as response:
            text = await response.text()
            if response.status >= 400:
                raise DemoError(f"{method} {path} was answered {response.status}: {text}")
            answer: Wire = json.loads(text) if text else {}
            return answer

    async def events(self) -> AsyncIterator[tuple[str, Wire]]:
        """Yield name and object of every event of the stream."""
        async with self.http.get("/v1/events", headers={"Accept": "text/event-stream"}) as response:
            if response.status != 200:
                raise DemoError(f"GET /v1/events was answered {response.status}")
            name, lines = "message", list[str]()
            async for raw in response.content:
                line = raw.decode().rstrip("\r\n")
                field, _, value = line.partition(":")
                match field:
                    case "event":
                        name = value.strip()
                    case "data":
                        lines.append(value.removeprefix(" "))
                    case _ if line == "":
                        if lines:
                            yield name, json.loads("\n".join(lines))
                        name, lines = "message", []


class Timeline:
    """One session as the event stream tells it; prints every change of its phase."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._changed = asyncio.Condition()
        self._told = ""
        self._failure: DemoError | None = None
        self.session: Wire = {}
        self.id: str | None = None

    def follow(self, session: Wire, *, since: float) -> None:
        """Take up this session, as answered to the call that began at ``since`` (monotonic)."""
        self._started = since
        self.id = session["id"]
        self._take(session)

    async def watch(self, web: WebClient) -> None:
        """Read the stream until cancelled."""
        try:
            async for name, content in web.events():
                if name == "update" and content.get("id") == self.id:
                    async with self._changed:
                        self._take(content)
                        self._changed.notify_all()
            failure = DemoError("the event stream ended.")
        except (aiohttp.ClientError, DemoError) as error:
            failure = DemoError(f"the event stream broke: {error}")
        async with self._changed:
            self._failure = failure
            self._changed.notify_all()

    async def reach(self, *phases: str, within: float) -> Wire:
        """Wait for one of ``phases``; raises DemoError when the session ends up elsewhere."""
        final = {"ended", *phases}
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: self._failure or self._phase in final)
        except TimeoutError:
            wanted = " or ".join(phases)
            message = f"the session is {self._phase} and not {wanted} after {within:.0f} s."
            raise DemoError(message) from None
        if self._phase in phases:
            return self.session
        if self._failure is not None:
            raise self._failure
        told = "{reason}: {message}".format_map(self.session)
        raise DemoError(f"the session ended: {told}")

    @property
    def _phase(self) -> str:
        return str(self.session.get("phase", "not started"))

    def _take(self, session: Wire) -> None:
        if session.get("version", 0) < self.session.get("version", 0):
            return
        self.session = session
        told = " ".join(
            str(session[key])
            for key in ("phase", "reason", "message", "progress")
            if session.get(key) not in {None, ""}
        )
        if told != self._told:
            self._told = told
            print(f"{(time.monotonic() - self._started) * 1000:9.0f} ms  {told}", flush=True)

"""A web server as the daemon sees it: calls on ``web.sock``, and one event stream for all sessions.

async with WebServer(daemon) as web, web.session(command="xterm") as session:
    ...
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.support.daemon import Daemon
from tests.support.eventually import LONG_SECONDS

Wire = dict[str, Any]
"""A JSON object, as documented in docs/openapi.yaml."""

CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Wire:
        """The JSON object in it."""
        parsed: Wire = json.loads(self.text)
        return parsed

    def refusal(self) -> tuple[int, str, list[list[str | int]]]:
        """Status, code and the places of the faults."""
        faults = self.body.get("errors", [])
        return self.status, self.body["code"], [fault["loc"] for fault in faults]


def caller(daemon: Daemon) -> aiohttp.ClientSession:
    """For single calls; to be used as a context."""
    connector = aiohttp.UnixConnector(str(daemon.socket), limit=0)
    return aiohttp.ClientSession("http://fx", connector=connector)


class WebServer:
    """Speaks to one daemon, and hears of every change."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._seen: dict[str, list[Wire]] = {}
        self._deleted: set[str] = set()
        self._news = asyncio.Condition()
        self._synced = False

    async def __aenter__(self) -> Self:
        self.http = self._connected()
        self._following = asyncio.create_task(self._follow())
        async with asyncio.timeout(CALL_SECONDS), self._news:
            await self._news.wait_for(lambda: self._synced)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._following.cancel()
        await asyncio.wait([self._following])
        await self.http.close()

    async def call(
        self, method: str, path: str, body: object = None, *, raw: bytes = b"", **headers: str
    ) -> Answer:
        """Make one call, whatever the answer. Headers by their name with underscores."""
        content = raw or (json.dumps(body).encode() if body is not None else None)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS)
        async with self.http.request(
            method, path, data=content, headers=named, timeout=timeout
        ) as answer:
            text = await answer.text()
            return Answer(answer.status, dict(answer.headers), text)

    async def post_start(self, /, **fields: object) -> Answer:
        """Ask for a session, for the ordinary user unless told otherwise."""
        return await self.call("POST", "/v1/sessions", {"user": self.daemon.site.user, **fields})

    async def start(self, /, **fields: object) -> str:
        """Ask for a session that has to be accepted; its id."""
        answer = await self.post_start(**fields)
        assert answer.status == 202, answer.text
        session_id: str = answer.body["id"]
        return session_id

    async def get(self, session_id: str) -> Wire:
        """The session as it is now."""
        return (await self.call("GET", f"/v1/sessions/{session_id}")).body

    async def session_list(self) -> list[Wire]:
        """All sessions that are known, newest first."""
        found: list[Wire] = (await self.call("GET", "/v1/sessions")).body["sessions"]
        return found

    async def terminate(self, session_id: str) -> Wire:
        """Ask it to end, and wait until it has."""
        answer = await self.call("POST", f"/v1/sessions/{session_id}/terminate")
        assert answer.status == 202, answer.text
        return await self.until(session_id, "ended")

    async def ticket(self, session_id: str, **fields: object) -> str:
        """What admits a viewer."""
        answer = await self.call("POST", f"/v1/sessions/{session_id}/tickets", fields)
        assert answer.status == 201, answer.text
        secret: str = answer.body["ticket"]
        self.daemon.secrets.add(secret)
        return secret

    @asynccontextmanager
    async def session(self, /, **fields: object) -> AsyncIterator[Wire]:
        """A running session, which is purged afterwards."""
        session_id = await self.start(**fields)
        try:
            session = await self.until(session_id, "running")
            self.daemon.token(session_id)
            yield session
        finally:
            await self.call("DELETE", f"/v1/sessions/{session_id}")

    async def ending_of(self, /, **fields: object) -> Wire:
        """Start a session that ends by itself; what became of it."""
        return await self.until(await self.start(**fields), "ended")

    async def until(self, session_id: str, *phases: str) -> Wire:
        """The session once it is in one of these phases, or was while nobody looked."""
        return await self.when(session_id, lambda seen: seen["phase"] in phases)

    async def when(self, session_id: str, holds: Callable[[Wire], object]) -> Wire:
        """The newest state of the session that ``holds``; an end not waited for is wrong."""
        try:
            async with asyncio.timeout(LONG_SECONDS), self._news:
                while True:
                    for seen in reversed(self.history(session_id)):
                        if holds(seen):
                            return seen
                    last = self.history(session_id)[-1:]
                    assert not last or last[0]["phase"] != "ended", f"ended: {last[0]}"
                    assert session_id not in self._deleted, "purged"
                    await self._news.wait()
        except TimeoutError:
            told = f"{self.history(session_id)[-1:]}\n{self.daemon.log_text}"
            raise AssertionError(f"not within {LONG_SECONDS:g} s; last seen {told}") from None

    def history(self, session_id: str) -> list[Wire]:
        """Every state of the session that the stream has told of."""
        return self._seen.get(session_id, [])

    def phases(self, session_id: str) -> list[str]:
        """Its phases, one after the other."""
        found: list[str] = []
        for seen in self.history(session_id):
            if found[-1:] != [seen["phase"]]:
                found.append(seen["phase"])
        return found

    def forget(self, session_id: str) -> None:
        """Take what the stream says from now on for all there is."""
        del self._seen[session_id][:]

    def _connected(self) -> aiohttp.ClientSession:
        return caller(self.daemon)

    async def _follow(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.http.get("/v1/events", timeout=timeout) as answer:
            name = ""
            async for line in answer.content:
                word, _, value = line.decode().rstrip("\n").partition(": ")
                if word == "event":
                    name = value
                if word == "data":
                    async with self._news:
                        self._take(name, json.loads(value))
                        self._news.notify_all()

    def _take(self, name: str, document: Wire) -> None:
        match name:
            case "update":
                self._seen.setdefault(document["id"], []).append(document)
            case "delete":
                self._deleted.add(document["id"])
            case "synced":
                self._synced = True
            case _:
                pass

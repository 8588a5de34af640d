"""A web server that takes webhooks, on a real port of this host."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came in."""

    id: str
    headers: dict[str, str]
    body: bytes
    path: str
    port: int
    """Of its connection at the sender's side: the same for all that one connection carried."""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON in it."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def session_id(self) -> str:
        """Whose change it is."""
        session_id: str = self.document["data"]["id"]
        return session_id

    @property
    def session(self) -> str:
        """Its first letter, by which sessions are told apart in unit tests."""
        return self.session_id[0]

    @property
    def version(self) -> int:
        """Which change of the session it is."""
        version: int = self.document["data"]["version"]
        return version


Answer = Callable[[Delivery, web.Request], Awaitable[web.StreamResponse]]


async def accept(_delivery: Delivery, _request: web.Request) -> web.StreamResponse:
    """204."""
    return web.Response(status=204)


def refuse(status: int, **headers: str) -> Answer:
    """This status, always; headers by their name with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def refused(_delivery: Delivery, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=named, text="no")

    return refused


def refuse_session(letter: str, otherwise: Answer) -> Answer:
    """``otherwise`` for this session, 204 for all others."""

    async def judged(delivery: Delivery, request: web.Request) -> web.StreamResponse:
        answer = otherwise if delivery.session == letter else accept
        return await answer(delivery, request)

    return judged


class Receiver:
    """Answers as told, and remembers what came and what of it was accepted."""

    def __init__(self) -> None:
        self.answer: Answer = accept
        self.came: list[Delivery] = []
        self.accepted: list[Delivery] = []
        self.under_way: list[str] = []
        self.most_at_once = 0
        self.doubled: list[str] = []
        """Sessions of which two events were on their way at once."""
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where events are to be posted."""
        return f"http://127.0.0.1:{self._port}/hook?token=s3cret"

    async def start(self) -> None:
        """Serve, on the same port each time."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone: connections are refused from now on."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Receiver]:
        """Start, and stop at the end if it has not been."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    def versions(self, letter: str) -> list[int]:
        """The changes of a session that were accepted, each as it first was."""
        names: dict[str, int] = {}
        for delivery in self.accepted:
            if delivery.session == letter:
                names.setdefault(delivery.id, delivery.version)
        return list(names.values())

    async def _take(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        delivery = Delivery(
            id=request.headers["webhook-id"],
            headers=dict(request.headers),
            body=await request.read(),
            path=request.path,
            port=request.transport.get_extra_info("peername")[1],
        )
        self.came.append(delivery)
        if delivery.session_id in self.under_way:
            self.doubled.append(delivery.session_id)
        self.under_way.append(delivery.session_id)
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        try:
            response = await self.answer(delivery, request)
        finally:
            self.under_way.remove(delivery.session_id)
        if 200 <= response.status < 300:
            self.accepted.append(delivery)
        return response

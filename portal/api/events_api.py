"""``GET /api/events``: what there is, then what changes, for one browser.

upstream, (node), reset, update*, synced, then as it comes
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from portal.access import Person
from portal.api.feed import Feed, encode
from portal.api.sessions_api import wants_all
from portal.concurrency import ConcurrencyLimit
from portal.roster import Roster
from portal.sign_in.sign_ins import SignIn
from portal.upstream.mirror import Reader
from portal.web.caller import signed_in

_KEEPALIVE_SECONDS = 15.0
_STALL_SECONDS = 30.0
"""A browser that takes nothing for so long is cut off, and comes back."""

MOST_PER_USER = 64
"""Streams of one user, over all browsers: each is a connection and a task."""

_KEEP_ALIVE = b": keep-alive\n\n"


class EventsApi:
    """Serves browsers."""

    def __init__(self, roster: Roster, stopping: asyncio.Event) -> None:
        self._roster = roster
        self._stopping = stopping
        detail = f"You have {MOST_PER_USER} pages open, over all browsers: close some."
        self.streams = ConcurrencyLimit(
            MOST_PER_USER, "too_many_streams", detail, _KEEPALIVE_SECONDS
        )

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/api/events", self.follow, allow_head=False)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """The stream, until the browser leaves, the sign-in ends or the portal stops."""
        person, sign_in = signed_in(request)
        everybody = wants_all(request, person)
        with self.streams.place(person.user):
            return await self._follow(request, person, sign_in, everybody=everybody)

    async def _follow(
        self, request: web.Request, person: Person, sign_in: SignIn, *, everybody: bool
    ) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        response.content_type = "text/event-stream"
        await response.prepare(request)
        feed = Feed(self._roster, person, everybody=everybody)
        with self._roster.mirror.watch() as reader, sign_in.rings(reader.news):
            try:
                async for piece in self._pieces(feed, reader, sign_in):
                    async with asyncio.timeout(_STALL_SECONDS):
                        await response.write(piece)
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
        return response

    async def _pieces(self, feed: Feed, reader: Reader, sign_in: SignIn) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        yield feed.opening(reader)
        spoke = loop.time()
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(spoke + _KEEPALIVE_SECONDS):
                    await reader.news.wait()
            if sign_in.ended.is_set():
                yield encode("signed_out", {})
                return
            news = feed.news(reader)
            # Also when all the news is about others: silence looks like a dead line.
            if news or loop.time() - spoke >= _KEEPALIVE_SECONDS:
                yield news or _KEEP_ALIVE
                spoke = loop.time()

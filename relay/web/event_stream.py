"""``GET /v1/events``: what is, then what changes, to a reader who may have been here before.

    fresh:                      update per session, synced, live
    Last-Event-ID is kept:      what came after it, live
    Last-Event-ID is not kept:  reset, then as fresh

Beside that the node tells of itself, before anything live and whenever it has changed.

Only ``synced`` and live events carry an id: a reader that is lost in the middle of the snapshot
starts again, instead of missing the rest of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import chain, islice

import structlog
from aiohttp import web

from relay.config import RelayLimits
from relay.frames import Frame
from relay.measures import UNMEASURED, Measures
from relay.ports import Feed, FeedGapError, FeedItem, FeedReader, Health
from relay.schemas import EVENTS_QUERY, last_event_id, query
from relay.streams import cut_off, stream_lines
from relay.web.event_socket import SocketTimes, follow_by_socket
from relay.web.presence import Presence
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.view import node_document

_KEEP_ALIVE = b": keep-alive\n\n"
_BATCH = 64
_TOOL = "fxctl/"
"""How an administrator's tool calls itself: whoever looks on is no web server."""
"""Events written at once; a reader has the time of a stall to take them."""

_log = structlog.get_logger()


_PAGE = 64
"""Events read from the store at once: a thousand readers come back after a restart."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Some of what a reader has missed; with it the reader has everything up to ``position``."""

    items: Sequence[FeedItem]
    position: int
    is_last: bool


class EventStream:
    """Serves readers of the feed."""

    def __init__(  # noqa: PLR0913 what it is composed of
        self,
        feed: Feed,
        health: Health,
        limits: RelayLimits,
        stopping: asyncio.Future[None],
        *,
        presence: Presence,
        measures: Measures = UNMEASURED,
    ) -> None:
        self._feed = feed
        self._health = health
        self._limits = limits
        self._stopping = stopping
        self._presence = presence
        self._measures = measures
        self._times = SocketTimes(
            heartbeat_seconds=2 * limits.keepalive_seconds,
            stall_seconds=limits.stall_seconds,
            close_seconds=limits.close_seconds,
        )

    def routes(self) -> list[web.RouteDef]:
        """Method, path and call."""
        return [web.get("/v1/events", self.follow, allow_head=False)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """The stream as server-sent events, or as a WebSocket. A slow reader is cut off."""
        user = query(EVENTS_QUERY, request.query).user
        after = last_event_id(request.headers.get("Last-Event-ID"))
        # A snapshot without them would tell that they are gone.
        self._feed.require_complete()
        if request.headers.get("User-Agent", "").startswith(_TOOL):
            return await self._serve(request, after, user)
        with self._presence.reader():
            return await self._serve(request, after, user)

    async def _serve(
        self, request: web.Request, after: int | None, user: str | None
    ) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await follow_by_socket(
                request, self.frames(after, user), self._times, self._note_cut_off
            )
        response = web.StreamResponse(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        response.content_type = "text/event-stream"
        try:
            async with aclosing(self._encoded(after, user)) as pieces:
                kept_up = await stream_lines(request, response, pieces, self._limits.stall_seconds)
        except FeedGapError:
            cut_off(request)
            self._note_cut_off()
            _log.warning("event_reader_cut_off", user=user)
        else:
            if not kept_up:
                self._note_cut_off()
            _log.debug("event_reader_left", user=user, kept_up=kept_up)
        return response

    def _note_cut_off(self) -> None:
        self._measures.reader_cut_off("events")

    async def _encoded(self, after: int | None, user: str | None) -> AsyncGenerator[bytes, None]:
        # Something at once, so that the reader has its headers.
        yield _KEEP_ALIVE
        async with aclosing(self.frames(after, user)) as batches:
            async for batch in batches:
                yield b"".join(map(encode, batch)) or _KEEP_ALIVE

    async def frames(
        self, after: int | None, user: str | None
    ) -> AsyncGenerator[Sequence[Frame], None]:
        """What a reader gets, some at a time; none when nothing came for a while.

        Raises FeedGapError.
        """
        # Subscribed before anything is read: what is committed meanwhile waits there.
        with self._feed.subscribe() as reader:
            page = await self._kept(after, user)
            if page is None:
                position = self._feed.latest()
                opening = self._snapshot(position, user, is_reset=after is not None)
                while batch := tuple(islice(opening, _BATCH)):
                    yield batch
                    # A thousand sessions are written to one reader while others are served.
                    await asyncio.sleep(0)
            else:
                while page.items:
                    yield tuple(map(_frame, page.items))
                    if page.is_last:
                        break
                    page = await self._page(page.position, user)
                position = page.position
            yield (Frame("node", node_document(self._health.node())),)
            loop = asyncio.get_running_loop()
            spoke = loop.time()
            async with aclosing(self._live(reader)) as live:
                async for news in live:
                    batch = tuple(_frame(item) for item in news if _concerns(item, user, position))
                    # Also when all the news is about others: silence looks like a dead line.
                    silent = loop.time() - spoke >= self._limits.keepalive_seconds
                    if batch or silent or not news:
                        yield batch
                        spoke = loop.time()

    def _snapshot(self, position: int, user: str | None, *, is_reset: bool) -> Iterator[Frame]:
        """What is; to be called in one go with ``latest()``."""
        sessions = self._feed.snapshot()
        # Encoded as it is written: a slow reader holds sessions, not their documents as well.
        updates = (
            Frame("update", self._feed.document(session))
            for session in sessions
            if user in (None, session.user)
        )
        reset = (Frame("reset", b"{}"),) if is_reset else ()
        return chain(reset, updates, (Frame("synced", b"{}", position),))

    async def _kept(self, after: int | None, user: str | None) -> _Page | None:
        """The first of what came after ``after``; ``None`` where the reader has to begin anew."""
        if after is None:
            return None
        try:
            return await self._page(after, user)
        except FeedGapError:
            return None

    async def _page(self, after: int, user: str | None) -> _Page:
        latest = self._feed.latest()
        if after > latest:
            # An id that was never given out here: another database's.
            raise FeedGapError
        items = await self._feed.replay(after, user=user, most=_PAGE)
        last = items[-1].seq if items else after
        is_last = len(items) < _PAGE
        # What was committed while it was read may be in it already.
        return _Page(items, max(last, latest) if is_last else last, is_last)

    async def _live(self, reader: FeedReader) -> AsyncGenerator[Sequence[FeedItem], None]:
        """News as it comes; nothing when there was none for a while, or the relay stops."""
        patience: asyncio.Timeout | None = None

        def hurry(_stopping: asyncio.Future[None]) -> None:
            if patience is not None:
                patience.reschedule(0)

        self._stopping.add_done_callback(hurry)
        try:
            while not self._stopping.done():
                news: Sequence[FeedItem] = ()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._limits.keepalive_seconds) as patience:
                        news = await reader.take(_BATCH)
                patience = None
                yield news
        finally:
            self._stopping.remove_done_callback(hurry)


def encode(frame: Frame) -> bytes:
    """A frame as a server-sent event (HTML Standard, section 9.2)."""
    numbered = b"" if frame.seq is None else b"id: %d\n" % frame.seq
    return b"event: %s\n%sdata: %s\n\n" % (frame.event.encode(), numbered, frame.data)


def _frame(item: FeedItem) -> Frame:
    return Frame(item.kind.value, item.data, None if item.kind is EventKind.NODE else item.seq)


def _concerns(item: FeedItem, user: str | None, position: int) -> bool:
    """Whether a reader of ``user`` who has everything up to ``position`` has to be told."""
    if item.kind is EventKind.NODE:
        return True
    return item.seq > position and user in (None, item.user)

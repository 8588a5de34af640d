"""The event stream in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from relay.ports import FeedGapError, FeedItem
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.session import Session, SessionId
from supervisor.lifecycle.view import delete_document, update_document


class FakeFeed:
    """Items kept up to ``kept``; each reader's buffer bounded by ``bound``."""

    def __init__(self, bound: int = 1000) -> None:
        self.items: list[FeedItem] = []
        self.kept_after = 0
        self.replayed: list[int] = []
        """How many were read at once, each time."""
        self.complete = True
        self.sessions: dict[SessionId, Session] = {}
        self.readers: list[deque[FeedItem]] = []
        self.changed = asyncio.Event()
        self._bound = bound

    def publish(self, kind: EventKind, session: Session) -> None:
        """Commit a change."""
        data = update_document(session) if kind is EventKind.UPDATE else delete_document(session.id)
        item = FeedItem(self.latest() + 1, kind, session.id, session.user, data)
        self.items.append(item)
        for reader in self.readers:
            reader.append(item)
        self.changed.set()

    def publish_node(self, data: bytes) -> None:
        """News that is not kept."""
        for reader in self.readers:
            reader.append(FeedItem(self.latest(), EventKind.NODE, SessionId(""), "", data))
        self.changed.set()

    @contextmanager
    def subscribe(self) -> Iterator[FakeReader]:
        """A reader's live items."""
        buffer: deque[FeedItem] = deque()
        self.readers.append(buffer)
        try:
            yield FakeReader(self, buffer, self._bound)
        finally:
            self.readers.remove(buffer)

    def require_complete(self) -> None:
        """As told."""
        if not self.complete:
            raise UnavailableError("Sessions may be missing.")

    def latest(self) -> int:
        """The newest seq."""
        return self.items[-1].seq if self.items else self.kept_after

    async def replay(
        self, after: int, *, user: str | None = None, most: int = -1
    ) -> Sequence[FeedItem]:
        """What is kept."""
        await asyncio.sleep(0)
        if after < self.kept_after:
            raise FeedGapError
        kept = [item for item in self.items if item.seq > after and user in (None, item.user)]
        self.replayed.append(len(kept[:most] if most >= 0 else kept))
        return kept[:most] if most >= 0 else kept

    def snapshot(self) -> Sequence[Session]:
        """Every session."""
        return tuple(self.sessions.values())

    def document(self, session: Session) -> bytes:
        """Encoded anew each time."""
        return update_document(session)


@dataclass(frozen=True, slots=True)
class FakeReader:
    """What a reader of a FakeFeed has not read."""

    feed: FakeFeed
    buffer: deque[FeedItem]
    bound: int

    async def take(self, most: int) -> Sequence[FeedItem]:
        """See FeedReader."""
        while not self.buffer:
            self.feed.changed.clear()
            await self.feed.changed.wait()
        if len(self.buffer) > self.bound:
            raise FeedGapError
        return [self.buffer.popleft() for _ in range(min(most, len(self.buffer)))]

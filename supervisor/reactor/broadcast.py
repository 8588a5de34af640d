"""Committed changes to whoever listens now; readers have bounds, the sender never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from supervisor.lifecycle.feed import FeedGapError, FeedItem


class Broadcast:
    """Fan-out in the order of publication."""

    def __init__(self, latest: int, *, buffer_items: int = 1024) -> None:
        self._latest = latest
        self._buffer_items = buffer_items
        self._readers: set[Reader] = set()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """How many listen."""
        return len(self._readers)

    def latest(self) -> int:
        """The number of the newest published item."""
        return self._latest

    def publish(self, item: FeedItem) -> None:
        """Hand the item to every reader."""
        self._latest = item.seq
        for reader in self._readers:
            reader.push(item)
        self._news.set()
        self._news = asyncio.Event()

    async def grown(self, past: int) -> None:
        """Return once an item with a greater number has been published."""
        while self._latest <= past:
            await self._news.wait()

    @contextmanager
    def subscribe(self) -> Iterator[Reader]:
        """Items from now on. Reading raises FeedGapError once its reader fell behind."""
        reader = Reader(self._buffer_items)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


class Reader(AsyncIterator[FeedItem]):
    """What one reader has not read yet."""

    def __init__(self, bound: int) -> None:
        self._items: deque[FeedItem] = deque()
        self._bound = bound
        self._behind = False
        self._news = asyncio.Event()

    def push(self, item: FeedItem) -> None:
        """Keep the item, or give up on a reader that has left too many."""
        if len(self._items) >= self._bound:
            self._behind = True
            self._items.clear()
        if not self._behind:
            self._items.append(item)
        self._news.set()

    async def take(self, most: int) -> Sequence[FeedItem]:
        """What there is, up to ``most`` items; waits for the first. Raises FeedGapError.

        A call that is cancelled has taken nothing.
        """
        while not self._items:
            if self._behind:
                raise FeedGapError
            self._news.clear()
            await self._news.wait()
        return [self._items.popleft() for _ in range(min(most, len(self._items)))]

    async def __anext__(self) -> FeedItem:
        (item,) = await self.take(1)
        return item

"""Who follows the daemon's changes: readers of the event stream, and one with a durable cursor."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

from relay.config import RelayLimits
from relay.event_stream import EventStream
from relay.frames import Frame
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.feed import FeedGapError, FeedItem
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import SessionId
from tests.stateful.daemon import Daemon


class BrokenPromiseError(AssertionError):
    """A reader was told something that it must not be told."""


class Reader:
    """Reads ``/v1/events``, comes back by its id, and knows what a good stream looks like."""

    def __init__(self) -> None:
        self.position: int | None = None
        """The id it would come back with."""
        self.versions: dict[SessionId, int] = {}
        """What it takes to be so: sessions and their versions."""
        self.seqs: list[int] = []
        self.broken: list[str] = []
        """Promises that were not kept."""
        self.task: asyncio.Task[None] | None = None
        self._snapshot: dict[SessionId, int] | None = None
        self._may_read: asyncio.Event | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it follows at present."""
        return self.task is not None and not self.task.done()

    def pause(self) -> None:
        """Take nothing more in, for a while."""
        if self._may_read is not None and self.is_connected:
            self._may_read.clear()

    def go_on(self) -> None:
        """Take in again."""
        if self._may_read is not None and self.is_connected:
            self._may_read.set()

    def leave(self) -> None:
        """Break the connection."""
        if self.task is not None and self.is_connected:
            self.task.cancel()

    async def follow(self, daemon: Daemon) -> None:
        """From connecting to the end of the connection."""
        assert daemon.core is not None
        self._snapshot = {} if self.position is None else None
        self._may_read = asyncio.Event()
        self._may_read.set()
        stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stream = EventStream(daemon.core.feed, RelayLimits(), stopping)
        try:
            async with aclosing(stream.frames(self.position, None)) as frames:
                async for frame in frames:
                    if frame is not None:
                        self._take(frame)
                    await self._may_read.wait()
        except (FeedGapError, SupervisorError):
            return  # it comes back by its id

    def _take(self, frame: Frame) -> None:
        if frame.event == "reset":
            self._snapshot = {}
        elif frame.event == "synced":
            self._synced(frame)
        elif frame.event in ("update", "delete"):
            document = json.loads(frame.data)
            session_id = SessionId(document["id"])
            if frame.seq is None:
                self._require(self._snapshot is not None, "an update without id after synced")
                assert self._snapshot is not None
                self._snapshot[session_id] = document["version"]
            else:
                self._live(frame.seq, frame.event, session_id, document)

    def _synced(self, frame: Frame) -> None:
        self._require(self._snapshot is not None, "synced without a snapshot")
        self.versions = self._snapshot or {}
        self._snapshot = None
        self.position = frame.seq

    def _live(
        self, seq: int, event: str, session_id: SessionId, document: dict[str, int]
    ) -> None:
        self._require(self._snapshot is None, "live before synced")
        self._require(seq > (self.position or 0), f"number {seq} after {self.position}")
        self.position = seq
        self.seqs.append(seq)
        known = self.versions.get(session_id)
        if event == "delete":
            self._require(known is not None, f"{session_id} deleted twice")
            self.versions.pop(session_id, None)
            return
        version = document["version"]
        self._require(version == (known or 0) + 1, f"{session_id}: {version} after {known}")
        self.versions[session_id] = version

    def _require(self, kept: object, promise: str) -> None:
        if not kept:
            self.broken.append(promise)


class Consumer:
    """Delivers each change in order and writes down how far it has come: what a webhook does."""

    def __init__(self, *, may_skip: bool) -> None:
        self.may_skip = may_skip
        """Whether the outbox is so short that what it has not read yet may be gone."""
        self.cursor = 0
        """Survives the daemon; written after the delivery, so that one may be made twice."""
        self.delivered: set[int] = set()
        self.versions: dict[SessionId, int] = {}
        self.broken: list[str] = []

    async def deliver(self, daemon: Daemon) -> None:
        """Everything there is now."""
        assert daemon.core is not None
        try:
            items = await daemon.core.feed.replay(self.cursor)
        except FeedGapError:
            if not self.may_skip:
                self.broken.append(f"what came after {self.cursor} is no longer kept")
            self.cursor = daemon.core.feed.latest()
            self.versions.clear()
            return
        except SupervisorError:
            return
        for item in items:
            self._take(item)
            await asyncio.sleep(0)  # the answer to the delivery: the daemon may die before it
            self.cursor = item.seq

    def _take(self, item: FeedItem) -> None:
        self.delivered.add(item.seq)
        known = self.versions.get(item.session_id)
        if item.kind is EventKind.DELETE:
            return
        version = json.loads(item.data)["version"]
        first_seen = known is None and self.may_skip
        if version > (known or 0) + 1 and not first_seen:
            self.broken.append(f"{item.session_id}: {version} after {known}")
        self.versions[item.session_id] = max(version, known or 0)

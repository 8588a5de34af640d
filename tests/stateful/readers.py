"""Readers of the event stream, who come and go."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

from relay.config import RelayLimits
from relay.frames import Frame
from relay.web.event_stream import EventStream
from relay.web.presence import Presence
from supervisor.lifecycle.errors import SupervisorError
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import SessionId
from tests.stateful.daemon import Daemon


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
        core = daemon.core
        stream = EventStream(
            core.feed, core.health, RelayLimits(), stopping, presence=Presence(lambda: 0.0)
        )
        try:
            async with aclosing(stream.frames(self.position, None)) as batches:
                async for batch in batches:
                    for frame in batch:
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

    def _live(self, seq: int, event: str, session_id: SessionId, document: dict[str, int]) -> None:
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

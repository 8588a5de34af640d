"""Control streams: the relay's way to tell an agent something. One per session, newest wins.

A command that was taken is written as long as the connection lives: where too many wait, the next
is refused and the stream stays. An agent that reads nothing is cut off by ``stream_lines``.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import structlog

from supervisor.lifecycle.session import SessionId

KEEP_ALIVE = b"\n"
"""An empty line; a ping would be answered with a heartbeat, and that with a commit."""

_log = structlog.get_logger()


class ControlStream:
    """Commands on their way to one agent, as lines of JSON."""

    def __init__(self, session_id: SessionId, bound: int) -> None:
        self.session_id = session_id
        self._bound = bound
        self._lines: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def send(self, command: Mapping[str, Any], *, most: int | None = None) -> bool:
        """Queue a command. False: ``most`` (the bound) wait already, or the stream has ended."""
        if self._closed or len(self._lines) >= (most or self._bound):
            return False
        self._lines.append(json.dumps(command).encode() + b"\n")
        self._news.set()
        return True

    def close(self) -> None:
        """Let the stream end; what is queued is lost with it."""
        self._closed = True
        self._news.set()

    async def lines(self, keepalive_seconds: float) -> AsyncGenerator[bytes, None]:
        """What to write, until the stream is closed; an empty line when there is nothing."""
        yield KEEP_ALIVE
        while not self._closed:
            if self._lines:
                yield self._lines.popleft()
                continue
            self._news.clear()
            try:
                async with asyncio.timeout(keepalive_seconds):
                    await self._news.wait()
            except TimeoutError:
                yield KEEP_ALIVE


class ControlStreams:
    """The control stream of every session that has one."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._streams: dict[SessionId, ControlStream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def attach(self, session_id: SessionId) -> ControlStream:
        """A new stream for this session; the one it had before ends."""
        self.close(session_id)
        stream = ControlStream(session_id, self._bound)
        self._streams[session_id] = stream
        _log.debug("control_stream_attached", session_id=session_id)
        return stream

    def detach(self, stream: ControlStream) -> None:
        """The connection of this stream is over."""
        stream.close()
        if self._streams.get(stream.session_id) is stream:
            del self._streams[stream.session_id]
            _log.debug("control_stream_detached", session_id=stream.session_id)

    def send(
        self, session_id: SessionId, command: Mapping[str, Any], *, most: int | None = None
    ) -> bool:
        """Tell the session's agent; False when it cannot be told at present."""
        stream = self._streams.get(session_id)
        return stream is not None and stream.send(command, most=most)

    def close(self, session_id: SessionId) -> None:
        """End the session's stream if it has one."""
        stream = self._streams.pop(session_id, None)
        if stream is not None:
            stream.close()

    def close_all(self) -> None:
        """End every stream."""
        for session_id in tuple(self._streams):
            self.close(session_id)

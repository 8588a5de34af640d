"""Frames of displays: fetched once for all who ask at the same time, and so many at once.

A frame can take a hundred megabytes, so that the turn in which it was fetched is kept until the
last of its askers has what it wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from relay.agents.rendezvous import Rendezvous
from relay.config import RelayLimits
from relay.display.capture import Capture, CaptureError
from relay.display.picture import Frame, assemble, encode_png
from relay.problems import RETRY_AFTER_SECONDS, ProblemError
from supervisor.lifecycle.session import SessionId

_log = structlog.get_logger()


class _Shot:
    """One fetching, and who is interested in what comes of it."""

    def __init__(self) -> None:
        self.fetching: asyncio.Task[Frame]
        self.askers = 0
        self.has_turn = False
        self.pictures: dict[int, asyncio.Task[bytes]] = {}
        self.encoding = asyncio.Lock()


class Photo:
    """A frame in the hands of one asker."""

    def __init__(self, frame: Frame, shot: _Shot, most_widths: int) -> None:
        self._frame = frame
        self._shot = shot
        self._most_widths = most_widths

    def etag(self, max_width: int | None) -> str:
        """Another for each picture that looks different."""
        return f'"{self._frame.digest}-{self._frame.width_within(max_width)}"'

    async def png(self, max_width: int | None) -> bytes:
        """The picture, encoded once for each width. Raises ProblemError 503: too many widths."""
        width = self._frame.width_within(max_width)
        pictures = self._shot.pictures
        if width not in pictures:
            if len(pictures) >= self._most_widths:
                raise _busy("This display is being encoded in too many widths; try again.")
            pictures[width] = asyncio.create_task(self._encode(width))
        return await asyncio.shield(pictures[width])

    async def _encode(self, width: int) -> bytes:
        # One after the other: every thread that is taken here is missing elsewhere.
        async with self._shot.encoding:
            return await asyncio.to_thread(encode_png, self._frame, width)


class Shots:
    """The frames of all sessions that are being asked for."""

    def __init__(self, rendezvous: Rendezvous, limits: RelayLimits) -> None:
        self._rendezvous = rendezvous
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.pictures)
        self._joinable: dict[SessionId, _Shot] = {}

    @asynccontextmanager
    async def take(self, session_id: SessionId) -> AsyncIterator[Photo]:
        """The display as it is now. Raises ProblemError: 502, 503 without a turn, 504."""
        shot = self._joinable.get(session_id)
        if shot is None:
            shot = self._joinable[session_id] = _Shot()
            shot.fetching = asyncio.create_task(self._fetch(session_id, shot))
        shot.askers += 1
        try:
            frame = await asyncio.shield(shot.fetching)
            yield Photo(frame, shot, self._limits.picture_widths)
        finally:
            shot.askers -= 1
            if not shot.askers:
                self._close(session_id, shot)

    def _close(self, session_id: SessionId, shot: _Shot) -> None:
        self._part(session_id, shot)
        for task in (shot.fetching, *shot.pictures.values()):
            task.cancel()
        if shot.has_turn:
            self._turns.release()

    def _part(self, session_id: SessionId, shot: _Shot) -> None:
        """Whoever asks from now on wants to see what is to be seen from now on."""
        if self._joinable.get(session_id) is shot:
            del self._joinable[session_id]

    async def _fetch(self, session_id: SessionId, shot: _Shot) -> Frame:
        try:
            stream = await self._rendezvous.open(session_id)
            try:
                return await self._capture(Capture(stream), shot)
            finally:
                stream.abort()
        except CaptureError as error:
            _log.warning("display_not_captured", session_id=session_id, error=str(error))
            detail = f"The session's display could not be fetched: {error}."
            raise ProblemError(502, "display_failed", detail) from None
        finally:
            self._part(session_id, shot)

    async def _capture(self, capture: Capture, shot: _Shot) -> Frame:
        limits = self._limits
        try:
            async with asyncio.timeout(limits.handshake_seconds):
                size = await capture.greet(limits.picture_pixels)
            await self._await_turn(shot)
            async with asyncio.timeout(limits.picture_seconds):
                parts = await capture.fetch(size)
        except TimeoutError:
            detail = "The session's display did not send its picture in time; try again."
            raise ProblemError(504, "display_timeout", detail) from None
        return await asyncio.to_thread(assemble, size.width, size.height, parts)

    async def _await_turn(self, shot: _Shot) -> None:
        try:
            async with asyncio.timeout(self._limits.picture_seconds):
                await self._turns.acquire()
                shot.has_turn = True
        except TimeoutError:
            detail = "Too many screenshots are being taken at the moment; try again."
            raise _busy(detail) from None


def _busy(detail: str) -> ProblemError:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return ProblemError(503, "busy", detail, headers=headers)

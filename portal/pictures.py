"""Pictures of screens: fetched from the relay, and the last one kept while none can be fetched.

In memory alone, bounded in number and bytes. A picture goes with its session; when room is needed,
those go first whose session runs, since that can be asked again, and then the oldest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from portal.errors import ProblemError
from portal.upstream.client import Pool, Upstream
from portal.upstream.mirror import Mirror

MOST_PICTURES = 512
MOST_BYTES = 64 * 1024 * 1024
MOST_BYTES_EACH = 1024 * 1024
"""A larger one is handed on and not kept."""
_LAST_LOOK_SECONDS = 1.0
"""A session that is slow to show itself is suspended without a picture."""
_USUAL_WIDTH = 640
"""The last look is as wide at least: whoever sees a session may have asked for a speck."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, as wide as it was asked for at most."""

    body: bytes
    etag: str | None
    width: int
    taken_at: float
    """In seconds since the epoch."""


class Pictures:
    """All of them; ``clock`` is in seconds since the epoch."""

    def __init__(self, upstream: Upstream, mirror: Mirror, clock: Callable[[], float]) -> None:
        self._upstream = upstream
        self._mirror = mirror
        self._clock = clock
        self._kept: dict[str, Picture] = {}
        """By session, the one that was taken last at the end."""
        self._kept_bytes = 0

    async def fetch(self, session_id: str, width: int, known: str | None) -> Picture | None:
        """The screen as it is now; ``None``: as the browser, which named what it ``known``, has it.

        Raises RelayError, UnreachableError.
        """
        # That nothing has changed is of use only if there is a picture here for later, too.
        conditional = known is not None and session_id in self._kept
        answer = await self._upstream.call(
            "GET",
            f"/v1/sessions/{session_id}/screenshot",
            query={"max_width": str(width)},
            headers={"If-None-Match": known or ""} if conditional else {},
            pool=Pool.MEDIA,
        )
        if answer.status == 304:
            return None
        picture = Picture(answer.body, answer.headers.get("ETag"), width, self._clock())
        self._keep(session_id, picture)
        return picture

    def last(self, session_id: str) -> Picture | None:
        """The one that was taken last, if it is still here."""
        return self._kept.get(session_id)

    async def take_last(self, session_id: str) -> None:
        """Look once more: the screen is about to go away. Whatever fails, the older one stays."""
        kept = self._kept.get(session_id)
        width = _USUAL_WIDTH if kept is None else max(kept.width, _USUAL_WIDTH)
        try:
            async with asyncio.timeout(_LAST_LOOK_SECONDS):
                await self.fetch(session_id, width, None if kept is None else kept.etag)
        except (ProblemError, TimeoutError) as error:
            _log.debug("picture_not_taken", session_id=session_id, reason=str(error))

    def drop_ended(self) -> None:
        """Forget those whose session is over, or forgotten itself."""
        for session_id in [each for each in self._kept if self._phase(each) in {None, "ended"}]:
            self._drop(session_id)

    def _keep(self, session_id: str, picture: Picture) -> None:
        if len(picture.body) > MOST_BYTES_EACH:
            return
        self._drop(session_id)
        self._kept[session_id] = picture
        self._kept_bytes += len(picture.body)
        while len(self._kept) > MOST_PICTURES or self._kept_bytes > MOST_BYTES:
            self._drop(self._least_needed())

    def _least_needed(self) -> str:
        running = (each for each in self._kept if self._phase(each) == "running")
        return next(running, next(iter(self._kept)))

    def _drop(self, session_id: str) -> None:
        if (picture := self._kept.pop(session_id, None)) is not None:
            self._kept_bytes -= len(picture.body)

    def _phase(self, session_id: str) -> str | None:
        session = self._mirror.sessions.get(session_id)
        return None if session is None else str(session["phase"])

"""A session's log: while there is a container the engine's, afterwards what its agent reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from supervisor.engine.base import Engine
from supervisor.errors import EngineError
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import Phase, Session
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.directory import Directory
from supervisor.reactor.last_words import Seen
from supervisor.store.database import Database
from supervisor.store.logs import load_log

REPORT_SECONDS = 5.0
"""From the end of a container's log until its session has ended, or its agent's report is here."""

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class LogService:
    """The relay's port ``Logs``."""

    directory: Directory
    engine: Engine
    broadcast: Broadcast
    database: Database

    @asynccontextmanager
    async def open(
        self, session_id: str, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The log in pieces; see ``relay.ports.Logs``."""
        session = self.directory.get(session_id)
        if not follow:
            async with self._present(session, tail, follow=False) as present:
                yield present
        elif _has_begun(session):
            async with (
                self._present(session, tail, follow=True) as present,
                aclosing(self._to_the_end(session_id, present, from_beginning=False)) as pieces,
            ):
                yield pieces
        else:
            async with aclosing(self._coming(session_id)) as pieces:
                yield pieces

    @asynccontextmanager
    async def _present(
        self, session: Session, tail: int | None, *, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            pieces: AsyncIterator[bytes] | None = None
            if session.container_id is not None and session.phase is not Phase.ENDED:
                log = self.engine.read_log(session.id, tail=tail, follow=follow)
                try:
                    pieces = await stack.enter_async_context(log)
                except EngineError as error:
                    if error.status != _NOT_FOUND:
                        raise
            # Last words may have been reported while the engine was asked.
            yield pieces or self._kept(self.directory.find(session.id) or session, tail)

    async def _coming(self, session_id: str) -> AsyncGenerator[bytes, None]:
        """Wait until the session has a container, then give all that it prints."""
        session = await self._when(session_id, _has_begun)
        if session is not None:
            async with (
                self._present(session, None, follow=True) as present,
                aclosing(self._to_the_end(session_id, present, from_beginning=True)) as pieces,
            ):
                async for piece in pieces:
                    yield piece

    async def _to_the_end(
        self, session_id: str, pieces: AsyncIterator[bytes], *, from_beginning: bool
    ) -> AsyncGenerator[bytes, None]:
        """What comes, and what of the last words did not."""
        seen = Seen()
        async for piece in pieces:
            seen.add(piece)
            yield piece
        session: Session | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(REPORT_SECONDS):
                session = await self._when(session_id, _has_reported)
        if session is not None:
            told = await self._tail(session)
            missing = seen.missing(told, from_beginning=from_beginning)
            if missing:
                yield missing

    async def _kept(self, session: Session, tail: int | None) -> AsyncGenerator[bytes, None]:
        """What its agent reported at the end; a session that never had a container said nothing."""
        lines = (await self._tail(session)).splitlines(keepends=True)
        wanted = lines if tail is None else lines[max(0, len(lines) - tail) :]
        if wanted:
            yield "".join(wanted).encode()

    async def _tail(self, session: Session) -> str:
        """Raises StoreError."""
        if not session.has_log:
            return ""
        return await self.database.run(lambda connection: load_log(connection, session.id))

    async def _when(self, session_id: str, holds: Callable[[Session], bool]) -> Session | None:
        """The session as soon as this holds of it; ``None`` when it has been purged before."""
        while True:
            # So much else can happen meanwhile that its own news gets lost (FeedGapError).
            with self.broadcast.subscribe() as items, suppress(FeedGapError):
                session = self.directory.find(session_id)
                if session is None or holds(session):
                    return session
                async for item in items:
                    if item.session_id == session_id:
                        break


def _has_begun(session: Session) -> bool:
    return session.container_id is not None or session.phase is Phase.ENDED


def _has_reported(session: Session) -> bool:
    return session.has_log or session.phase is Phase.ENDED

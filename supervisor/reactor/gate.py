"""The node's gate: closed, it takes no new sessions, while those that were accepted go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from supervisor.lifecycle.cordon import Cordon, ordered
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.facts import TerminateRequested
from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.reactor.directory import Directory
from supervisor.reactor.worker import Reactor
from supervisor.store.cordon import keep_cordon, load_cordon
from supervisor.store.database import Database

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Gate:
    """``cordon`` is as last committed; every call is idempotent and raises StoreError."""

    database: Database
    directory: Directory
    reactor: Reactor
    now: Callable[[], Timestamp]
    tell: Callable[[], None]
    """Called when it has opened or closed."""
    cordon: Cordon | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self) -> None:
        """Take up what an earlier life has left."""
        self.cordon = await self.database.run(load_cordon)
        if self.cordon is not None:
            log.warning("node_still_cordoned", by=self.cordon.by, reason=self.cordon.reason)

    async def close(self, *, by: str, reason: str) -> None:
        """Take no new sessions; durable when this returns."""
        async with self._turn:
            wanted = ordered(self.cordon, by, reason, self.now())
            if wanted != self.cordon:
                await self._keep(wanted)
                log.warning("node_cordoned", by=by, reason=reason)

    async def empty(self, *, by: str, reason: str) -> None:
        """Take no new sessions, and ask those that there are to end, within their grace periods."""
        await self.close(by=by, reason=reason)
        live = [session.id for session in self.directory.live()]
        log.warning("node_emptied", by=by, sessions=len(live))
        await asyncio.gather(*map(self._end, live))

    async def open(self, *, by: str) -> None:
        """Take new sessions again; durable when this returns."""
        async with self._turn:
            if self.cordon is not None:
                await self._keep(None)
                log.warning("node_undrained", by=by)

    async def _keep(self, cordon: Cordon | None) -> None:
        await self.database.run(lambda connection: keep_cordon(connection, cordon))
        self.cordon = cordon
        self.tell()

    async def _end(self, session_id: SessionId) -> None:
        with suppress(SessionNotFoundError):
            await self.reactor.submit(session_id, TerminateRequested())

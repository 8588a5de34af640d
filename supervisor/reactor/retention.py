"""What is over is remembered for a while, and then forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from supervisor.errors import StoreError
from supervisor.lifecycle.facts import Fact, PurgeRequested
from supervisor.lifecycle.session import Phase, SessionId, Timestamp
from supervisor.reactor.directory import Directory
from supervisor.store.database import Database
from supervisor.store.outbox import prune
from supervisor.store.tickets import drop_expired

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Sweeps ended sessions past their time, and the outbox past its length."""

    directory: Directory
    database: Database
    post: Callable[[SessionId, Fact], None]
    now: Callable[[], Timestamp]
    ended_seconds: float
    outbox_items: int

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Forget what is past retention now."""
        oldest = self.now() - self.ended_seconds
        for session in self.directory:
            if session.phase is Phase.ENDED and (session.ended_at or 0) < oldest:
                self.post(session.id, PurgeRequested())
        try:
            await self.database.run(lambda connection: prune(connection, self.outbox_items))
            await self.database.run(lambda connection: drop_expired(connection, self.now()))
        except StoreError as error:
            log.error("outbox_prune_failed", error=str(error))

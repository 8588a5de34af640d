"""What is over is remembered for a while, and then forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from supervisor.errors import StoreError
from supervisor.lifecycle.facts import Fact, PurgeRequested
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp
from supervisor.reactor.directory import Directory
from supervisor.store.database import Database
from supervisor.store.pruning import Hold, prune
from supervisor.store.tickets import drop_expired

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 60.0

_HOLD_FACTOR = 10
"""How many times the ordinary count of events is kept for a webhook that does not get on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionBounds:
    """How much of what is over is kept, and for how long."""

    ended_seconds: float = 86_400.0
    ended_sessions: int = 10_000
    outbox_seconds: float = 604_800.0
    outbox_items: int = 10_000
    hold_seconds: float | None = None
    """How old an event gets that the webhook has not delivered; ``None``: there is no webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Sweeps ended sessions and the outbox, each past its time or number."""

    directory: Directory
    database: Database
    post: Callable[[SessionId, Fact], None]
    now: Callable[[], Timestamp]
    bounds: Callable[[], RetentionBounds]

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Forget what is past retention now."""
        for session in self._past_retention():
            self.post(session.id, PurgeRequested())
        try:
            await self._prune()
            await self.database.run(lambda connection: drop_expired(connection, self.now()))
        except StoreError as error:
            log.error("outbox_prune_failed", error=str(error))

    def _past_retention(self) -> list[Session]:
        bounds = self.bounds()
        oldest = self.now() - bounds.ended_seconds
        ended = [session for session in self.directory if session.phase is Phase.ENDED]
        ended.sort(key=lambda session: session.ended_at or 0, reverse=True)
        most = bounds.ended_sessions
        old = [session for session in ended[:most] if (session.ended_at or 0) < oldest]
        return [*old, *ended[most:]]

    async def _prune(self) -> None:
        bounds, now = self.bounds(), self.now()
        hold = None
        if bounds.hold_seconds is not None:
            hold = Hold(_HOLD_FACTOR * bounds.outbox_items, now - bounds.hold_seconds)
        dropped, more = 0, True
        try:
            while more:
                pruned = await self.database.run(
                    lambda connection: prune(
                        connection, bounds.outbox_items, now - bounds.outbox_seconds, hold
                    )
                )
                dropped += pruned.dropped
                more = pruned.more
        finally:
            if dropped:
                log.error("webhook_events_dropped", events=dropped)

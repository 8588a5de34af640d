"""A webhook between a real store and a real receiver, through any number of lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from relay.config import WebhookConfig, WebhookLimits
from relay.webhook.webhook import Webhook
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.service import OutboxService
from supervisor.store.sessions import commit_change
from tests.support.sessions import session_in
from tests.support.turning import until
from tests.support.webhook_receiver import Receiver
from tests.unit.reactor.fakes import BreakableDatabase, Clock

KEYS = (b"first key of 24 bytes or more", b"second key of 24 bytes or more")

PROMPT = WebhookLimits(
    first_retry_seconds=0.001,
    last_retry_seconds=0.01,
    last_probe_seconds=0.01,
    body_seconds=0.1,
    save_seconds=0.001,
    store_retry_seconds=0.001,
)
"""As impatient as can be, so that nobody waits for a test."""


@dataclass
class Office:
    """What is committed, and what becomes of it."""

    database: BreakableDatabase
    receiver: Receiver
    now: Clock
    """The wall clock: when things are committed, sent, and given up."""
    limits: WebhookLimits = PROMPT
    timeout_seconds: float = 10.0
    broadcast: Broadcast = field(default_factory=lambda: Broadcast(0))
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def outbox(self) -> OutboxService:
        """The webhook's port."""
        return OutboxService(broadcast=self.broadcast, database=self.database)

    def config(self, **changes: object) -> WebhookConfig:
        """A webhook's configuration."""
        config = WebhookConfig(
            url=self.receiver.url,
            keys=KEYS[:1],
            timeout_seconds=self.timeout_seconds,
            limits=self.limits,
        )
        return replace(config, **changes)  # type: ignore[arg-type]

    async def commit(self, letters: str, kind: EventKind = EventKind.UPDATE) -> list[FeedItem]:
        """Commit a change of the session of each letter."""
        committed = []
        for letter in letters:
            version = self.versions[letter] = self.versions.get(letter, 0) + 1
            session = replace(session_in(Phase.RUNNING), id=SessionId(letter * 26), version=version)
            item = await self._commit(session, kind)
            committed.append(item)
        return committed

    async def _commit(self, session: object, kind: EventKind) -> FeedItem:
        item = await self.database.run(
            lambda db: commit_change(db, session, kind, self.now.at)  # type: ignore[arg-type]
        )
        self.broadcast.publish(item)
        return item

    def webhook(self, clock: Clock | None = None, **changes: object) -> Webhook:
        """A webhook; with ``clock``, its waits end when the test says so."""
        config = self.config(**changes)
        if clock is None:
            return Webhook(config, self.outbox, now=self.now)
        return Webhook(config, self.outbox, clock=clock, now=self.now)

    @asynccontextmanager
    async def life(self, clock: Clock | None = None, **changes: object) -> AsyncIterator[Webhook]:
        """One life of the webhook, which ends in order."""
        webhook = self.webhook(clock, **changes)
        running = asyncio.create_task(webhook.run())
        try:
            yield webhook
            await webhook.stop(0.0)
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def delivered(self, count: int | None = None) -> None:
        """Wait until everything that was committed is accepted, or so many different events."""
        wanted = sum(self.versions.values()) if count is None else count
        await until(lambda: len({each.id for each in self.receiver.accepted}) >= wanted)

    def require_order(self) -> None:
        """Every session's changes were accepted, each once or more, and in order."""
        for letter, last in self.versions.items():
            assert self.receiver.versions(letter) == list(range(1, last + 1))


def advance(webhook: Webhook, clock: Clock, seconds: float) -> None:
    """Let time pass for a webhook."""
    clock.at += seconds
    webhook._bell.ring()

"""The webhook as it is configured at the moment: none, this one, or another after a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from relay.config import WebhookConfig
from relay.measures import UNMEASURED, Measures
from relay.webhook.webhook import Webhook
from supervisor.config import in_clear
from supervisor.reactor.core import Spawn
from supervisor.reactor.service import OutboxService

log = structlog.get_logger(__name__)

CHANGE_SECONDS = 1.0
"""For what is being posted when another webhook takes over; it is posted again if that fails."""


class Delivery:
    """Posts events by one webhook after the other; each goes on where the one before it was."""

    def __init__(
        self,
        outbox: OutboxService,
        notes: dict[str, Callable[[], Mapping[str, Any]]],
        spawn: Spawn,
        measures: Measures = UNMEASURED,
    ) -> None:
        self._outbox = outbox
        self._notes = notes
        self._spawn = spawn
        self._measures = measures
        self._config: WebhookConfig | None = None
        self._current: tuple[Webhook, asyncio.Task[None]] | None = None

    async def change(self, config: WebhookConfig | None) -> None:
        """Post by this from now on; what is as before is left alone."""
        if config == self._config:
            return
        await self.stop(CHANGE_SECONDS)
        self._config = config
        if config is None:
            self._notes.pop("webhook", None)
            return
        webhook = Webhook(config, self._outbox, measures=self._measures)
        self._notes["webhook"] = webhook.state
        self._current = webhook, self._spawn(webhook.run())
        if in_clear(config.url):
            log.warning("webhook_not_encrypted")

    async def stop(self, deadline_seconds: float) -> None:
        """Deliver what can be in so long, and end."""
        if self._current is None:
            return
        webhook, running = self._current
        self._current = None
        try:
            await webhook.stop(deadline_seconds)
        finally:
            running.cancel()
        # Where it stood is saved by now, or will not be: two must not do so at once.
        await asyncio.wait([running], timeout=CHANGE_SECONDS)

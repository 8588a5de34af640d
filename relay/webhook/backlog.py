"""What is to be delivered: found in the outbox, kept in lanes, and remembered over a restart."""

from __future__ import annotations

import asyncio

import structlog

from relay.bell import Bell
from relay.config import WebhookLimits
from relay.ports import Outbox, Position, Stretch
from relay.webhook.lanes import Lanes
from supervisor.lifecycle.errors import UnavailableError

_log = structlog.get_logger()


class Backlog:
    """Every event up to ``seq`` is delivered or has its lane; later ones are still to be found."""

    def __init__(self, outbox: Outbox, limits: WebhookLimits, bell: Bell) -> None:
        self.lanes = Lanes()
        self.stopped_for: str | None = None
        self._outbox = outbox
        self._limits = limits
        self._bell = bell
        self._seq = 0
        self._changed = asyncio.Event()

    @property
    def all_known(self) -> bool:
        """Whether nothing has been committed that is not in a lane or delivered."""
        return self._seq >= self._outbox.latest()

    async def load(self) -> None:
        """Go on where the last life stood; waits for a store that cannot be read."""
        position = await self._loaded()
        self._seq, self.stopped_for = position.seq, position.stopped_for
        for session_id, first in position.lanes.items():
            self.lanes.add(Stretch(session_id, first, position.seq))

    def change(self) -> None:
        """Something was delivered; it will be remembered soon."""
        self._changed.set()

    async def follow(self) -> None:
        """Find events as they are committed, until cancelled."""
        while True:
            await self._outbox.grown(self._seq)
            while len(self.lanes) >= self._limits.lanes:
                await self._bell.wait()
            try:
                stretches, seq = await self._outbox.survey(self._seq, self._limits.page_events)
            except UnavailableError as error:
                _log.error("webhook_outbox_unreadable", error=str(error))
                await asyncio.sleep(self._limits.store_retry_seconds)
                continue
            for stretch in stretches:
                self.lanes.add(stretch)
            self._seq = seq
            self.change()
            self._bell.ring()

    async def keep(self) -> None:
        """Remember what was delivered, a few times a second at most, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self.save():
                self._changed.set()
                await asyncio.sleep(self._limits.store_retry_seconds)
            await asyncio.sleep(self._limits.save_seconds)

    async def save(self) -> bool:
        """Remember where things stand. False: the store cannot be written."""
        position = Position(self._seq, self.lanes.positions(), self.stopped_for)
        try:
            await self._outbox.save(position)
        except UnavailableError as error:
            _log.error("webhook_position_not_saved", error=str(error))
            return False
        return True

    async def _loaded(self) -> Position:
        while True:
            try:
                return await self._outbox.position()
            except UnavailableError as error:
                _log.error("webhook_outbox_unreadable", error=str(error))
                await asyncio.sleep(self._limits.store_retry_seconds)

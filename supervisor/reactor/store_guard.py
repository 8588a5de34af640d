"""Looking after the store's file while it is in use."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from supervisor.errors import StoreDamagedError, StoreError
from supervisor.lifecycle.cordon import Cordon
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Timestamp
from supervisor.reactor.directory import Directory
from supervisor.store.cordon import keep_cordon
from supervisor.store.database import Database
from supervisor.store.lives import continue_life
from supervisor.store.sessions import commit_change

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0

_DAMAGED = (
    "The database turned out to be damaged. Its file was set aside, and another written from "
    "memory: start the daemon again, which a service manager does. Sessions run on."
)
_LOST = (
    "The database turned out to be damaged, and another could not be written. When the daemon is "
    "started again, which a service manager does, it takes over what runs. Sessions run on."
)


@dataclass(slots=True, kw_only=True)
class StoreGuard:
    """Puts back a file that was removed; ends the daemon for one that is damaged."""

    database: Database
    directory: Directory
    latest: Callable[[], int]
    """The number of the newest event."""
    now: Callable[[], Timestamp]
    cordon: Callable[[], Cordon | None]
    _complained: bool = False

    async def run(self) -> None:
        """Look until cancelled. Raises StoreDamagedError."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.database.damaged.wait()
            except TimeoutError:
                await self._put_back()
            else:
                raise StoreDamagedError(await self._begin_anew())

    async def _put_back(self) -> None:
        try:
            await self.database.put_back()
        except StoreError as error:
            if not self._complained:
                log.error("store_not_put_back", error=str(error), retry_seconds=LOOK_SECONDS)
            self._complained = True
        else:
            self._complained = False

    async def _begin_anew(self) -> str:
        """What is known is all in memory: the next life goes on with it."""
        sessions, seq, now = tuple(self.directory), self.latest(), self.now()
        cordon = self.cordon()

        def fill(connection: sqlite3.Connection) -> None:
            continue_life(connection, seq, now)
            keep_cordon(connection, cordon)
            for session in sessions:
                # Told of once more: what was to be told of it went with the old file.
                commit_change(connection, session, EventKind.UPDATE, now)

        try:
            await self.database.begin_anew(fill)
        except StoreError as error:
            log.error("store_not_begun_anew", error=str(error))
            return _LOST
        return _DAMAGED

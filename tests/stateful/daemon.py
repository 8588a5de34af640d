"""One life of the daemon, in a loop of its own: ``supervisor.app`` without its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relay.app import Relay
from relay.config import RelayConfig, WebhookConfig, WebhookLimits
from supervisor.errors import StoreError
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.session import SessionId
from supervisor.reactor.core import Core, CoreParts, CoreSettings
from supervisor.template.catalog import TemplateCatalog
from tests.stateful.engine import FaultyEngine
from tests.stateful.history import WitnessedDatabase
from tests.stateful.receiver import PostedWebhook, Receiver
from tests.stateful.wall import WallClock
from tests.support.virtual_time import VirtualTime, VirtualTimeLoop

DRAIN_SECONDS = 10.0
FLUSH_SECONDS = 5.0
YEAR_SECONDS = 365 * 86_400.0
HOOK = WebhookConfig(
    url="http://receiver.test/",
    keys=(b"x" * 24,),
    give_up_seconds=YEAR_SECONDS,
    limits=WebhookLimits(connections=2, last_retry_seconds=20.0, last_probe_seconds=20.0),
)
"""Patient, but not so that the end of an example would have to wait for it."""
READER_ITEMS = 8
"""So few that a reader who pauses falls behind now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a life is begun with."""

    settings: CoreSettings
    catalog: TemplateCatalog
    run_directory: Path
    time: VirtualTime
    wall: WallClock
    receiver: Receiver


class Daemon:
    """Begins at once; goes on when its loop is turned."""

    def __init__(
        self, surroundings: Surroundings, engine: FaultyEngine, database: WitnessedDatabase
    ) -> None:
        self.loop = VirtualTimeLoop(surroundings.time)
        self.database = database
        self.core: Core | None = None
        """Once sessions can be looked at; until then nobody is answered."""
        self._surroundings = surroundings
        self._engine = engine
        self._relay: Relay | None = None
        self._stopped = asyncio.Event()
        self.main: asyncio.Task[None] = self.loop.create_task(self._live())
        self.clients: list[asyncio.Task[None]] = []
        self.outcries: list[BaseException] = []
        """What made somebody leave who should not have."""
        self._visits: set[asyncio.Task[None]] = set()

    @property
    def relay(self) -> Relay:
        """The relay, once there is a core."""
        assert self._relay is not None
        return self._relay

    @property
    def adopted(self) -> bool:
        """Whether the engine's containers have been compared with the store's sessions."""
        return self.core is not None and self.core.health.health.adopted

    @property
    def reachable(self) -> bool:
        """Whether the daemon takes the engine to answer."""
        return self.core is not None and self.core.health.health.reachable

    @property
    def waiting(self) -> tuple[SessionId, ...]:
        """The queue of pending sessions, first in front."""
        return () if self.core is None else tuple(self.core._admission._pending)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way that does not wait for time to pass."""
        return self.loop.is_quiet and not self.loop.has_jobs

    @property
    def could_not_begin(self) -> bool:
        """Whether it has ended before it could be talked to, for want of a store."""
        if self.core is not None or not self.main.done():
            return False
        error: BaseException | None = self.main.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        return isinstance(error, StoreError)

    def ask(self, client: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let somebody call; their connection is cut when the daemon dies."""
        task = self.loop.create_task(client)
        task.add_done_callback(self._left)
        self.clients.append(task)
        return task

    def attend(self, visit: Coroutine[Any, Any, None]) -> None:
        """Serve somebody whom the relay does not break off."""
        task = self.loop.create_task(visit)
        task.add_done_callback(self._visits.discard)
        self._visits.add(task)

    def _left(self, client: asyncio.Task[None]) -> None:
        self.clients.remove(client)
        if not client.cancelled() and (error := client.exception()) is not None:
            self.outcries.append(error)

    def stop(self) -> None:
        """Ask it to end in order."""
        self._stopped.set()

    def crash(self) -> None:
        """End it where it stands."""
        self._engine.cut()
        self.loop.drop_jobs()
        if self.core is not None:
            # Who is broken off may still have something to say; nobody is to hear it.
            self.core.reactor._closed = True
        self.database.kill()
        self.core = None
        self.loop.end()

    async def _live(self) -> None:
        """See ``supervisor.app._live``."""
        surroundings = self._surroundings
        await self.database.open()
        async with asyncio.TaskGroup() as tasks:
            files = SessionDirectory(surroundings.run_directory)
            files.create_root()
            parts = CoreParts(
                engine=self._engine,
                database=self.database,
                files=files,
                catalog=surroundings.catalog,
                now=surroundings.wall,
                spawn=tasks.create_task,
            )
            core = await Core.open(surroundings.settings, parts)
            core.broadcast._buffer_items = READER_ITEMS
            relay = self._relay = self._offer(core)
            await relay._tickets.load()
            background = core.begin(relay)
            clock, now = self.loop.time, surroundings.wall
            webhook = PostedWebhook(HOOK, core.outbox, clock=clock, now=now)
            webhook.receiver = surroundings.receiver
            delivery = tasks.create_task(webhook.run())
            self.core = core
            await self._stopped.wait()
            for task in background:
                task.cancel()
            await core.close(DRAIN_SECONDS)
            await webhook.stop(FLUSH_SECONDS)
            delivery.cancel()

    def _offer(self, core: Core) -> Relay:
        run = self._surroundings.run_directory
        config = RelayConfig(
            web_socket=run / "web.sock",
            session_socket=run / "session.sock",
            display_socket=run / "display.sock",
            viewer_socket=run / "viewer.sock",
            openapi=run / "openapi.yaml",
        )
        return Relay(
            config,
            sessions=core.sessions,
            catalog=core.templates,
            feed=core.feed,
            logs=core.logs,
            health=core.health,
            shelf=core.tickets,
            upkeep=core.upkeep,
            gate=core.gate,
            clock=self._surroundings.wall,
            on_input=core.input_notes.note,
        )

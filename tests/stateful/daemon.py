"""One life of the daemon, in a loop of its own: ``supervisor.app`` without its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relay.app import Relay
from relay.config import RelayConfig
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.session import SessionId
from supervisor.reactor.core import Core, CoreParts, CoreSettings
from supervisor.template.catalog import TemplateCatalog
from tests.stateful.engine import FaultyEngine
from tests.stateful.history import WitnessedDatabase
from tests.support.virtual_time import VirtualTime, VirtualTimeLoop
from tests.stateful.wall import WallClock

DRAIN_SECONDS = 10.0
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

    def ask(self, client: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let somebody call; their connection is cut when the daemon dies."""
        task = self.loop.create_task(client)
        self.clients = [each for each in self.clients if not each.done()]
        self.clients.append(task)
        return task

    def stop(self) -> None:
        """Ask it to end in order."""
        self._stopped.set()

    def crash(self) -> None:
        """End it where it stands."""
        self._engine.cut()
        self.loop.drop_jobs()
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
            self._relay = self._offer(core)
            background = core.begin(self._relay)
            self.core = core
            await self._stopped.wait()
            for task in background:
                task.cancel()
            await core.close(DRAIN_SECONDS)

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
            health=core.health,
            clock=self._surroundings.wall,
            on_input=core.input_notes.note,
        )

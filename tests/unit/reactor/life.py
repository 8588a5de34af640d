"""A daemon without its sockets: the core over an engine in memory, through any number of lives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from supervisor.engine.agent_document import AgentSettings
from supervisor.engine.dress import HostPaths
from supervisor.host.identity import Group, Identity, IdentityPolicy
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.facts import AgentReady, AgentStarted
from supervisor.lifecycle.session import Phase, Session, SessionId, StartRequest
from supervisor.policy.rules import Policy
from supervisor.reactor.admission import AdmissionLimits
from supervisor.reactor.core import Core, CoreParts, CoreSettings
from supervisor.reactor.reconcile import OrphanRules
from supervisor.store.database import Database
from supervisor.template.catalog import TemplateCatalog
from tests.support.memory_engine import MemoryEngine
from tests.support.memory_host import MemoryHost
from tests.support.sessions import NOW
from tests.support.turning import until
from tests.unit.reactor.fakes import BreakableDatabase, Clock, Link, Tasks

OWNER = "memory"
IMAGE = "fx-any:image"
TEMPLATE = f"""
image: {IMAGE}
command: ${{start.command:-xterm}}
volumes: ["${{user.home}}:${{user.home}}"]
session: {{startup_timeout: 60s, stop_grace_period: 7s}}
"""


class House:
    """What stays when the daemon goes: host, engine, directories, the time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock(NOW)
        self.engine = MemoryEngine(MemoryHost(self.clock), OWNER)
        self.engine.host.add_image(IMAGE)
        self.limits = AdmissionLimits()
        self.policy = Policy()
        self.relist_seconds = 60.0
        self.orphans = OrphanRules()
        self.sessions_per_user: int | None = None
        for name in ("home", "agent", "bundle", "run/relay", "etc/launcher-templates"):
            (directory / name).mkdir(parents=True)
        self.write_template("docker", TEMPLATE)

    def write_template(self, name: str, text: str) -> None:
        """Put a template where administrators put theirs."""
        (self.directory / "etc" / "launcher-templates" / f"{name}.tpl").write_text(text)

    @property
    def identity(self) -> Identity:
        """The one user of this host."""
        home = str(self.directory / "home")
        group = Group("alice", 1000)
        return Identity("alice", 1000, 1000, home, "/bin/sh", "Alice", (group,))

    @property
    def files(self) -> SessionDirectory:
        """The sessions' files."""
        return SessionDirectory(self.directory / "run")

    def settings(self) -> CoreSettings:
        """The daemon's configuration."""
        return CoreSettings(
            owner=OWNER,
            node="host",
            engine_url="memory",
            identity=IdentityPolicy(),
            limits=self.limits,
            policy=self.policy,
            agent=AgentSettings(),
            paths=HostPaths(
                agent=self.directory / "agent",
                bundle=self.directory / "bundle",
                sessions=self.directory / "run" / "sessions",
                relay=self.directory / "run" / "relay",
            ),
            relist_seconds=self.relist_seconds,
            orphans=self.orphans,
            sessions_per_user=self.sessions_per_user,
        )

    def lose_store(self) -> None:
        """What an administrator's slip or a broken disk does between two lives."""
        for path in self.directory.glob("supervisor.db*"):
            path.unlink()

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Life]:
        """One life of the daemon, which ends in order unless it has crashed before."""
        life = Life(self)
        await life.begin()
        try:
            yield life
        finally:
            await life.end()
        assert not life.tasks.crashes


class Life:
    """The daemon from start to stop."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.engine = house.engine
        self.tasks = Tasks()
        self.link = Link()
        self.database: BreakableDatabase = BreakableDatabase(house.directory / "supervisor.db")
        self._core: Core | None = None

    @property
    def core(self) -> Core:
        """The core, once begun."""
        assert self._core is not None
        return self._core

    async def begin(self) -> None:
        """Start; does not wait for the engine."""
        await self.database.open()
        self.house.files.create_root()
        parts = CoreParts(
            engine=self.engine,
            database=self.database,
            files=self.house.files,
            catalog=TemplateCatalog(self.house.directory / "etc", self.house.directory / "none"),
            now=self.house.clock,
            spawn=self.tasks.spawn,
        )
        self._core = await Core.open(self.house.settings(), parts)
        self.background = self.core.begin(self.link)

    async def ready(self) -> None:
        """Wait until sessions can be started."""
        await until(lambda: self.core.health.ready()[0])

    async def end(self) -> None:
        """Stop in order."""
        if self._core is None:
            return
        for task in self.background:
            task.cancel()
        await self.core.close(10.0)
        await self.crash()

    async def crash(self) -> None:
        """Stop in the middle of whatever is being done."""
        if self._core is not None:
            self._core = None
            await self.tasks.cancel()
            await self.database.close()

    async def start(self, *, key: str | None = None, template: str = "docker") -> Session:
        """Ask for a session."""
        request = StartRequest(user="alice", template=template)
        return await self.core.sessions.start(request, idempotency_key=key)

    async def run(self) -> Session:
        """Start a session whose agent says that it is ready."""
        session = await self.start()
        await self.launched(session.id)
        await self.core.sessions.submit(session.id, AgentStarted(1))
        return await self.core.sessions.submit(session.id, AgentReady(2))

    async def launched(self, session_id: SessionId) -> Session:
        """Wait until the session knows its container."""
        await until(lambda: self.session(session_id).container_id is not None)
        return self.session(session_id)

    async def reaches(self, session_id: SessionId, phase: Phase) -> Session:
        """Wait until the session is in this phase."""
        await until(lambda: self.session(session_id).phase is phase)
        return self.session(session_id)

    def session(self, session_id: SessionId) -> Session:
        """The session as last committed."""
        return self.core.sessions.get(session_id)

    def look_at_clock(self, session_id: SessionId) -> None:
        """Let the session's deadlines be measured anew, after the clock was moved by hand."""
        self.core._timers.forget(session_id)
        self.core._timers.watch(self.session(session_id))

    def token_hash(self, session_id: SessionId) -> str:
        """Of the token that the session's agent reads when it starts."""
        document = json.loads((self.house.files.path(session_id) / "session.json").read_text())
        return hashlib.sha256(document["token"].encode()).hexdigest()


async def ran(house: House) -> Session:
    """A session that a life has left running."""
    async with house.life() as life:
        await life.ready()
        return await life.run()


async def stored(directory: Path) -> Database:
    """The database, to be looked at between two lives."""
    database = Database(directory / "supervisor.db")
    await database.open()
    return database

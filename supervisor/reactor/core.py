"""The reactor put together: everything between engine, store and relay.

Knows neither Docker nor HTTP, so that the same core runs over an engine in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from supervisor.engine.agent_document import AgentSettings
from supervisor.engine.base import ContainerRecord, Engine
from supervisor.engine.dress import HostPaths
from supervisor.host.identity import IdentityPolicy
from supervisor.host.session_files import SessionDirectory
from supervisor.lifecycle.effects import Effect, EventKind
from supervisor.lifecycle.facts import Fact, ViewersChanged
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, SessionId, Timestamp, ViewerCount
from supervisor.lifecycle.view import node_document
from supervisor.policy.guard import Guard
from supervisor.policy.rules import Policy
from supervisor.reactor.admission import Admission, AdmissionLimits
from supervisor.reactor.adoption import Adoption
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.ceiling import Ceiling
from supervisor.reactor.change import Changes
from supervisor.reactor.committed import Committed
from supervisor.reactor.directory import Directory
from supervisor.reactor.gate import Gate
from supervisor.reactor.images import Images
from supervisor.reactor.input_notes import InputNotes
from supervisor.reactor.intake import Intake
from supervisor.reactor.lane import Lanes
from supervisor.reactor.launch import Launcher
from supervisor.reactor.perform import AgentLink, Performer
from supervisor.reactor.quota import Quotas
from supervisor.reactor.reconcile import OrphanRules, Reconciler
from supervisor.reactor.retention import Retention, RetentionBounds
from supervisor.reactor.service import (
    CatalogService,
    Completeness,
    FeedService,
    HealthService,
    OutboxService,
    SessionService,
    TicketService,
)
from supervisor.reactor.session_log import LogService
from supervisor.reactor.store_guard import StoreGuard
from supervisor.reactor.tally import Tally
from supervisor.reactor.timers import Timers
from supervisor.reactor.turnstile import Turnstile
from supervisor.reactor.ulid import UlidSource
from supervisor.reactor.watcher import Watcher
from supervisor.reactor.worker import Reactor
from supervisor.store.database import Database
from supervisor.store.lives import Life, begin_life
from supervisor.store.sessions import load_sessions, set_nameless_aside
from supervisor.template.catalog import TemplateCatalog

log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """What an administrator has said about sessions in general. Units: seconds."""

    owner: str
    node: str
    engine_url: str
    identity: IdentityPolicy
    limits: AdmissionLimits
    policy: Policy
    agent: AgentSettings
    paths: HostPaths
    sessions_per_user: int | None = None
    relist_seconds: float = 60.0
    retention: RetentionBounds = field(default_factory=RetentionBounds)
    orphans: OrphanRules = field(default_factory=OrphanRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreParts:
    """What the core is built on."""

    engine: Engine
    database: Database
    files: SessionDirectory
    catalog: TemplateCatalog
    now: Callable[[], Timestamp]
    spawn: Spawn


class Core:
    """Made with ``open``; offers the relay's ports; ``begin`` sets it going."""

    def __init__(self, settings: CoreSettings, parts: CoreParts, life: Life) -> None:
        self._settings = settings
        self._guard = Guard(settings.policy)
        self._parts = parts
        self._link: AgentLink | None = None
        self.tally = Tally()
        self.directory = Directory()
        self.broadcast = Broadcast(life.first_seq)
        self.reactor = Reactor(
            database=parts.database, directory=self.directory, now=parts.now, spawn=parts.spawn
        )
        post = self.reactor.post
        self._timers = Timers(post, parts.now)
        self._lanes = Lanes(self._perform, post, parts.spawn)
        self.input_notes = InputNotes(post)
        self._admission = Admission(lambda: self._settings.limits, post)
        self._ceiling = Ceiling(lambda: self._guard.policy.clipboard, post)
        self._committed = Committed(
            broadcast=self.broadcast,
            timers=self._timers,
            admission=self._admission,
            ceiling=self._ceiling,
            input_notes=self.input_notes,
            lanes=self._lanes,
        )
        self.reactor.observe(self._committed)
        self._watcher = Watcher(
            engine=parts.engine,
            directory=self.directory,
            post=post,
            adopt=self._adopt,
            found=self._admission.open,
            lost=self._admission.close,
            note=self._note,
            now=parts.now,
            relist_seconds=lambda: self._settings.relist_seconds,
            tell=self.tell_node,
        )
        self._adoption = Adoption(
            directory=self.directory,
            database=parts.database,
            files=parts.files,
            reactor=self.reactor,
            publish=self.broadcast.publish,
            node=settings.node,
            now=parts.now,
            tally=self.tally,
            is_whole=life.is_whole,
        )
        self._reconciler = Reconciler(
            engine=parts.engine,
            directory=self.directory,
            files=parts.files,
            adoption=self._adoption,
            health=self._watcher.health,
            rules=lambda: self._settings.orphans,
            post=post,
            now=parts.now,
            tally=self.tally,
        )
        self._ids = UlidSource()
        self._images = Images(parts.engine, parts.database)
        self._turnstile = Turnstile(lambda: self._settings.limits.concurrent_starts)
        self._launcher = Launcher(
            guard=lambda: self._guard,
            engine=parts.engine,
            images=self._images,
            files=parts.files,
            paths=lambda: self._settings.paths,
            settings=lambda: self._settings.agent,
            owner=settings.owner,
            post=post,
            starts=self._turnstile,
        )
        self._offer()

    @classmethod
    async def open(cls, settings: CoreSettings, parts: CoreParts) -> Core:
        """Load what the store knows. Raises StoreError."""
        now, run = parts.now(), parts.database.run
        core = cls(settings, parts, await run(lambda db: begin_life(db, now)))
        if nameless := await run(lambda db: set_nameless_aside(db, now)):
            log.error("stored_sessions_nameless", rows=nameless, kept="damaged_sessions")
        await core.gate.load()
        sessions, unreadable = await run(load_sessions)
        for session in sessions:
            core.directory.put(session)
            core._ids.start_after(session.id)
            if session.viewers.any:
                core.reactor.post(session.id, ViewersChanged(ViewerCount()))
        for session_id in unreadable:
            core._adoption.unreadable.add(session_id)
            log.error("stored_session_unreadable", session_id=session_id)
        return core

    def _offer(self) -> None:
        """What the relay is given."""
        settings, parts = self._settings, self._parts
        health = self._watcher.health
        self.gate = Gate(
            database=parts.database,
            directory=self.directory,
            reactor=self.reactor,
            now=parts.now,
            tell=self.tell_node,
        )
        quotas = Quotas(
            directory=self.directory,
            identity_policy=lambda: self._settings.identity,
            sessions_per_user=lambda: self._settings.sessions_per_user,
        )
        intake = Intake(
            database=parts.database,
            directory=self.directory,
            observer=self._committed,
            catalog=parts.catalog,
            quotas=quotas,
            identity_policy=lambda: self._settings.identity,
            guard=lambda: self._guard,
            ids=self._ids,
            health=health,
            cordon=lambda: self.gate.cordon,
            node=settings.node,
            now=parts.now,
        )
        complete = Completeness(health, lambda: self._adoption.is_whole)
        self.sessions = SessionService(
            intake=intake,
            changes=Changes(
                directory=self.directory,
                reactor=self.reactor,
                catalog=parts.catalog,
                guard=lambda: self._guard,
            ),
            quotas=quotas,
            directory=self.directory,
            reactor=self.reactor,
            broadcast=self.broadcast,
            all_adopted=lambda: health.adopted and self._adoption.complete,
            complete=complete,
        )
        self.feed = FeedService(
            broadcast=self.broadcast,
            database=parts.database,
            directory=self.directory,
            complete=complete,
        )
        self.outbox = OutboxService(broadcast=self.broadcast, database=parts.database)
        self.tickets = TicketService(database=parts.database, now=parts.now)
        self.logs = LogService(
            directory=self.directory,
            engine=parts.engine,
            broadcast=self.broadcast,
            database=parts.database,
        )
        self.templates = CatalogService(
            catalog=parts.catalog, clipboard=lambda: self._guard.policy.clipboard
        )
        self.health = HealthService(
            health=health,
            directory=self.directory,
            node_name=settings.node,
            engine_url=settings.engine_url,
            cordon=lambda: self.gate.cordon,
            max_sessions=lambda: self._settings.limits.max_sessions,
        )

        self.upkeep = self._reconciler

    def begin(self, link: AgentLink) -> list[asyncio.Task[None]]:
        """Watch the engine, and take up stored sessions; returns the tasks that never end."""
        self._link = link
        retention = Retention(
            directory=self.directory,
            database=self._parts.database,
            post=self.reactor.post,
            now=self._parts.now,
            bounds=lambda: self._settings.retention,
        )
        guard = StoreGuard(
            database=self._parts.database,
            directory=self.directory,
            latest=self.broadcast.latest,
            now=self._parts.now,
            cordon=lambda: self.gate.cordon,
        )
        endless = (self._watcher, self._reconciler, retention, guard)
        return [self._parts.spawn(each.run()) for each in endless]

    @property
    def owner(self) -> str:
        """The instance id, by which its containers are known."""
        return self._settings.owner

    def change(self, settings: CoreSettings) -> None:
        """From now on this holds, for each decision that comes; what runs is left as it is.

        But what may be copied to and fro, which holds for those who are there as well. Who owns
        what runs here, and which engine that is on, stay as they were.
        """
        kept = self._settings
        self._settings = replace(
            settings, owner=kept.owner, node=kept.node, engine_url=kept.engine_url
        )
        self._guard = Guard(settings.policy)
        self._turnstile.look_again()
        self._admission.look_again()
        for session in self.directory:
            self._ceiling.observe(session)

    async def _adopt(self, records: Sequence[ContainerRecord]) -> None:
        """Take over what runs; only then deadlines pass, and what waits can be started."""
        await self._parts.engine.tidy()
        await self._adoption.run(records)
        await self._reconciler.collect_files(records)
        self._timers.open()
        for session in self.directory:
            self._committed.resume(session)

    def _note(
        self, sessions: Mapping[SessionId, Session], records: Sequence[ContainerRecord]
    ) -> None:
        self._reconciler.note(sessions, records)

    def tell_node(self) -> None:
        """The node's state to whoever listens; it has no number of its own, and is not kept."""
        document = node_document(self.health.node())
        latest = self.broadcast.latest()
        self.broadcast.publish(FeedItem(latest, EventKind.NODE, SessionId(""), "", document))

    async def close(self, drain_seconds: float) -> None:
        """Workers first, so that what is known is committed; then what they asked for."""
        await self.reactor.drain(drain_seconds)
        await self._lanes.close()
        await self._images.close()
        self._timers.close()

    async def _perform(self, session_id: SessionId, effect: Effect) -> Fact | None:
        assert self._link is not None  # noqa: S101 begin() comes first
        performer = Performer(
            directory=self.directory,
            engine=self._parts.engine,
            launcher=self._launcher,
            files=self._parts.files,
            link=self._link,
        )
        return await performer(session_id, effect)

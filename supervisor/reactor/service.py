"""What the daemon offers to its relay: the ports of ``relay.ports``, met without knowing them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from supervisor import __version__
from supervisor.lifecycle.cordon import Cordon, cordon_object
from supervisor.lifecycle.delivery import Overdue, Position, StoredEvent, Stretch
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError, UnavailableError
from supervisor.lifecycle.facts import Fact, PurgeRequested
from supervisor.lifecycle.feed import FeedGapError, FeedItem, Page
from supervisor.lifecycle.session import (
    ClipboardPolicy,
    ParamValue,
    Phase,
    Session,
    SessionId,
    StartRequest,
    Timestamp,
    known_phase,
)
from supervisor.lifecycle.tickets import KeptTicket
from supervisor.reactor.broadcast import Broadcast, Reader
from supervisor.reactor.change import Changes
from supervisor.reactor.directory import Directory
from supervisor.reactor.intake import Intake
from supervisor.reactor.quota import Quotas
from supervisor.reactor.watcher import EngineHealth
from supervisor.reactor.worker import Reactor
from supervisor.store.database import Database
from supervisor.store.delivery import (
    find_overdue,
    load_position,
    read_events,
    save_position,
    survey,
)
from supervisor.store.outbox import replay
from supervisor.store.tickets import drop_tickets, keep_ticket, load_tickets
from supervisor.template.catalog import TemplateCatalog
from supervisor.template.description import describe
from supervisor.template.errors import TemplateError
from supervisor.template.param_schema import params_json_schema

PURGE_SECONDS = 60.0
_INCOMPLETE = (
    "The supervisor's database is new, or was lost, and what runs has not been put into it yet: "
    "nobody can say which sessions there are."
)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a session that is not known cannot be there; else its store was lost, or is new."""

    health: EngineHealth
    is_whole: Callable[[], bool]

    def require(self) -> None:
        """Raise UnavailableError while sessions may be missing."""
        if not (self.health.adopted or self.is_whole()):
            raise UnavailableError(f"{_INCOMPLETE} {self.health.message}".strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionService:
    """Start, look at, and steer sessions."""

    intake: Intake
    changes: Changes
    quotas: Quotas
    directory: Directory
    reactor: Reactor
    broadcast: Broadcast
    all_adopted: Callable[[], bool]
    complete: Completeness

    async def start(self, request: StartRequest, *, idempotency_key: str | None) -> Session:
        """See Intake.start."""
        return await self.intake.start(request, idempotency_key=idempotency_key)

    def get(self, session_id: str) -> Session:
        """Raises SessionNotFoundError, and UnavailableError while it may yet turn up."""
        with self._found():
            return self.directory.get(session_id)

    def list(
        self, *, user: str | None, phase: Phase | None, limit: int, cursor: str | None
    ) -> Page:
        """Newest first. Raises UnavailableError while some may yet turn up."""
        self.complete.require()
        return self.directory.list(user=user, phase=phase, limit=limit, cursor=cursor)

    def document(self, session: Session) -> bytes:
        """See Directory.document."""
        return self.directory.document(session)

    async def submit(self, session_id: str, fact: Fact) -> Session:
        """See Reactor.submit, and ``get``."""
        with self._found():
            return await self.reactor.submit(session_id, fact)

    async def change(
        self, session_id: str, *, name: str | None, params: Mapping[str, ParamValue]
    ) -> Session:
        """See Changes.change, and ``get``."""
        with self._found():
            return await self.changes.change(session_id, name=name, params=params)

    async def quota(self, user: str) -> Mapping[str, Any]:
        """See Quotas.show."""
        return await self.quotas.show(user)

    async def purge(self, session_id: str) -> None:
        """Returns once the container is gone and the session forgotten."""
        with self._found():
            await self.reactor.submit(session_id, PurgeRequested())
        try:
            async with asyncio.timeout(PURGE_SECONDS):
                while self.directory.find(session_id) is not None:
                    await self._forgotten(session_id)
        except TimeoutError:
            message = (
                "The engine has not removed the container yet; the session is forgotten as "
                "soon as it has."
            )
            raise UnavailableError(message) from None

    @contextmanager
    def _found(self) -> Iterator[None]:
        """What is not there may be what the store has lost: that is no 404 yet."""
        try:
            yield
        except SessionNotFoundError:
            self.complete.require()
            raise

    async def _forgotten(self, session_id: str) -> None:
        """Wait for the news; so much else can happen meanwhile that it gets lost (FeedGapError)."""
        with self.broadcast.subscribe() as items, suppress(FeedGapError):
            async for item in items:
                if item.kind is EventKind.DELETE and item.session_id == session_id:
                    return

    def find_by_token_hash(self, token_hash: str) -> SessionId | None:
        """Whose agent holds the token with this SHA-256 (hex)."""
        return self.directory.find_by_token_hash(token_hash)

    def knows_every_token(self) -> bool:
        """Not before adoption is complete, nor while something runs whose token is not known."""
        if not self.all_adopted():
            return False
        live = self.directory.live()
        return not any(each.token_hash is None and each.container_id is not None for each in live)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedService:
    """Committed changes: live from memory, the past from the outbox."""

    broadcast: Broadcast
    database: Database
    directory: Directory
    complete: Completeness

    def require_complete(self) -> None:
        """Raise UnavailableError while sessions may be missing."""
        self.complete.require()

    def subscribe(self) -> AbstractContextManager[Reader]:
        """Items from now on."""
        return self.broadcast.subscribe()

    def latest(self) -> int:
        """The number of the newest committed item."""
        return self.broadcast.latest()

    async def replay(
        self, after: int, *, user: str | None = None, most: int = -1
    ) -> Sequence[FeedItem]:
        """Raises FeedGapError when some of it is no longer kept."""
        items = await self.database.run(lambda connection: replay(connection, after, user, most))
        if items is None:
            raise FeedGapError
        return items

    def snapshot(self) -> Sequence[Session]:
        """Every session there is."""
        return tuple(self.directory)

    def document(self, session: Session) -> bytes:
        """See Directory.document."""
        return self.directory.document(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxService:
    """The outbox for the webhook; each call that goes to the store raises StoreError."""

    broadcast: Broadcast
    database: Database

    async def position(self) -> Position:
        """Where the webhook stands."""
        return await self.database.run(load_position)

    async def save(self, position: Position) -> None:
        """Durable when this returns."""
        await self.database.run(lambda connection: save_position(connection, position))

    async def survey(self, after: int, limit: int) -> tuple[Sequence[Stretch], int]:
        """Whose events come after this number, and how far was looked."""
        return await self.database.run(lambda connection: survey(connection, after, limit))

    async def events(self, stretch: Stretch, limit: int) -> Sequence[StoredEvent]:
        """The first events of a stretch."""
        return await self.database.run(lambda connection: read_events(connection, stretch, limit))

    async def overdue(self, stretch: Stretch, oldest: Timestamp) -> Overdue:
        """What of the head of a stretch is older than this."""
        return await self.database.run(lambda connection: find_overdue(connection, stretch, oldest))

    def latest(self) -> int:
        """The number of the newest event."""
        return self.broadcast.latest()

    async def grown(self, past: int) -> None:
        """Wait for an event with a greater number."""
        await self.broadcast.grown(past)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketService:
    """Tickets in the store."""

    database: Database
    now: Callable[[], Timestamp]

    async def load(self) -> Sequence[KeptTicket]:
        """Every ticket that has not expired."""
        return await self.database.run(lambda connection: load_tickets(connection, self.now()))

    async def keep(self, kept: KeptTicket) -> None:
        """Remember it with so many uses; one that has none is forgotten."""
        await self.database.run(lambda connection: keep_ticket(connection, kept))

    async def drop(self, session_id: SessionId, label: str | None) -> None:
        """Forget the session's tickets, or those with this label."""
        await self.database.run(lambda connection: drop_tickets(connection, session_id, label))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogService:
    """What can be started, as JSON-ready objects."""

    catalog: TemplateCatalog
    clipboard: Callable[[], ClipboardPolicy] = lambda: ClipboardPolicy.BOTH
    """The most that this host lets through."""

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Every valid template; faulty ones are the administrator's business (``check``)."""
        found = []
        for name in self.catalog.names():
            try:
                found.append(self.get(name))
            except TemplateError:
                continue
        return found

    def get(self, name: str) -> Mapping[str, Any]:
        """Raises TemplateNotFoundError, TemplateError."""
        template = self.catalog.get(name)
        told = asdict(describe(template, self.clipboard()))
        return {**told, "params_schema": params_json_schema(template)}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthService:
    """Readiness and the node object."""

    health: EngineHealth
    directory: Directory
    node_name: str
    engine_url: str
    cordon: Callable[[], Cordon | None]
    max_sessions: Callable[[], int | None]
    notes: dict[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)
    """What other parts of the daemon say of themselves in the node object."""

    def ready(self) -> tuple[bool, str]:
        """Ready once adoption is complete and while the engine answers."""
        if not self.health.adopted:
            return False, f"Sessions are not adopted yet. {self.health.message}".strip()
        return self.health.reachable, self.health.message

    def sessions(self) -> int:
        """How many have a container, or are about to."""
        return sum(known_phase(each) is not Phase.PENDING for each in self.directory.live())

    def node(self) -> Mapping[str, Any]:
        """The node object of the web server's API."""
        live = list(self.directory.live())
        pending = sum(known_phase(session) is Phase.PENDING for session in live)
        load = os.getloadavg()
        version = self.health.version
        return {
            "host": self.node_name,
            "version": __version__,
            "ready": self.ready()[0],
            "message": self.health.message,
            "engine": {
                "name": version.name if version else None,
                "version": version.version if version else None,
                "api_version": version.api_version if version else None,
                "url": self.engine_url,
                "reachable": self.health.reachable,
            },
            "capacity": {"max_sessions": self.max_sessions(), "cpus": os.cpu_count()},
            "load": {
                "sessions": len(live) - pending,
                "pending": pending,
                "average": list(load),
            },
            "draining": self.cordon() is not None,
            "cordon": cordon_object(self.cordon()),
            **{name: note() for name, note in self.notes.items()},
        }

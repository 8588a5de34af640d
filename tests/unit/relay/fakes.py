"""The relay's ports in memory. Sessions change by the real ``decide``, so that phases are true."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from relay.ports import AgentLink, FeedGapError, FeedItem, Page
from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import CloseViewers, EventKind, ReleaseSession
from supervisor.lifecycle.errors import (
    ConflictError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    SessionNotFoundError,
    SupervisorError,
    TemplateNotFoundError,
)
from supervisor.lifecycle.facts import (
    AgentReady,
    ContainerGone,
    ContainerStarted,
    Fact,
    SessionPrepared,
    SlotGranted,
)
from supervisor.lifecycle.session import ParamValue, Phase, Session, SessionId, StartRequest
from supervisor.lifecycle.tickets import KeptTicket
from supervisor.lifecycle.view import delete_document, update_document
from tests.support.memory_log import MemoryLog


class FakeFeed:
    """Items kept up to ``kept``; each reader's buffer bounded by ``bound``."""

    def __init__(self, bound: int = 1000) -> None:
        self.items: list[FeedItem] = []
        self.kept_after = 0
        self.sessions: dict[SessionId, Session] = {}
        self.readers: list[deque[FeedItem]] = []
        self.changed = asyncio.Event()
        self._bound = bound

    def publish(self, kind: EventKind, session: Session) -> None:
        """Commit a change."""
        data = update_document(session) if kind is EventKind.UPDATE else delete_document(session.id)
        item = FeedItem(self.latest() + 1, kind, session.id, session.user, data)
        self.items.append(item)
        for reader in self.readers:
            reader.append(item)
        self.changed.set()

    def publish_node(self, data: bytes) -> None:
        """News that is not kept."""
        for reader in self.readers:
            reader.append(FeedItem(self.latest(), EventKind.NODE, SessionId(""), "", data))
        self.changed.set()

    @contextmanager
    def subscribe(self) -> Iterator[FakeReader]:
        """A reader's live items."""
        buffer: deque[FeedItem] = deque()
        self.readers.append(buffer)
        try:
            yield FakeReader(self, buffer, self._bound)
        finally:
            self.readers.remove(buffer)

    def latest(self) -> int:
        """The newest seq."""
        return self.items[-1].seq if self.items else self.kept_after

    async def replay(self, after: int) -> Sequence[FeedItem]:
        """What is kept."""
        if after < self.kept_after:
            raise FeedGapError
        return [item for item in self.items if item.seq > after]

    def snapshot(self) -> Sequence[Session]:
        """Every session."""
        return tuple(self.sessions.values())

    def document(self, session: Session) -> bytes:
        """Encoded anew each time."""
        return update_document(session)


@dataclass(frozen=True, slots=True)
class FakeReader:
    """What a reader of a FakeFeed has not read."""

    feed: FakeFeed
    buffer: deque[FeedItem]
    bound: int

    async def take(self, most: int) -> Sequence[FeedItem]:
        """See FeedReader."""
        while not self.buffer:
            self.feed.changed.clear()
            await self.feed.changed.wait()
        if len(self.buffer) > self.bound:
            raise FeedGapError
        return [self.buffer.popleft() for _ in range(min(most, len(self.buffer)))]


QUOTA_USE = {"sessions": 1, "memory_bytes": 4096, "cpu_seconds": 1.5, "processes": 7}


class FakeSessions:
    """Sessions without an engine: what a container would do, a test says."""

    def __init__(self, feed: FakeFeed) -> None:
        self.feed = feed
        self.facts: list[tuple[SessionId, Fact]] = []
        self.requests: list[StartRequest] = []
        self.refusal: Exception | None = None
        self.link: AgentLink | None = None
        self.all_known = True
        """Whether every session has been taken over since the start."""
        self._keys: dict[str, tuple[StartRequest, SessionId]] = {}
        self._count = 0

    @property
    def sessions(self) -> dict[SessionId, Session]:
        """All of them."""
        return self.feed.sessions

    async def start(self, request: StartRequest, *, idempotency_key: str | None) -> Session:
        """Accept, or refuse as told."""
        if self.refusal is not None:
            raise self.refusal
        if idempotency_key in self._keys:
            earlier, session_id = self._keys[idempotency_key]
            if earlier != request:
                raise ConflictError("The Idempotency-Key was used for another request.")
            return self.sessions[session_id]
        self.requests.append(request)
        self._count += 1
        session = Session(
            id=SessionId(f"01jd{self._count:022d}"),
            user=request.user,
            name=request.name or "Terminal",
            template=request.template,
            image="debian:12",
            command=request.command or "xterm",
            geometry=request.geometry or "1280x800",
            dpi=request.dpi or 96,
            params=request.params,
            created_at=1_700_000_000.0 + self._count,
        )
        self._commit(session, EventKind.UPDATE)
        if idempotency_key is not None:
            self._keys[idempotency_key] = (request, session.id)
        return session

    def get(self, session_id: str) -> Session:
        """One."""
        try:
            return self.sessions[SessionId(session_id)]
        except KeyError:
            raise SessionNotFoundError(f"There is no session {session_id[:26]!r}.") from None

    def list(
        self, *, user: str | None, phase: Phase | None, limit: int, cursor: str | None
    ) -> Page:
        """Newest first."""
        matching = [
            session
            for session in sorted(self.sessions.values(), key=lambda s: s.id, reverse=True)
            if user in (None, session.user)
            and phase in (None, session.phase)
            and (cursor is None or session.id < cursor)
        ]
        page = matching[:limit]
        return Page(page, page[-1].id if len(matching) > limit else None)

    def document(self, session: Session) -> bytes:
        """Encoded anew each time."""
        return update_document(session)

    async def submit(self, session_id: str, fact: Fact) -> Session:
        """Decide, commit, do what concerns the relay."""
        session = self.get(session_id)
        self.facts.append((session.id, fact))
        decision = decide(session, fact, 1_700_000_100.0)
        if decision.event is not None:
            self._commit(decision.session, decision.event)
        for effect in decision.effects:
            if self.link is not None and isinstance(effect, CloseViewers):
                self.link.close_viewers(session.id, effect.code)
            if self.link is not None and isinstance(effect, ReleaseSession):
                self.link.release(session.id)
        return decision.session

    async def purge(self, session_id: str) -> None:
        """Forget."""
        session = self.get(session_id)
        del self.sessions[session.id]
        self.feed.publish(EventKind.DELETE, session)

    def find_by_token_hash(self, token_hash: str) -> SessionId | None:
        """By hash."""
        found = (s.id for s in self.sessions.values() if s.token_hash == token_hash)
        return next(found, None)

    def knows_every_token(self) -> bool:
        """As told."""
        return self.all_known

    # -- what tests say

    async def prepare(self, token: str, user: str = "alice") -> SessionId:
        """A session whose container is started and whose agent has this token."""
        session = await self.start(StartRequest(user=user), idempotency_key=None)
        digest = hashlib.sha256(token.encode()).hexdigest()
        await self.submit(session.id, SlotGranted())
        await self.submit(session.id, SessionPrepared("sha256:1", digest))
        await self.submit(session.id, ContainerStarted("c1"))
        return session.id

    async def run(self, token: str, user: str = "alice") -> SessionId:
        """A running session."""
        session_id = await self.prepare(token, user)
        await self.submit(session_id, AgentReady(1))
        return session_id

    async def end(self, session_id: SessionId) -> None:
        """The session's container is gone."""
        await self.submit(session_id, ContainerGone("c1"))

    async def change(
        self, session_id: str, *, name: str | None, params: Mapping[str, ParamValue]
    ) -> Session:
        """Rename, and take any params but ``forbidden``."""
        if "forbidden" in params:
            fault = FieldError(("params", "forbidden"), "cannot be changed while the session runs")
            raise InvalidRequestError("params: forbidden cannot be changed", errors=(fault,))
        session = self.get(session_id)
        self.force(session.id, name=name or session.name, params={**session.params, **params})
        return self.get(session_id)

    async def quota(self, user: str) -> Mapping[str, Any]:
        """Of alice alone."""
        if user != "alice":
            raise NotFoundError(f"There is no user {user!r} on this host.")
        return {"user": user, "limits": {"sessions": 3}, "use": QUOTA_USE}

    def force(self, session_id: SessionId, **changes: Any) -> None:  # noqa: ANN401 any field of a session
        """Put a session into a state that no fact leads to here."""
        session = self.sessions[session_id]
        changed = replace(session, version=session.version + 1, **changes)
        self._commit(changed, EventKind.UPDATE)

    def _commit(self, session: Session, kind: EventKind) -> None:
        if kind is EventKind.DELETE:
            self.sessions.pop(session.id, None)
        else:
            self.sessions[session.id] = session
        self.feed.publish(kind, session)


class FakeLogs:
    """Logs of containers as tests have them print; a session without one has what was kept."""

    def __init__(self, sessions: FakeSessions) -> None:
        self._sessions = sessions
        self.printed: dict[SessionId, MemoryLog] = {}
        self.refusal: Exception | None = None
        self.opening = asyncio.Event()
        self.opening.set()
        self.open_now = 0

    @asynccontextmanager
    async def open(
        self, session_id: str, *, tail: int | None, follow: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """See ``relay.ports.Logs``."""
        session = self._sessions.get(session_id)
        await self.opening.wait()
        if self.refusal is not None:
            raise self.refusal
        log = self.printed.get(session.id)
        if log is None:
            log = MemoryLog()
            log.print(session.log_tail.encode())
            log.end()
        self.open_now += 1
        try:
            async with aclosing(log.read(tail, follow=follow)) as pieces:
                yield pieces
        finally:
            self.open_now -= 1


class FakeCatalog:
    """One template."""

    template: Mapping[str, Any] = {
        "name": "docker",
        "title": "Terminal",
        "icon": "",
        "description": "A terminal.",
        "params": [{"name": "cores", "type": "integer", "default": 2, "label": "Cores"}],
        "params_schema": {"type": "object", "properties": {"cores": {"type": "integer"}}},
    }

    def list(self) -> Sequence[Mapping[str, Any]]:
        """All."""
        return [self.template]

    def get(self, name: str) -> Mapping[str, Any]:
        """One."""
        if name != "docker":
            raise TemplateNotFoundError(f"There is no template {name!r}.")
        return self.template


@dataclass
class FakeHealth:
    """As healthy as told."""

    is_ready: bool = True
    sentence: str = ""
    node_object: dict[str, Any] = field(
        default_factory=lambda: {
            "host": "node1",
            "ready": True,
            "message": "",
            "engine": {"reachable": True, "version": "24.0.5"},
            "capacity": {"sessions": 100},
            "load": {"sessions": 0},
            "draining": False,
        }
    )

    def ready(self) -> tuple[bool, str]:
        """Whether, and why not."""
        return self.is_ready, self.sentence

    def node(self) -> Mapping[str, Any]:
        """The node."""
        return self.node_object


@dataclass
class FakeUpkeep:
    """Finds one of each; notes what was asked."""

    asked: list[bool] = field(default_factory=list)
    refusal: Exception | None = None

    async def reconcile(self, *, dry_run: bool) -> Mapping[str, Any]:
        """What there is, or was."""
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(dry_run)
        done = "would be" if dry_run else "was"
        session_id = "01jd0000000000000000000007"
        orphan = {
            "container_id": "c0ffee" * 10 + "cafe",
            "session_id": session_id,
            "user": "alice",
            "template": "docker",
            "created_at": "2025-01-01T12:00:00.000Z",
            "message": f"No session stands for it: it {done} removed.",
        }
        drift = {
            "session_id": session_id,
            "phase": "running",
            "container": None,
            "message": "Its container is gone: the session would be ended.",
        }
        leftover = {"session_id": session_id, "message": f"They {done} removed."}
        return {
            "dry_run": dry_run,
            "orphans": [orphan],
            "leftover_files": [leftover],
            "drift": [drift, {**drift, "phase": None, "container": "running"}],
        }


class BrokenError(SupervisorError):
    """An error of a class the relay does not know."""

    code = "broken"


@dataclass
class Clock:
    """Time, by hand."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


class FakeShelf:
    """Tickets in a dict; refuses if so ordered."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptTicket] = {}
        self.refusal: Exception | None = None

    async def load(self) -> Sequence[KeptTicket]:
        """All of them."""
        return list(self.kept.values())

    async def keep(self, kept: KeptTicket) -> None:
        """One."""
        self._ask()
        self.kept.pop(kept.ticket.key, None)
        if kept.uses:
            self.kept[kept.ticket.key] = kept

    async def drop(self, session_id: SessionId) -> None:
        """Those of a session."""
        self._ask()
        for key in [k for k, each in self.kept.items() if each.ticket.session_id == session_id]:
            del self.kept[key]

    def _ask(self) -> None:
        if self.refusal is not None:
            raise self.refusal

"""Sessions in memory. They change by the real ``decide``, so that phases are true."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from relay.ports import AgentLink, Page
from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.effects import CloseViewers, EventKind, ReleaseSession
from supervisor.lifecycle.errors import (
    ConflictError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    SessionNotFoundError,
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
from supervisor.lifecycle.view import update_document
from tests.unit.relay.fake_feed import FakeFeed

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
                self.link.close_viewers(
                    session.id, effect.code, in_control_only=effect.in_control_only
                )
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

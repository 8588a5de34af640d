"""Every session there is, as last committed: what reads are answered from, without the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.feed import Page
from supervisor.lifecycle.session import Phase, Session, SessionId
from supervisor.lifecycle.view import update_document

LAST_DROPPED = 10_000
"""More than are purged while a listing of the engine is under way."""


class Directory:
    """Sessions by id, in the order of creation, and by the hash of their agent's token."""

    def __init__(self) -> None:
        self._sessions: dict[SessionId, Session] = {}
        self._by_token: dict[str, SessionId] = {}
        self._documents: dict[SessionId, tuple[Session, bytes]] = {}
        self._dropped: dict[SessionId, None] = {}

    def put(self, session: Session, document: bytes | None = None) -> None:
        """Take a committed session in place of what was known of it; and its document, if made."""
        before = self._sessions.get(session.id)
        if before is not None and before.token_hash not in (None, session.token_hash):
            self._by_token.pop(before.token_hash or "", None)
        if session.token_hash is not None:
            self._by_token[session.token_hash] = session.id
        is_put_back = before is None and session.id < next(reversed(self._sessions), "")
        self._sessions[session.id] = session
        if is_put_back:
            self._sessions = dict(sorted(self._sessions.items()))
        if document is None:
            self._documents.pop(session.id, None)
        else:
            self._documents[session.id] = (session, document)

    def drop(self, session_id: SessionId) -> None:
        """Forget a session."""
        session = self._sessions.pop(session_id, None)
        self._documents.pop(session_id, None)
        if session is not None and session.token_hash is not None:
            self._by_token.pop(session.token_hash, None)
        self._dropped[session_id] = None
        if len(self._dropped) > LAST_DROPPED:
            del self._dropped[next(iter(self._dropped))]

    def was_dropped(self, session_id: SessionId) -> bool:
        """Whether it was here not long ago: what an older listing shows of it is no news."""
        return session_id in self._dropped

    def find(self, session_id: str) -> Session | None:
        """The session, if there is one of that id."""
        return self._sessions.get(SessionId(session_id))

    def get(self, session_id: str) -> Session:
        """The session. Raises SessionNotFoundError."""
        session = self.find(session_id)
        if session is None:
            message = f"There is no session {session_id!r}: it never was, or it has been purged."
            raise SessionNotFoundError(message)
        return session

    def find_by_token_hash(self, token_hash: str) -> SessionId | None:
        """Whose agent holds the token with this SHA-256 (hex)."""
        return self._by_token.get(token_hash)

    def document(self, session: Session) -> bytes:
        """The session as the web server is shown it (JSON), encoded once after each change."""
        kept = self._documents.get(session.id)
        if kept is not None and kept[0] is session:
            return kept[1]
        document = update_document(session)
        if self._sessions.get(session.id) is session:
            self._documents[session.id] = (session, document)
        return document

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def by_id(self) -> dict[SessionId, Session]:
        """All of them, as they are now."""
        return dict(self._sessions)

    def live(self) -> Iterable[Session]:
        """Sessions that are not over."""
        return [session for session in self if session.phase is not Phase.ENDED]

    def list(
        self, *, user: str | None, phase: Phase | None, limit: int, cursor: str | None
    ) -> Page:
        """Newest first; ``cursor`` is the last id of the page before."""
        found: list[Session] = []
        for session_id in reversed(self._sessions):
            if cursor is not None and session_id >= cursor:
                continue
            session = self._sessions[session_id]
            if user not in (None, session.user) or phase not in (None, session.phase):
                continue
            if len(found) == limit:
                return Page(found, found[-1].id)
            found.append(session)
        return Page(found, None)

"""What the relay is given by the supervisor, and what it gives back.

The relay calls ``Sessions``, ``Catalog``, ``Feed``, ``Outbox``, ``Logs``, ``Health``,
``TicketShelf``, ``Upkeep`` and ``Gate``; the supervisor calls the ``AgentLink`` that the relay
implements. Both sides know only this module and ``supervisor.lifecycle``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from supervisor.lifecycle.delivery import Overdue, Position, StoredEvent, Stretch
from supervisor.lifecycle.facts import Fact
from supervisor.lifecycle.feed import FeedGapError, FeedItem, Page
from supervisor.lifecycle.session import (
    ParamValue,
    Phase,
    Session,
    SessionId,
    StartRequest,
    Timestamp,
)
from supervisor.lifecycle.tickets import KeptTicket


class Sessions(Protocol):
    """Start sessions, look at them, and tell them facts."""

    async def start(self, request: StartRequest, *, idempotency_key: str | None) -> Session:
        """Accept a session: durable when this returns.

        Raises InvalidRequestError (with field errors), TemplateNotFoundError, DeniedError,
        ConflictError (the key was used for another request), UnavailableError.
        """

    def get(self, session_id: str) -> Session:
        """Raises SessionNotFoundError."""

    def list(
        self, *, user: str | None, phase: Phase | None, limit: int, cursor: str | None
    ) -> Page:
        """Newest first. ``cursor`` is the id after which to go on."""

    def document(self, session: Session) -> bytes:
        """The session object as JSON, encoded once after each change."""

    async def submit(self, session_id: str, fact: Fact) -> Session:
        """Post a fact and return the session once what it led to is committed.

        Raises SessionNotFoundError.
        """

    async def change(
        self, session_id: str, *, name: str | None, params: Mapping[str, ParamValue]
    ) -> Session:
        """Give the session another name and other values of the params that may be changed.

        Raises SessionNotFoundError, ConflictError when it is over, InvalidRequestError (with field
        errors).
        """

    async def quota(self, user: str) -> Mapping[str, Any]:
        """The user's limits and use, JSON-ready. Raises NotFoundError for a user there is not."""

    async def purge(self, session_id: str) -> None:
        """Force the container away and forget the session; returns when it is gone.

        Raises SessionNotFoundError.
        """

    def find_by_token_hash(self, token_hash: str) -> SessionId | None:
        """The session whose agent holds the token with this SHA-256 (hex)."""

    def knows_every_token(self) -> bool:
        """False while a token that is not known may yet turn out to be a session's."""


class Catalog(Protocol):
    """The templates a user can start from, as JSON-ready objects."""

    def list(self) -> Sequence[Mapping[str, Any]]:
        """Every valid template: name, title, icon, description, params, params_schema."""

    def get(self, name: str) -> Mapping[str, Any]:
        """Raises TemplateNotFoundError."""


class FeedReader(Protocol):
    """What one reader of the feed has not read yet."""

    async def take(self, most: int) -> Sequence[FeedItem]:
        """What there is, up to ``most`` items; waits for the first.

        Raises FeedGapError once more was published than is kept for a reader. A call that is
        cancelled has taken nothing.
        """


class Feed(Protocol):
    """Committed changes in the order of their commit."""

    def require_complete(self) -> None:
        """Raise UnavailableError while there may be sessions that are not known."""

    def subscribe(self) -> AbstractContextManager[FeedReader]:
        """Live items from now on."""

    def latest(self) -> int:
        """The seq of the newest committed item."""

    async def replay(
        self, after: int, *, user: str | None = None, most: int = -1
    ) -> Sequence[FeedItem]:
        """What came after ``after``, the first ``most``, of one user or all.

        Raises FeedGapError when some of what came after it is no longer kept.
        """

    def snapshot(self) -> Sequence[Session]:
        """Every session, as of ``latest()`` when called without an await between."""

    def document(self, session: Session) -> bytes:
        """The session object as JSON, encoded once after each change."""


class Outbox(Protocol):
    """Committed changes as they are stored, and how far the webhook has come with them.

    Every call that is awaited, but for ``grown``, raises UnavailableError.
    """

    async def position(self) -> Position:
        """As last saved; the beginning, if it never was."""

    async def save(self, position: Position) -> None:
        """Durable when this returns."""

    async def survey(self, after: int, limit: int) -> tuple[Sequence[Stretch], int]:
        """Whose events follow ``after``, among the next ``limit``, and how far that reaches."""

    async def events(self, stretch: Stretch, limit: int) -> Sequence[StoredEvent]:
        """The first events of the stretch that are still kept, in order."""

    async def overdue(self, stretch: Stretch, oldest: Timestamp) -> Overdue:
        """What at the head of the stretch was committed before ``oldest``."""

    def latest(self) -> int:
        """The number of the newest event."""

    async def grown(self, past: int) -> None:
        """Return once there is an event with a greater number than ``past``."""


class Logs(Protocol):
    """What sessions have printed."""

    def open(
        self, session_id: str, *, tail: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The session's log in pieces cut anywhere: of its container, or what was kept of it.

        Only the last ``tail`` lines; ``None``: all there is. With ``follow`` it goes on until the
        session ends; of a session that has no container yet, from its beginning. Entering raises
        SessionNotFoundError, LogUnavailableError (a ConflictError), UnavailableError and its kin.
        """


class Health(Protocol):
    """What the daemon knows of itself."""

    def ready(self) -> tuple[bool, str]:
        """Whether adoption is complete and the engine answers; else what is not, as a sentence."""

    def node(self) -> Mapping[str, Any]:
        """The node object of the contract: host, engine, capacity, load, draining."""


class Metrics(Protocol):
    """What a monitor reads."""

    content_type: str

    async def expose(self) -> bytes:
        """Everything there is to tell, in Prometheus' text format."""


class Upkeep(Protocol):
    """Putting in order what is there and should not be."""

    async def reconcile(self, *, dry_run: bool) -> Mapping[str, Any]:
        """Do what there is to do, or only tell: the object of the contract.

        Raises UnavailableError before adoption is complete or while the engine does not answer.
        """


class Gate(Protocol):
    """Whether the node takes new sessions. Every call is idempotent and raises UnavailableError."""

    async def close(self, *, by: str, reason: str) -> None:
        """Take no new sessions; durable when this returns."""

    async def empty(self, *, by: str, reason: str) -> None:
        """Likewise, and ask the sessions that there are to end."""

    async def open(self, *, by: str) -> None:
        """Take new sessions again; durable when this returns."""


class TicketShelf(Protocol):
    """Where tickets are kept over a restart. All calls raise StoreError."""

    async def load(self) -> Sequence[KeptTicket]:
        """Every ticket that has not expired."""

    async def keep(self, kept: KeptTicket) -> None:
        """Remember the ticket with so many uses; one that has none is forgotten."""

    async def drop(self, session_id: SessionId, label: str | None) -> None:
        """Forget the session's tickets; with a label, only those that have it."""


class AgentLink(Protocol):
    """What the relay does for the supervisor."""

    def close_viewers(
        self, session_id: SessionId, code: int, *, in_control_only: bool = False
    ) -> None:
        """Close the session's display connections with this WebSocket code."""

    def release(self, session_id: SessionId) -> None:
        """Drop tickets, control stream and displays of a session that is over."""


__all__ = [
    "AgentLink",
    "Catalog",
    "Feed",
    "FeedGapError",
    "FeedItem",
    "FeedReader",
    "Gate",
    "Health",
    "Logs",
    "Metrics",
    "Outbox",
    "Overdue",
    "Page",
    "Position",
    "Sessions",
    "StoredEvent",
    "Stretch",
    "TicketShelf",
    "Upkeep",
]

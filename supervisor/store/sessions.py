"""Sessions in the database: each a JSON body beside the columns that are asked for.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp
from supervisor.store.outbox import append
from supervisor.store.tickets import drop_tickets

_BODY = TypeAdapter(Session)


def load_sessions(connection: sqlite3.Connection) -> tuple[Sequence[Session], Sequence[str]]:
    """Every session in the order of creation, and the ids of rows that cannot be understood."""
    sessions: list[Session] = []
    unreadable: list[str] = []
    for row_id, body in connection.execute("SELECT id, body FROM sessions ORDER BY id"):
        try:
            sessions.append(_BODY.validate_json(body))
        except ValidationError:
            unreadable.append(row_id)
    return sessions, unreadable


def commit_change(
    connection: sqlite3.Connection, session: Session, kind: EventKind, at: Timestamp
) -> FeedItem:
    """Write a session and the outbox row that tells of it; the transaction makes them one."""
    match kind:
        case EventKind.UPDATE:
            connection.execute(
                "INSERT INTO sessions (id, user, phase, created_at, body) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, body = excluded.body",
                (
                    session.id,
                    session.user,
                    session.phase.value,
                    session.created_at,
                    _BODY.dump_json(session).decode(),
                ),
            )
        case EventKind.DELETE:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session.id,))
        case EventKind.NODE:
            message = "news of the node are about no session, and not kept"
            raise ValueError(message)
    if session.phase is Phase.ENDED:
        drop_tickets(connection, session.id)
    return append(connection, session, kind, at)


def count_live(connection: sqlite3.Connection, user: str) -> int:
    """How many sessions of the user have not ended."""
    row = connection.execute(
        "SELECT count(*) FROM sessions WHERE user = ? AND phase != ?", (user, Phase.ENDED.value)
    ).fetchone()
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Claim:
    """An ``Idempotency-Key`` and what was asked with it."""

    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The session that a key stands for already."""

    request_hash: str
    session_id: SessionId


IDEMPOTENCY_SECONDS = 24 * 3600.0


def find_claim(connection: sqlite3.Connection, key: str, now: Timestamp) -> Claimed | None:
    """What was started with this key within the last 24 hours."""
    connection.execute("DELETE FROM idempotency WHERE created_at < ?", (now - IDEMPOTENCY_SECONDS,))
    row = connection.execute(
        "SELECT request_hash, session_id FROM idempotency WHERE key = ?", (key,)
    ).fetchone()
    return None if row is None else Claimed(row[0], SessionId(row[1]))


def claim(connection: sqlite3.Connection, claimed: Claim, session: Session) -> None:
    """Tie the key to the session; in the transaction that creates the session."""
    connection.execute(
        "INSERT INTO idempotency (key, request_hash, session_id, created_at) VALUES (?, ?, ?, ?)",
        (claimed.key, claimed.request_hash, session.id, session.created_at),
    )

"""Sessions in the database: each a JSON body beside the columns that are asked for.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.ids import is_session_id
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp
from supervisor.store.logs import drop_log, keep_log
from supervisor.store.outbox import append, append_delete
from supervisor.store.tickets import drop_tickets

_BODY = TypeAdapter(Session)


def dump_session(session: Session) -> str:
    """The whole record as JSON, secrets' hashes included."""
    return _BODY.dump_json(session).decode()


def parse_session(text: str | bytes) -> Session:
    """The record from its JSON. Raises ValueError."""
    return _BODY.validate_json(text)


def load_sessions(connection: sqlite3.Connection) -> tuple[Sequence[Session], Sequence[SessionId]]:
    """Every session in the order of creation, and the ids of rows that cannot be understood."""
    sessions: list[Session] = []
    unreadable: list[SessionId] = []
    rows = connection.execute("SELECT id, CAST(body AS BLOB) FROM sessions ORDER BY id")
    for row_id, body in rows:
        try:
            session = parse_session(body)
        except ValidationError:
            unreadable.append(SessionId(row_id))
            continue
        if session.id == row_id:
            sessions.append(session)
        else:
            unreadable.append(SessionId(row_id))
    return sessions, unreadable


def commit_change(
    connection: sqlite3.Connection, session: Session, kind: EventKind, at: Timestamp
) -> FeedItem:
    """Write a session and the outbox row that tells of it; the transaction makes them one.

    Its ``log_tail`` is kept beside it, see ``logs``.
    """
    match kind:
        case EventKind.UPDATE:
            if session.log_tail:
                keep_log(connection, session.id, session.log_tail)
            _write(connection, replace(session, log_tail=""))
        case EventKind.DELETE:
            connection.execute("DELETE FROM sessions WHERE id = ?", (session.id,))
            drop_log(connection, session.id)
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


def _write(connection: sqlite3.Connection, session: Session) -> None:
    connection.execute(
        "INSERT INTO sessions (id, user, phase, created_at, body) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET user = excluded.user, phase = excluded.phase, "
        "created_at = excluded.created_at, body = excluded.body",
        (
            session.id,
            session.user,
            session.phase.value,
            session.created_at,
            dump_session(session),
        ),
    )


def set_nameless_aside(connection: sqlite3.Connection, now: Timestamp) -> int:
    """Set rows aside whose id is none, for nobody can ask for them; how many there were."""
    rows = connection.execute("SELECT rowid, id FROM sessions").fetchall()
    nameless = [number for number, row_id in rows if not is_session_id(row_id)]
    for number in nameless:
        connection.execute(
            "INSERT INTO damaged_sessions (id, found_at, body) "
            "SELECT id, ?, CAST(body AS BLOB) FROM sessions WHERE rowid = ?",
            (now, number),
        )
        connection.execute("DELETE FROM sessions WHERE rowid = ?", (number,))
    return len(nameless)


def keep_unreadable(connection: sqlite3.Connection, row_id: str, now: Timestamp) -> None:
    """Copy a row that cannot be understood to where nobody writes over it."""
    connection.execute(
        "INSERT INTO damaged_sessions (id, found_at, body) "
        "SELECT id, ?, CAST(body AS BLOB) FROM sessions WHERE id = ?",
        (now, row_id),
    )


def drop_unreadable(connection: sqlite3.Connection, row_id: str, now: Timestamp) -> FeedItem:
    """Set such a row aside, and tell that its session is gone."""
    keep_unreadable(connection, row_id, now)
    row = connection.execute("SELECT user FROM sessions WHERE id = ?", (row_id,)).fetchone()
    connection.execute("DELETE FROM sessions WHERE id = ?", (row_id,))
    return append_delete(connection, SessionId(row_id), "" if row is None else row[0], now)


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

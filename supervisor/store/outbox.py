"""The outbox: what the outside is to be told, in the order in which it was committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, SessionId, Timestamp
from supervisor.lifecycle.view import delete_document, update_document


def append(
    connection: sqlite3.Connection, session: Session, kind: EventKind, at: Timestamp
) -> FeedItem:
    """Add what the outside is to be told of this change; returns it with its number."""
    gone = kind is EventKind.DELETE
    data = delete_document(session.id) if gone else update_document(session)
    cursor = connection.execute(
        "INSERT INTO outbox (kind, session_id, user, data, at) VALUES (?, ?, ?, ?, ?)",
        (kind.value, session.id, session.user, data, at),
    )
    assert cursor.lastrowid is not None  # noqa: S101 an INSERT of one row has one
    return FeedItem(cursor.lastrowid, kind, session.id, session.user, data)


def latest(connection: sqlite3.Connection) -> int:
    """The number of the newest row ever, kept or pruned; 0 if there was none."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return 0 if row is None else int(row[0])


def replay(connection: sqlite3.Connection, after: int) -> Sequence[FeedItem] | None:
    """Everything after ``after``; ``None`` when some of it is no longer kept, or never was."""
    (complete_after,) = connection.execute(
        "SELECT seq FROM cursors WHERE name = 'pruned'"
    ).fetchone()
    if not complete_after <= after <= latest(connection):
        return None
    rows = connection.execute(
        "SELECT seq, kind, session_id, user, data FROM outbox WHERE seq > ? ORDER BY seq", (after,)
    )
    return [
        FeedItem(seq, EventKind(kind), SessionId(session_id), user, data)
        for seq, kind, session_id, user, data in rows
    ]

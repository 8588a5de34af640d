"""The outbox: what the outside is to be told, in the order in which it was committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, SessionId, Timestamp
from supervisor.lifecycle.view import delete_document, update_document


def append(
    connection: sqlite3.Connection, session: Session, kind: EventKind, at: Timestamp
) -> FeedItem:
    """Add what the outside is to be told of this change; returns it with its number."""
    if kind is EventKind.DELETE:
        return append_delete(connection, session.id, session.user, at)
    data = update_document(session)
    return _insert(connection, FeedItem(0, kind, session.id, session.user, data), at)


def append_delete(
    connection: sqlite3.Connection, session_id: SessionId, user: str, at: Timestamp
) -> FeedItem:
    """The same for a session that is gone."""
    data = delete_document(session_id)
    return _insert(connection, FeedItem(0, EventKind.DELETE, session_id, user, data), at)


def _insert(connection: sqlite3.Connection, item: FeedItem, at: Timestamp) -> FeedItem:
    """Add the item; returns it with its number."""
    cursor = connection.execute(
        "INSERT INTO outbox (kind, session_id, user, data, at) VALUES (?, ?, ?, ?, ?)",
        (item.kind.value, item.session_id, item.user, item.data, at),
    )
    assert cursor.lastrowid is not None  # noqa: S101 an INSERT of one row has one
    return replace(item, seq=cursor.lastrowid)


def latest(connection: sqlite3.Connection) -> int:
    """The number of the newest row ever, kept or pruned; 0 if there was none."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return 0 if row is None else int(row[0])


def leap(connection: sqlite3.Connection, seq: int, *, is_complete: bool) -> None:
    """Number what follows from above ``seq``; nothing is complete from before, if told so."""
    if not is_complete:
        connection.execute("UPDATE cursors SET seq = ? WHERE name = 'pruned'", (seq,))
    changed = connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'outbox'", (seq,))
    if changed.rowcount == 0:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (seq,))


def replay(
    connection: sqlite3.Connection, after: int, user: str | None = None, most: int = -1
) -> Sequence[FeedItem] | None:
    """What came after ``after``; ``None`` when some of it is no longer kept, or never was.

    Only the ``user``'s if one is named, and the first ``most`` (-1: all).
    """
    (complete_after,) = connection.execute(
        "SELECT seq FROM cursors WHERE name = 'pruned'"
    ).fetchone()
    if not complete_after <= after <= latest(connection):
        return None
    if after != complete_after and not _was_given_out(connection, after):
        return None
    rows = connection.execute(
        "SELECT seq, kind, session_id, user, data FROM outbox "
        "WHERE seq > ?1 AND (?2 IS NULL OR user = ?2) ORDER BY seq LIMIT ?3",
        (after, user, most),
    )
    try:
        return [
            FeedItem(seq, EventKind(kind), SessionId(session_id), user, data)
            for seq, kind, session_id, user, data in rows
        ]
    except ValueError:
        # Overwritten on the disk; the reader starts over.
        return None


def _was_given_out(connection: sqlite3.Connection, seq: int) -> bool:
    """Whether a reader can have this number of a row that is kept, or from before one.

    Numbers that lie between two lives were given out by neither, or by one whose commits got lost.
    """
    row = connection.execute(
        "SELECT ? = ? OR EXISTS (SELECT 1 FROM outbox WHERE seq IN (?, ?)) "
        "OR EXISTS (SELECT 1 FROM lives WHERE first_seq = ?)",
        (seq, latest(connection), seq, seq + 1, seq),
    ).fetchone()
    return bool(row[0])

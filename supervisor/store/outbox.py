"""The outbox: what the outside is to be told, in the order in which it was committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Session, SessionId
from supervisor.lifecycle.view import delete_document, update_document


def append(connection: sqlite3.Connection, session: Session, kind: EventKind) -> FeedItem:
    """Add what the outside is to be told of this change; returns it with its number."""
    if kind is EventKind.DELETE:
        return append_delete(connection, session.id, session.user)
    return _insert(connection, kind, session.id, session.user, update_document(session))


def append_delete(connection: sqlite3.Connection, session_id: SessionId, user: str) -> FeedItem:
    """The same for a session that is gone."""
    data = delete_document(session_id)
    return _insert(connection, EventKind.DELETE, session_id, user, data)


def _insert(
    connection: sqlite3.Connection, kind: EventKind, session_id: SessionId, user: str, data: bytes
) -> FeedItem:
    cursor = connection.execute(
        "INSERT INTO outbox (kind, session_id, user, data) VALUES (?, ?, ?, ?)",
        (kind.value, session_id, user, data),
    )
    assert cursor.lastrowid is not None  # noqa: S101 an INSERT of one row has one
    return FeedItem(cursor.lastrowid, kind, session_id, user, data)


def latest(connection: sqlite3.Connection) -> int:
    """The number of the newest row ever, kept or pruned; 0 if there was none."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return 0 if row is None else int(row[0])


def leap(connection: sqlite3.Connection, seq: int) -> None:
    """Number what follows from above ``seq``."""
    changed = connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'outbox'", (seq,))
    if changed.rowcount == 0:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (seq,))


def replay(connection: sqlite3.Connection, after: int) -> Sequence[FeedItem] | None:
    """Everything after ``after``; ``None`` when some of it is no longer kept, or never was."""
    if not _was_given_out(connection, after):
        return None
    rows = connection.execute(
        "SELECT seq, kind, session_id, user, data FROM outbox WHERE seq > ? ORDER BY seq", (after,)
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
    """Whether a reader can have this number, and nothing after it was pruned.

    Numbers that lie between two lives were given out by neither, or by one whose commits got lost.
    """
    if seq == latest(connection):
        return True
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE seq IN (?, ?)) "
        "OR (EXISTS (SELECT 1 FROM lives WHERE first_seq = ?) "
        "AND EXISTS (SELECT 1 FROM outbox WHERE seq < ?))",
        (seq, seq + 1, seq, seq),
    ).fetchone()
    return bool(row[0])


def prune(connection: sqlite3.Connection, keep: int) -> None:
    """Keep the newest ``keep`` rows. Numbers are not dense: each life leaves a gap."""
    connection.execute(
        "DELETE FROM outbox WHERE seq <= "
        "(SELECT seq FROM outbox ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (keep,),
    )

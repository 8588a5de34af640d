"""The outbox as the webhook reads it, and the webhook's place in it.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.lifecycle.delivery import Overdue, Position, StoredEvent, Stretch
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import SessionId, Timestamp
from supervisor.store.outbox import latest

WEBHOOK = "webhook"
"""The name of its cursor."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait: how many, and since when the oldest does."""

    events: int
    oldest_at: Timestamp | None


def load_position(connection: sqlite3.Connection) -> Position:
    """Where the webhook stands; before its first event if it was never here."""
    row = connection.execute(
        "SELECT seq, stopped_for FROM cursors WHERE name = ?", (WEBHOOK,)
    ).fetchone()
    return Position() if row is None else Position(row[0], _lanes(connection), row[1])


def save_position(connection: sqlite3.Connection, position: Position) -> None:
    """Remember where the webhook stands; writes no more than what has changed."""
    connection.execute(
        "INSERT INTO cursors (name, seq, stopped_for) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, "
        "stopped_for = excluded.stopped_for, updated_at = unixepoch()",
        (WEBHOOK, position.seq, position.stopped_for),
    )
    before = _lanes(connection)
    connection.executemany(
        "INSERT OR REPLACE INTO lanes (cursor, session_id, seq) VALUES (?, ?, ?)",
        [
            (WEBHOOK, session_id, seq)
            for session_id, seq in position.lanes.items()
            if before.get(session_id) != seq
        ],
    )
    connection.executemany(
        "DELETE FROM lanes WHERE cursor = ? AND session_id = ?",
        [(WEBHOOK, session_id) for session_id in before.keys() - position.lanes.keys()],
    )


def survey(connection: sqlite3.Connection, after: int, limit: int) -> tuple[Sequence[Stretch], int]:
    """Whose events follow ``after``, and up to which number this looked: ``limit`` at most."""
    rows = connection.execute(
        "SELECT seq, session_id FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
    ).fetchall()
    found: dict[SessionId, Stretch] = {}
    for seq, session_id in rows:
        known = found.get(session_id)
        found[session_id] = Stretch(session_id, known.first if known else seq, seq)
    return list(found.values()), rows[-1][0] if len(rows) == limit else latest(connection)


def read_events(
    connection: sqlite3.Connection, stretch: Stretch, limit: int
) -> Sequence[StoredEvent]:
    """The first events of a stretch that are still kept, in order."""
    (origin,) = connection.execute("SELECT id FROM origin").fetchone()
    rows = connection.execute(
        "SELECT seq, kind, at, data FROM outbox "
        "WHERE session_id = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
        (stretch.session_id, stretch.first, stretch.last, limit),
    )
    return [
        StoredEvent(seq, _event_id(origin, seq, at), EventKind(kind), stretch.session_id, at, data)
        for seq, kind, at, data in rows
    ]


def find_overdue(connection: sqlite3.Connection, stretch: Stretch, oldest: Timestamp) -> Overdue:
    """What of the head of a stretch was committed before ``oldest``."""
    place = (stretch.session_id, stretch.first, stretch.last)
    (first_young,) = connection.execute(
        "SELECT min(seq) FROM outbox WHERE session_id = ? AND seq BETWEEN ? AND ? AND at >= ?",
        (*place, oldest),
    ).fetchone()
    onward = stretch.last + 1 if first_young is None else first_young
    (count,) = connection.execute(
        "SELECT count(*) FROM outbox WHERE session_id = ? AND seq BETWEEN ? AND ? AND seq < ?",
        (*place, onward),
    ).fetchone()
    return Overdue(count, onward)


def measure_backlog(connection: sqlite3.Connection) -> Backlog:
    """What the webhook has not delivered, as of its last save; that is a moment ago."""
    (count, oldest_at) = connection.execute(
        """
        SELECT count(*), min(at) FROM outbox
        WHERE seq > (SELECT coalesce(max(seq), 0) FROM cursors WHERE name = ?1)
        OR seq >= (
            SELECT lanes.seq FROM lanes
            WHERE lanes.cursor = ?1 AND lanes.session_id = outbox.session_id
        )
        """,
        (WEBHOOK,),
    ).fetchone()
    return Backlog(count, oldest_at)


def _lanes(connection: sqlite3.Connection) -> dict[SessionId, int]:
    rows = connection.execute("SELECT session_id, seq FROM lanes WHERE cursor = ?", (WEBHOOK,))
    return {SessionId(session_id): seq for session_id, seq in rows}


def _event_id(origin: str, seq: int, at: Timestamp) -> str:
    """With the time, for a database that came back from a backup gives numbers out again."""
    return f"{origin}-{seq}-{round(at * 1000):x}"

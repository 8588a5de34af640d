"""Last lines of sessions that are over, beside their rows: read when somebody asks for them."""

from __future__ import annotations

import sqlite3

from supervisor.lifecycle.session import SessionId


def keep_log(connection: sqlite3.Connection, session_id: SessionId, tail: str) -> None:
    """Keep what its agent has reported."""
    connection.execute(
        "INSERT INTO logs (session_id, tail) VALUES (?, ?) "
        "ON CONFLICT (session_id) DO UPDATE SET tail = excluded.tail",
        (session_id, tail),
    )


def load_log(connection: sqlite3.Connection, session_id: SessionId) -> str:
    """What was kept; empty if nothing was."""
    row = connection.execute("SELECT tail FROM logs WHERE session_id = ?", (session_id,)).fetchone()
    return "" if row is None else str(row[0])


def drop_log(connection: sqlite3.Connection, session_id: SessionId) -> None:
    """Forget it with its session."""
    connection.execute("DELETE FROM logs WHERE session_id = ?", (session_id,))

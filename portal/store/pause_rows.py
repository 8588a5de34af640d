"""Sessions that were paused by hand, as they are kept."""

from __future__ import annotations

import sqlite3


def load(connection: sqlite3.Connection) -> set[str]:
    """Their ids."""
    return {row["session_id"] for row in connection.execute("SELECT session_id FROM pauses")}


def keep(connection: sqlite3.Connection, session_id: str) -> None:
    """Remember one."""
    connection.execute("INSERT OR IGNORE INTO pauses VALUES (?)", (session_id,))


def drop(connection: sqlite3.Connection, ids: list[str]) -> None:
    """Forget some."""
    connection.executemany("DELETE FROM pauses WHERE session_id = ?", [(each,) for each in ids])

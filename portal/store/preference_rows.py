"""Preferences: one document per user, the portal's own JSON."""

from __future__ import annotations

import sqlite3


def load(connection: sqlite3.Connection, user: str) -> str | None:
    """The document; ``None``: there is none."""
    query = "SELECT document FROM preferences WHERE user = ?"
    row = connection.execute(query, (user,)).fetchone()
    return None if row is None else str(row["document"])


def keep(connection: sqlite3.Connection, user: str, document: str) -> None:
    """Put it in the place of what there was."""
    connection.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?)", (user, document))

"""One-time links that were used, as long as they could be tried again."""

from __future__ import annotations

import sqlite3

_KEPT_SECONDS = 86_400.0
"""Past their expiry: a clock that was ahead, and is set back, makes links good again."""


def is_used(connection: sqlite3.Connection, nonce: str) -> bool:
    """Whether a link was used."""
    query = "SELECT 1 FROM used_links WHERE nonce = ?"
    return connection.execute(query, (nonce,)).fetchone() is not None


def use(connection: sqlite3.Connection, nonce: str, expires_at: float, now: float) -> bool:
    """Use a link up; False: it was used before."""
    connection.execute("DELETE FROM used_links WHERE expires_at < ?", (now - _KEPT_SECONDS,))
    done = connection.execute("INSERT OR IGNORE INTO used_links VALUES (?, ?)", (nonce, expires_at))
    return done.rowcount == 1

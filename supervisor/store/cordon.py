"""Whether the node takes new sessions: one row if it does not."""

from __future__ import annotations

import sqlite3

from supervisor.lifecycle.cordon import Cordon, refusal


def load_cordon(connection: sqlite3.Connection) -> Cordon | None:
    """The cordon, if there is one."""
    row = connection.execute("SELECT by, since, reason FROM cordon").fetchone()
    return None if row is None else Cordon(by=row[0], since=row[1], reason=row[2])


def keep_cordon(connection: sqlite3.Connection, cordon: Cordon | None) -> None:
    """Durable with the transaction; ``None`` lifts it."""
    connection.execute("DELETE FROM cordon")
    if cordon is not None:
        connection.execute(
            "INSERT INTO cordon (by, since, reason) VALUES (?, ?, ?)",
            (cordon.by, cordon.since, cordon.reason),
        )


def require_open(connection: sqlite3.Connection) -> None:
    """Raises NodeDrainingError: what is accepted is accepted before the cordon, or not at all."""
    cordon = load_cordon(connection)
    if cordon is not None:
        raise refusal(cordon)

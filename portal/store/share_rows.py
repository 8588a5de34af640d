"""Shares, as they are kept."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass

from portal.access import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share; ``user`` is ``None`` for whoever holds the link. Times: seconds of the epoch."""

    id: str
    key: str | None
    session_id: str
    owner: str
    user: str | None
    mode: Mode
    created_at: float
    expires_at: float


def load(connection: sqlite3.Connection) -> list[Share]:
    """All there are."""
    rows = connection.execute("SELECT * FROM shares")
    return [Share(**{**row, "mode": Mode(row["mode"])}) for row in rows]


def keep(connection: sqlite3.Connection, share: Share) -> None:
    """Remember one."""
    connection.execute(
        "INSERT INTO shares VALUES"
        " (:id, :key, :session_id, :owner, :user, :mode, :created_at, :expires_at)",
        {**asdict(share), "mode": share.mode.value},
    )


def drop(connection: sqlite3.Connection, ids: list[str]) -> None:
    """Forget some."""
    connection.executemany("DELETE FROM shares WHERE id = ?", [(each,) for each in ids])

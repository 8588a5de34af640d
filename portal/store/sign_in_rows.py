"""Sign-ins, as they are kept."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """One sign-in; times are seconds since the epoch."""

    key: str
    id: str
    user: str
    method: str
    created_at: float
    used_at: float


def load(connection: sqlite3.Connection) -> list[SignInRow]:
    """All there are."""
    return [SignInRow(**row) for row in connection.execute("SELECT * FROM sign_ins")]


def keep(connection: sqlite3.Connection, row: SignInRow) -> None:
    """Remember one, or when it was used last."""
    connection.execute(
        "INSERT INTO sign_ins VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at",
        (row.key, row.id, row.user, row.method, row.created_at, row.used_at),
    )


def drop(connection: sqlite3.Connection, keys: list[str]) -> None:
    """Forget some."""
    connection.executemany("DELETE FROM sign_ins WHERE key = ?", [(key,) for key in keys])

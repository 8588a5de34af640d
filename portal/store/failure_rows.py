"""Failures of signing in, from one life to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


def load(connection: sqlite3.Connection, now: float) -> list[tuple[str, float]]:
    """Whose each was, and how many seconds ago."""
    rows = connection.execute("SELECT key, at FROM failures")
    return [(row["key"], now - row["at"]) for row in rows]


def keep(connection: sqlite3.Connection, ages: Sequence[tuple[str, float]], now: float) -> None:
    """Put these in the place of what there was."""
    connection.execute("DELETE FROM failures")
    rows = [(key, now - age) for key, age in ages]
    connection.executemany("INSERT INTO failures VALUES (?, ?)", rows)

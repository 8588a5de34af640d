"""Lives of the daemon on this file: where the numbers of each begin, and whether it is whole.

A file that was begun anew, because the one before was lost, is not whole until what runs has been
taken over into it. Each life numbers its events from a point above whatever was given out before:
that a file has gone back in time (a journal that was lost, a copy put back) does not show.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from supervisor.lifecycle.session import Timestamp
from supervisor.store.outbox import latest, leap

_KEPT = 100
_NUMBERS_PER_SECOND = 1_000_000
"""More than are ever given out, so that the time is above all numbers of the past: also above
those of a life that lasted less than a second. A JavaScript reader's numbers hold them exactly."""
_LOST_NUMBERS = 1_000_000
"""How many may have got lost, with a journal or with all since a copy was made, when the clock is
behind them: a host that was just started or resumed, whose clock has yet to be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One of them."""

    first_seq: int
    """Every number given out in this life is above."""
    is_whole: bool
    """Whether a session that this file does not know is none."""


def begin_life(connection: sqlite3.Connection, now: Timestamp) -> Life:
    """Take up the file, whatever became of it since the last time."""
    known = latest(connection)
    row = connection.execute("SELECT is_whole FROM lives ORDER BY first_seq DESC").fetchone()
    # A file that an earlier version has written knows of no lives, but has given out numbers.
    is_whole = bool(row[0]) if row is not None else known > 0
    first_seq = max(known + _LOST_NUMBERS, int(now * _NUMBERS_PER_SECOND))
    life = Life(first_seq=first_seq, is_whole=is_whole)
    leap(connection, first_seq, is_complete=known > 0)
    _keep(connection, life, now)
    return life


def continue_life(connection: sqlite3.Connection, seq: int, now: Timestamp) -> None:
    """Go on in a new file with what is known already: ``seq`` was given out last."""
    leap(connection, seq, is_complete=False)
    _keep(connection, Life(first_seq=seq, is_whole=True), now)


def mark_whole(connection: sqlite3.Connection) -> None:
    """What runs has been taken over."""
    connection.execute("UPDATE lives SET is_whole = 1")


def _keep(connection: sqlite3.Connection, life: Life, now: Timestamp) -> None:
    connection.execute(
        "INSERT INTO lives (first_seq, began_at, is_whole) VALUES (?, ?, ?)",
        (life.first_seq, now, life.is_whole),
    )
    connection.execute(
        "DELETE FROM lives WHERE first_seq <= "
        "(SELECT first_seq FROM lives ORDER BY first_seq DESC LIMIT 1 OFFSET ?)",
        (_KEPT,),
    )

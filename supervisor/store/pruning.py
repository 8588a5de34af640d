"""The outbox's bounds: by count and by age for readers who come back, and wider for the webhook.

What the webhook has not delivered is held past the ordinary bounds, up to ``Hold``. Beyond that
what it loses first is what a later event of the same session has made out of date: the receiver
misses steps, but learns how each session ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.lifecycle.session import Timestamp
from supervisor.store.delivery import WEBHOOK
from supervisor.store.outbox import latest

PORTION_ROWS = 1000
"""As many rows are deleted at a time: commits of sessions wait no longer than that takes."""

_DONE = """
    seq <= coalesce((SELECT seq FROM cursors WHERE name = :name), 0)
    AND NOT EXISTS (
        SELECT 1 FROM lanes
        WHERE cursor = :name AND lanes.session_id = outbox.session_id AND lanes.seq <= outbox.seq
    )
"""
_SUPERSEDED = """
    EXISTS (
        SELECT 1 FROM outbox AS later
        WHERE later.session_id = outbox.session_id AND later.seq > outbox.seq
    )
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """How much is kept for a webhook that does not get on: rows in all, and since when."""

    rows: int
    oldest: Timestamp


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went, and how many of them the webhook had not delivered."""

    rows: int = 0
    dropped: int = 0

    @property
    def more(self) -> bool:
        """Whether there may be more to prune."""
        return self.rows >= PORTION_ROWS


def prune(
    connection: sqlite3.Connection, keep: int, oldest: Timestamp, hold: Hold | None
) -> Pruned:
    """Keep the newest ``keep`` rows, of those the ones since ``oldest``, and what ``hold`` allows.

    Removes one portion; to be repeated while there is more. ``hold`` is ``None``: no webhook.
    """
    cut = max(_beyond(connection, keep), _before(connection, oldest))
    connection.execute(
        "UPDATE cursors SET seq = :cut, updated_at = unixepoch() "
        "WHERE name = 'pruned' AND seq < :cut",
        {"cut": cut},
    )
    if hold is None:
        return Pruned(_delete(connection, "seq <= :cut", cut, PORTION_ROWS))
    done = _delete(connection, "seq <= :cut", min(cut, _delivered(connection)), PORTION_ROWS)
    overdue = min(cut, _before(connection, hold.oldest))
    old = _reduce(connection, (_DONE, "TRUE"), overdue, PORTION_ROWS - done)
    (held,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
    excess = max(0, min(held - hold.rows, PORTION_ROWS - done - old.rows))
    many = _reduce(connection, (_DONE, _SUPERSEDED, "TRUE"), cut, excess)
    return Pruned(done + old.rows + many.rows, old.dropped + many.dropped)


def _reduce(
    connection: sqlite3.Connection, preference: Sequence[str], cut: int, wanted: int
) -> Pruned:
    """Delete as many rows as wanted, of the first kind as long as there are any, and so on."""
    rows = dropped = 0
    for which in preference:
        deleted = _delete(connection, f"seq <= :cut AND {which}", cut, wanted - rows)
        rows += deleted
        dropped += deleted if which is not _DONE else 0
    return Pruned(rows, dropped)


def _delete(connection: sqlite3.Connection, which: str, cut: int, limit: int) -> int:
    """Delete the oldest rows of these, as many as allowed; how many it were."""
    if limit <= 0:
        return 0
    oldest = f"SELECT seq FROM outbox WHERE {which} ORDER BY seq LIMIT :limit"  # noqa: S608 constants
    found = connection.execute(
        f"DELETE FROM outbox WHERE seq IN ({oldest})",  # noqa: S608 likewise
        {"cut": cut, "name": WEBHOOK, "limit": limit},
    )
    return found.rowcount


def _delivered(connection: sqlite3.Connection) -> int:
    """Up to where nothing is left for the webhook to deliver."""
    (delivered,) = connection.execute(
        "SELECT coalesce(min(seq), 0) FROM ("
        "SELECT seq FROM cursors WHERE name = :name "
        "UNION ALL SELECT seq - 1 FROM lanes WHERE cursor = :name)",
        {"name": WEBHOOK},
    ).fetchone()
    return int(delivered)


def _beyond(connection: sqlite3.Connection, keep: int) -> int:
    """The newest row that is one too many; numbers are not dense, for each life leaves a gap."""
    row = connection.execute(
        "SELECT seq FROM outbox ORDER BY seq DESC LIMIT 1 OFFSET ?", (keep,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def _before(connection: sqlite3.Connection, oldest: Timestamp) -> int:
    """The last row before the first that is young enough; a clock that leapt back hides nothing."""
    row = connection.execute(
        "SELECT seq - 1 FROM outbox WHERE at >= ? ORDER BY seq LIMIT 1", (oldest,)
    ).fetchone()
    return latest(connection) if row is None else int(row[0])

"""The database's schema, as the steps that have led to it.

``PRAGMA user_version`` says how many of them a file has behind it. A step is one transaction; once
released it is never changed, for files exist that have it behind them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

_Step = Sequence[str]

_FIRST: _Step = (
    # IF NOT EXISTS: the first release wrote the version after the tables, in no transaction.
    """
    CREATE TABLE IF NOT EXISTS sessions (
        id TEXT PRIMARY KEY,
        user TEXT NOT NULL,
        phase TEXT NOT NULL,
        created_at REAL NOT NULL,
        body TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        session_id TEXT NOT NULL,
        user TEXT NOT NULL,
        data BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE IF NOT EXISTS idempotency (
        key TEXT PRIMARY KEY,
        request_hash TEXT NOT NULL,
        session_id TEXT NOT NULL,
        created_at REAL NOT NULL
    ) STRICT
    """,
    "CREATE TABLE IF NOT EXISTS images (image_id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
)

_DELIVERY: _Step = (
    # When the old rows were committed nobody knows: their age begins now.
    "ALTER TABLE outbox ADD COLUMN at REAL NOT NULL DEFAULT 0",
    "UPDATE outbox SET at = unixepoch()",
    "CREATE INDEX outbox_by_session ON outbox (session_id, seq)",
    # Readers whose place survives a restart; `lanes` are the sessions in which one is behind it.
    """
    CREATE TABLE cursors (
        name TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
        stopped_for TEXT
    ) STRICT
    """,
    """
    CREATE TABLE lanes (
        cursor TEXT NOT NULL,
        session_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (cursor, session_id)
    ) STRICT, WITHOUT ROWID
    """,
    # Up to where the outbox has holes: what is replayed begins after it.
    """
    INSERT INTO cursors (name, seq) SELECT 'pruned', coalesce(
        (SELECT min(seq) - 1 FROM outbox),
        (SELECT seq FROM sqlite_sequence WHERE name = 'outbox'),
        0
    )
    """,
    # Which database this is: in another one the numbers of the outbox begin anew.
    "CREATE TABLE origin (id TEXT NOT NULL) STRICT",
    "INSERT INTO origin (id) VALUES (lower(hex(randomblob(8))))",
)

_TICKETS: _Step = (
    # IF NOT EXISTS: for a while they were made in files of the first version.
    """
    CREATE TABLE IF NOT EXISTS tickets (
        key TEXT PRIMARY KEY,
        session_id TEXT NOT NULL,
        mode TEXT NOT NULL,
        guest TEXT,
        expires_at REAL NOT NULL,
        uses INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS tickets_by_session ON tickets (session_id)",
)

_LIVES: _Step = (
    # Where the numbers of each life of the daemon begin; see lives.
    """
    CREATE TABLE lives (
        first_seq INTEGER PRIMARY KEY,
        began_at REAL NOT NULL,
        is_whole INTEGER NOT NULL
    ) STRICT
    """,
    # Rows of sessions that could not be understood, for whoever wants to know what happened.
    """
    CREATE TABLE damaged_sessions (
        id TEXT NOT NULL,
        found_at REAL NOT NULL,
        body BLOB NOT NULL
    ) STRICT
    """,
)

_QUOTAS: _Step = (
    # Each start counts the sessions of its user. Without the phase, which each change would update.
    "CREATE INDEX sessions_by_user ON sessions (user)",
)

_LOGS: _Step = (
    # Last lines of sessions that are over: thousands of them are not for memory.
    "CREATE TABLE logs (session_id TEXT PRIMARY KEY, tail TEXT NOT NULL) STRICT",
    """
    INSERT INTO logs SELECT id, json_extract(body, '$.log_tail') FROM sessions
    WHERE json_valid(body) AND coalesce(json_extract(body, '$.log_tail'), '') != ''
    """,
    """
    UPDATE sessions SET body = json_set(body, '$.log_tail', '', '$.has_log', json('true'))
    WHERE id IN (SELECT session_id FROM logs)
    """,
)

_CORDON: _Step = (
    # At most one row: while there is one, no new sessions are taken.
    """
    CREATE TABLE cordon (
        one INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
        by TEXT NOT NULL,
        since REAL NOT NULL,
        reason TEXT NOT NULL
    ) STRICT
    """,
)

_LABELS: _Step = ("ALTER TABLE tickets ADD COLUMN label TEXT",)

_STEPS: Sequence[_Step] = (
    _FIRST,
    (*_DELIVERY, *_TICKETS),
    (*_LIVES, *_QUOTAS),
    _LOGS,
    _CORDON,
    _LABELS,
)

VERSION = len(_STEPS)

_MAGIC = b"SQLite format 3\0"
_VERSION_AT = 60
"""Where the file has its ``user_version`` (sqlite.org/fileformat.html)."""


class NewerSchemaError(sqlite3.DatabaseError):
    """The file was written by a newer version."""

    def __init__(self, found: int) -> None:
        super().__init__(f"it was written by a newer version (schema {found}, ours {VERSION})")


def refuse_newer(path: Path) -> None:
    """Look at a file without opening it as a database, which would write to it.

    Raises NewerSchemaError, OSError. What is in its journal alone is seen by ``migrate``.
    """
    with path.open("rb") as file:
        header = file.read(_VERSION_AT + 4)
    if header.startswith(_MAGIC) and len(header) == _VERSION_AT + 4:
        found = int.from_bytes(header[_VERSION_AT:], "big")
        if found > VERSION:
            raise NewerSchemaError(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing. Raises NewerSchemaError for a newer version's file."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise NewerSchemaError(found)
    for version, step in enumerate(_STEPS[found:], found + 1):
        _take(connection, step, version)


def _take(connection: sqlite3.Connection, step: _Step, version: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in step:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise

"""SQLite on a thread of its own: one function, one transaction.

WAL with ``synchronous=NORMAL``: a commit survives a crash of the daemon at any moment. A power cut
may lose the last commits, and with them goes every container they spoke of.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from supervisor.errors import StoreError

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    phase TEXT NOT NULL,
    created_at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS images (
    image_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
"""

_SCHEMA_VERSION = 1


class Database:
    """One connection, one thread; ``run`` is the only way in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or create the file. Raises StoreError with what to do about it."""
        await self._on_thread(self._open)

    async def close(self) -> None:
        """Finish what is under way and close; nothing may be run afterwards."""
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``function`` in a transaction of its own: all of it is committed, or none.

        Raises StoreError when the database cannot do it (disk full, read-only, damaged).
        """
        return await self._on_thread(lambda: self._transact(function))

    async def _on_thread(self, function: Callable[[], T]) -> T:
        """A transaction that has begun is waited for, even when the caller is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            working = loop.run_in_executor(self._thread, function)
            working.add_done_callback(heard)
            return await asyncio.shield(working)
        except (sqlite3.Error, OSError) as error:
            message = (
                f"The database {self._path} failed: {error}. Check disk space and permissions."
            )
            raise StoreError(message) from error

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._path.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=5000")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > _SCHEMA_VERSION:
            message = f"it was written by a newer version (schema {found}, ours {_SCHEMA_VERSION})"
            raise sqlite3.DatabaseError(message)
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, function: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            message = "it is not open"
            raise sqlite3.ProgrammingError(message)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = function(self._connection)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result


def heard(work: asyncio.Future[Any]) -> None:
    """For work that goes on when its caller leaves: an error nobody waits for is no complaint."""
    if not work.cancelled():
        work.exception()

"""SQLite on one thread: each function given to ``run`` is one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from portal.errors import StoreError

_T = TypeVar("_T")

_FIRST = """
CREATE TABLE sign_ins (
    key TEXT PRIMARY KEY,          -- SHA-256 of the cookie's token
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    method TEXT NOT NULL,
    created_at REAL NOT NULL,
    used_at REAL NOT NULL
) STRICT;
CREATE TABLE shares (
    id TEXT PRIMARY KEY,
    key TEXT UNIQUE,               -- SHA-256 of the link's token; NULL: for a named user
    session_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    user TEXT,
    mode TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT;
CREATE TABLE preferences (
    user TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;
CREATE TABLE used_links (
    nonce TEXT PRIMARY KEY,
    expires_at REAL NOT NULL
) STRICT;
"""
_PAUSES_AND_FAILURES = """
CREATE TABLE pauses (
    session_id TEXT PRIMARY KEY
) STRICT;
CREATE TABLE failures (
    key TEXT NOT NULL,             -- keyed hash of a user's name, or an address
    at REAL NOT NULL
) STRICT;
"""
_STEPS = (_FIRST, _PAUSES_AND_FAILURES)
"""Each brings a file from its place in this list to the next."""

VERSION = len(_STEPS)


class Database:
    """The file ``portal.db``; use ``open`` and ``close``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the file. Raises StoreError."""
        await self._on_thread(self._open)

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do ``work`` in one transaction, all or nothing. Raises StoreError."""
        return await self._on_thread(lambda: self._transact(work))

    async def close(self) -> None:
        """Close the file; what was asked before is done first."""
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path} cannot be used: {error}.") from error

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        self._path.chmod(0o600)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            connection.close()
            raise StoreError(f"{self._path} was written by a newer version: install that one.")
        for step in _STEPS[version:]:
            version += 1
            connection.executescript(f"BEGIN;{step}PRAGMA user_version = {version};COMMIT;")
        self._connection = connection

    def _transact(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self._path} is not open.")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

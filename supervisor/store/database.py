"""SQLite on a thread of its own: each function all or nothing, and committed before it returns.

WAL with ``synchronous=NORMAL``: a commit survives a crash of the daemon at any moment. A power cut
may lose the last commits, and with them goes every container they spoke of.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from supervisor.errors import StoreError
from supervisor.store.group import Function, GroupCommits, Outcome, within
from supervisor.store.schema import migrate

T = TypeVar("T")


class Database:
    """One connection, one thread; ``run`` is the only way in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._commits = GroupCommits(self._thread, self._commit)
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or create the file. Raises StoreError with what to do about it."""
        await self._on_thread(self._open)

    async def close(self) -> None:
        """Finish what is under way and close; nothing may be run afterwards."""
        await self._commits.join()
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``function`` in a transaction: when this returns all of it is committed, else none.

        What others run at the same time may be committed with it; it sees what was run before it.
        Raises StoreError when the database cannot do it (disk full, read-only, damaged).
        """
        return await self._answered(self._commits.add(function))

    async def _on_thread(self, function: Callable[[], T]) -> T:
        """What has begun is completed, even when the caller is cancelled."""
        loop = asyncio.get_running_loop()
        return await self._answered(asyncio.shield(loop.run_in_executor(self._thread, function)))

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
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
        migrate(connection)
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, functions: list[Function]) -> list[Outcome]:
        """All in one transaction; each in its own when that cannot be committed."""
        if len(functions) > 1:
            # Whatever it was is told to those whose it is, below.
            with contextlib.suppress(BaseException):
                return self._transact(
                    lambda connection: [within(connection, each) for each in functions]
                )
        return [self._alone(function) for function in functions]

    def _alone(self, function: Function) -> Outcome:
        try:
            return Outcome(self._transact(function))
        except BaseException as error:  # noqa: BLE001 told to who asked
            return Outcome(error=error)

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

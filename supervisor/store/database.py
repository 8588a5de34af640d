"""SQLite on a thread of its own: each function all or nothing, and committed before it returns.

WAL with ``synchronous=NORMAL``: a commit survives a crash of the daemon at any moment. A power cut
may lose the last commits, and with them goes every container they spoke of.

A file that is damaged is set aside and a new one begun: see ``damage`` and ``lives``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from supervisor.errors import StoreDamagedError, StoreError, StoreVersionError
from supervisor.store.damage import check, is_damage, is_obstructed, set_aside
from supervisor.store.group import Function, GroupCommits, Outcome, within
from supervisor.store.schema import VERSION, NewerSchemaError, migrate, refuse_newer

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FULL = "There is no space left on its disk: make room."
_READ_ONLY = "Its file system is read-only, perhaps since an error (dmesg): mend that."
_ADVICE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: "Its file system is read-only, or the file is: mend that.",
    sqlite3.SQLITE_IOERR: "Its disk fails, or has become read-only: see the kernel's log (dmesg).",
}
_GENERAL_ADVICE = "Check disk space and permissions."
_RUNNING = "Sessions that run are not touched by this."

_Place = tuple[int, int] | None
"""Device and inode of what is at a path; ``None`` for nothing."""


class Database:
    """One connection, one thread; ``run`` is the only way in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal = path.with_name(f"{path.name}-wal")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._commits = GroupCommits(self._thread, self._commit)
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[_Place, _Place] = (None, None)
        self.damaged = asyncio.Event()
        """Set once the file has turned out to be damaged while it is in use."""
        self.on_commit: Callable[[float], None] = lambda _seconds: None
        """Told, on the database's thread, how long each transaction took."""
        self.failed_calls = 0
        """How often the file could not be used as asked."""

    async def open(self) -> None:
        """Open or create the file; a damaged one is set aside.

        Raises StoreError with what to do about it, also for the file of a newer version.
        """
        await self._on_thread(self._open)

    async def close(self) -> None:
        """Finish what is under way and close; nothing may be run afterwards."""
        await self._commits.join()
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``function`` in a transaction: when this returns all of it is committed, else none.

        What others run at the same time may be committed with it; it sees what was run before it.
        Raises StoreError when the database cannot do it at the moment (disk full, read-only),
        StoreDamagedError when it never will again.
        """
        return await self._answered(self._commits.add(function))

    async def put_back(self) -> bool:
        """See to it that the open file is the one at its path; whether it was not.

        A file that was removed or replaced goes on to exist for us alone: it is written out again,
        and what stands in its place is set aside. Raises StoreError.
        """
        return await self._on_thread(self._put_back)

    async def begin_anew(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Set the file aside and leave another, filled in one transaction; then it is closed.

        Raises StoreError; then there is no file, or an empty one.
        """
        await self._on_thread(lambda: self._begin_anew(fill))

    async def _on_thread(self, function: Callable[[], T]) -> T:
        """What has begun is completed, even when the caller is cancelled."""
        loop = asyncio.get_running_loop()
        return await self._answered(asyncio.shield(loop.run_in_executor(self._thread, function)))

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except NewerSchemaError as error:
            raise StoreVersionError(
                f"The database {self._path} cannot be used: {error}. Install that version again, "
                "or move the file away: what runs is put back without it, what has ended is lost."
            ) from error
        except (sqlite3.Error, OSError) as error:
            self.failed_calls += 1
            if is_damage(error):
                self.damaged.set()
                message = f"The database {self._path} is damaged: {error}."
                raise StoreDamagedError(message) from error
            raise StoreError(
                f"The database {self._path} failed: {error}. {_advice(error, self._path.parent)}"
            ) from error

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_obstructed(self._path):
            set_aside(self._path, "something that is not a database stood in its place")
        with contextlib.suppress(FileNotFoundError):
            refuse_newer(self._path)
        try:
            self._connection = self._connected()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            self._connection = self._connected()
        self._opened = self._places()

    def _connected(self) -> sqlite3.Connection:
        """A connection that can be used; a file that cannot be is set aside, and then it raises."""
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            self._prepare(connection)
        except BaseException as error:
            if is_damage(error):
                # Before it is closed: closing would write to it, and remove its journal.
                set_aside(self._path, str(error))
            with contextlib.suppress(sqlite3.Error):
                connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # What is overwritten on the disk must not be an exception of its own kind when it is read.
        connection.text_factory = _text
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA busy_timeout=5000")
        if connection.execute("PRAGMA user_version").fetchone()[0] <= VERSION:
            check(connection, self._path)
        migrate(connection)

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

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
        begun = time.perf_counter()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = function(self._connection)
            self._connection.execute("COMMIT")
            self.on_commit(time.perf_counter() - begun)
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def _places(self) -> tuple[_Place, _Place]:
        """Where the file and its journal are now."""
        return _place(self._path), _place(self._journal)

    def _put_back(self) -> bool:
        if self._connection is None:
            self._open()
            return True
        if (found := self._places()) == self._opened:
            return False
        kept = self._path.with_name(f"{self._path.name}.new")
        is_lost = found[0] != self._opened[0]
        if is_lost:
            self._copy_to(kept)
        self._close()
        if is_lost:
            if found[1] == self._opened[1]:
                # SQLite leaves the journal of a file that it cannot find; the copy has it all.
                self._journal.unlink(missing_ok=True)
            if found[0] is not None or is_obstructed(self._path):
                set_aside(self._path, "it was put there while the daemon had another one open")
            kept.rename(self._path)
        self._open()
        log.error("store_put_back", path=str(self._path), advice=_LEAVE_ALONE)
        return True

    def _copy_to(self, path: Path) -> None:
        """Everything that is committed, in a file of its own."""
        assert self._connection is not None  # noqa: S101 asked before
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def _begin_anew(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        old, self._connection = self._connection, None
        set_aside(self._path, "it turned out to be damaged while it was in use")
        if old is not None:
            with contextlib.suppress(sqlite3.Error):
                old.close()
        self._connection = self._connected()
        try:
            self._transact(fill)
        finally:
            self._close()


_LEAVE_ALONE = (
    "The file was removed or replaced while the daemon had it open. It has been written again, "
    "and nothing is lost; stop the daemon before you touch its files."
)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _place(path: Path) -> _Place:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _advice(error: BaseException, directory: Path) -> str:
    """What to do. SQLite calls much an I/O error; what ails the disk is asked of the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    advice = _GENERAL_ADVICE if code is None else _ADVICE.get(code & 0xFF, _GENERAL_ADVICE)
    with contextlib.suppress(OSError):
        disk = os.statvfs(directory)
        if disk.f_flag & os.ST_RDONLY:
            advice = _READ_ONLY
        elif disk.f_bavail == 0:
            advice = _FULL
    return f"{advice} {_RUNNING}"

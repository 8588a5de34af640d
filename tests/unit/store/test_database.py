"""The database: whole transactions, a private file, and errors that say what to do."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from supervisor.errors import StoreError, StoreVersionError
from supervisor.store.database import Database
from supervisor.store.schema import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, in a directory that is not there yet."""
    return tmp_path / "local" / "supervisor.db"


@pytest_asyncio.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """A fresh database with a table of its own."""
    database = Database(path)
    await database.open()
    await database.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
    yield database
    await database.close()


def insert(connection: sqlite3.Connection, number: int) -> None:
    """Add a row."""
    connection.execute("INSERT INTO t VALUES (?)", (number,))


def numbers(connection: sqlite3.Connection) -> list[int]:
    """All rows."""
    return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY rowid")]


@pytest.mark.parametrize("error", [ValueError, sqlite3.OperationalError, KeyboardInterrupt])
async def test_a_transaction_is_all_or_nothing(
    database: Database, error: type[BaseException]
) -> None:
    """Whatever breaks a function off, nothing that it wrote stays, and the next one works."""

    def half(connection: sqlite3.Connection) -> None:
        insert(connection, 1)
        raise error("in the middle")

    with pytest.raises(StoreError if error is sqlite3.OperationalError else error):
        await database.run(half)
    await database.run(lambda db: insert(db, 2))
    assert await database.run(numbers) == [2]


async def test_transactions_do_not_mix(database: Database) -> None:
    """Any number of callers at once: each sees the transactions before its own, complete."""

    def count_up(connection: sqlite3.Connection) -> None:
        insert(connection, len(numbers(connection)))

    await asyncio.gather(*(database.run(count_up) for _ in range(100)))
    assert await database.run(numbers) == list(range(100))


async def test_a_caller_who_leaves_breaks_nothing_off(database: Database) -> None:
    """A transaction that has begun is completed."""
    waiting = asyncio.ensure_future(database.run(lambda db: insert(db, 1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await database.run(numbers) == [1]


async def test_the_file_is_private(path: Path) -> None:
    """Only the daemon's user can read the database or look into its directory."""
    database = Database(path)
    await database.open()
    await database.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
    files = [path, *path.parent.glob("supervisor.db-*")]
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await database.close()


async def test_a_file_of_others_is_closed_again(path: Path) -> None:
    """A database that was left readable for others is private once it has been opened."""
    path.parent.mkdir()
    path.touch(mode=0o644)
    database = Database(path)
    await database.open()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await database.close()


async def test_what_was_committed_is_there_again(path: Path) -> None:
    """Another life finds what this one has committed, even if it was not closed."""
    first, second = Database(path), Database(path)
    await first.open()
    await first.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
    await first.run(lambda db: insert(db, 1))
    await second.open()
    assert await second.run(numbers) == [1]
    await second.close()
    await first.close()


async def test_a_newer_versions_file_is_refused(path: Path) -> None:
    """After a downgrade nothing is guessed and nothing is written."""
    database = Database(path)
    await database.open()
    await database.run(lambda db: db.execute(f"PRAGMA user_version={VERSION + 1}"))
    await database.close()
    before, status = path.read_bytes(), path.stat()
    older = Database(path)
    with pytest.raises(StoreVersionError, match="newer version"):
        await older.open()
    await older.close()
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("is_written_back", [False, True])
async def test_what_a_newer_version_left_when_it_died(path: Path, *, is_written_back: bool) -> None:
    """Its version may be in the journal alone; else the journal, too, is left as it is."""
    newer = Database(path)
    await newer.open()
    await newer.run(lambda db: db.execute(f"PRAGMA user_version={VERSION + 1}"))
    if is_written_back:
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(FULL)")
    await newer.run(lambda db: db.execute("CREATE TABLE t (n INTEGER)"))
    left = path.parent / "left"
    left.mkdir()
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        (left / file.name).write_bytes(file.read_bytes())
    await newer.close()
    before = {each.name: each.read_bytes() for each in left.iterdir()}
    older = Database(left / path.name)
    with pytest.raises(StoreVersionError, match="newer version"):
        await older.open()
    await older.close()
    if is_written_back:
        assert {each.name: each.read_bytes() for each in left.iterdir()} == before


async def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A path that cannot exist is an error of the store, retryable as all of them."""
    (tmp_path / "file").touch()
    database = Database(tmp_path / "file" / "supervisor.db")
    with pytest.raises(StoreError) as refusal:
        await database.open()
    assert refusal.value.retryable
    await database.close()


async def test_nothing_runs_on_a_closed_database(path: Path) -> None:
    """Before it is opened there is nothing to ask."""
    database = Database(path)
    with pytest.raises(StoreError, match="not open"):
        await database.run(lambda db: db.execute("SELECT 1"))
    await database.close()

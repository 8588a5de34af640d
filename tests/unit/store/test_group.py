"""Functions that share a commit: each still all or nothing, and none answered before it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from supervisor.errors import StoreError
from supervisor.store.database import Database


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh database; a child without its parent is noticed when it is to be committed."""
    database = Database(tmp_path / "supervisor.db")
    await database.open()
    await database.run(lambda db: db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    await database.run(
        lambda db: db.execute(
            "CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    assert database._connection is not None
    database._connection.execute("PRAGMA foreign_keys=ON")
    yield database
    await database.close()


def insert(connection: sqlite3.Connection, number: int) -> int:
    """Add a row; its number."""
    connection.execute("INSERT INTO t VALUES (?, '')", (number,))
    return number


def fail(connection: sqlite3.Connection, number: int, error: BaseException) -> int:
    """Add a row, and break off."""
    insert(connection, number)
    raise error


def numbers(connection: sqlite3.Connection) -> list[int]:
    """All rows."""
    return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


async def together(database: Database, *functions: object) -> list[object]:
    """Run them behind one that is under way, so that they share a commit; their outcomes."""
    first = asyncio.ensure_future(database.run(lambda _: None))
    await asyncio.sleep(0)
    outcomes: list[object] = await asyncio.gather(
        *(database.run(each) for each in functions),  # type: ignore[arg-type] # functions
        return_exceptions=True,
    )
    await first
    return outcomes


async def test_a_hundred_share_a_few_commits(database: Database) -> None:
    """What arrives while one is under way is committed together, and in order."""
    statements: list[str] = []
    assert database._connection is not None
    database._connection.set_trace_callback(statements.append)
    outcomes = await asyncio.gather(
        *(database.run(lambda db, n=n: insert(db, n)) for n in range(100))  # type: ignore[misc] # n is bound
    )
    assert outcomes == list(range(100))
    assert statements.count("COMMIT") <= 4
    assert await database.run(numbers) == outcomes


async def test_who_is_answered_is_committed(database: Database, tmp_path: Path) -> None:
    """The answer comes when others can see what was written."""
    with sqlite3.connect(tmp_path / "supervisor.db") as other:

        async def written(number: int) -> bool:
            await database.run(lambda db: insert(db, number))
            return number in numbers(other)

        assert all(await asyncio.gather(*(written(number) for number in range(50))))
    other.close()


@pytest.mark.parametrize(
    "error",
    [ValueError("no"), sqlite3.OperationalError("no"), StopIteration()],
)
async def test_one_that_fails_fails_alone(database: Database, error: BaseException) -> None:
    """Nothing of it stays, and all of the others does."""
    one, two, three = await together(
        database,
        lambda db: insert(db, 1),
        lambda db: fail(db, 2, error),
        lambda db: insert(db, 3),
    )
    assert (one, three) == (1, 3)
    assert isinstance(two, BaseException)
    assert await database.run(numbers) == [1, 3]


async def test_one_that_cannot_be_committed_fails_alone(database: Database) -> None:
    """When the commit is refused each is committed by itself, to see whose fault it is."""
    one, two, three = await together(
        database,
        lambda db: insert(db, 1),
        lambda db: db.execute("INSERT INTO child VALUES (77)"),
        lambda db: insert(db, 3),
    )
    assert (one, three) == (1, 3)
    assert isinstance(two, StoreError)
    assert await database.run(numbers) == [1, 3]


async def test_a_full_disk_stops_only_what_has_no_room(database: Database) -> None:
    """Whoever needs no more room than there is gets it, whatever SQLite gives up for the others."""
    assert database._connection is not None
    pages = database._connection.execute("PRAGMA page_count").fetchone()[0]
    database._connection.execute(f"PRAGMA max_page_count={pages}")
    one, two, three = await together(
        database,
        lambda db: insert(db, 1),
        lambda db: db.execute("INSERT INTO t VALUES (2, ?)", ("x" * 100_000,)),
        lambda db: insert(db, 3),
    )
    assert (one, three) == (1, 3)
    assert isinstance(two, StoreError)
    assert "full" in str(two)
    assert await database.run(numbers) == [1, 3]


async def test_closing_waits_for_what_was_asked(tmp_path: Path) -> None:
    """More than one group's worth is written before the file is closed."""
    database = Database(tmp_path / "supervisor.db")
    await database.open()
    await database.run(lambda db: db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)"))
    asked = [
        asyncio.ensure_future(database.run(lambda db, n=n: insert(db, n)))  # type: ignore[misc] # n is bound
        for n in range(200)
    ]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*asked) == list(range(200))

"""A file that cannot be used is set aside and another begun; one that went missing is put back."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.errors import StoreDamagedError, StoreError
from supervisor.lifecycle.effects import EventKind
from supervisor.store import damage
from supervisor.store.database import Database
from supervisor.store.lives import begin_life, continue_life
from supervisor.store.outbox import latest, replay
from supervisor.store.sessions import (
    commit_change,
    drop_unreadable,
    load_sessions,
)
from tests.support.sessions import NOW
from tests.unit.store.conftest import SESSION, SESSIONS, filled, ids

GARBAGE = bytes(range(256)) * 16
PAGE_BYTES = 4096
EVERYTHING = (
    "SELECT * FROM sessions",
    "SELECT * FROM sessions ORDER BY id",
    "SELECT * FROM outbox",
    "SELECT * FROM outbox ORDER BY session_id, seq",
    "SELECT * FROM logs",
)


def overwrite(path: Path, at: int, raw: bytes) -> None:
    """Put these bytes into the middle of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(raw)


def truncate(path: Path, size: int) -> None:
    """Cut a file off."""
    with path.open("r+b") as file:
        file.truncate(size)


def into_directory(path: Path) -> None:
    """What an administrator's slip leaves."""
    path.unlink()
    (path / "inside").mkdir(parents=True)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: overwrite(path, 0, GARBAGE * 50),
    "header": lambda path: overwrite(path, 0, b"SQLite format 4\0"),
    "first page": lambda path: overwrite(path, 100, GARBAGE[:900]),
    "a page in the middle": lambda path: overwrite(path, 20 * PAGE_BYTES, GARBAGE),
    "truncated": lambda path: truncate(path, 12 * PAGE_BYTES + 100),
    "one page left": lambda path: truncate(path, PAGE_BYTES),
    "directory": into_directory,
    "its journal is a directory": lambda path: (path.with_name(f"{path.name}-wal")).mkdir(),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_damaged_file_is_set_aside(path: Path, name: str) -> None:
    """It is kept under another name, and a new one begun that works."""
    await (await filled(path)).close()
    DAMAGES[name](path)
    database = Database(path)
    await database.open()
    assert await ids(database) == []
    assert not (await database.run(lambda db: begin_life(db, NOW + 5))).is_whole
    await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    await database.close()
    kept = [each for each in path.parent.iterdir() if ".damaged-" in each.name]
    assert len([each for each in kept if each.name.endswith("Z")]) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # And it stays as it is from then on.
    again = Database(path)
    await again.open()
    assert await ids(again) == [SESSION.id]
    await again.close()
    assert [each for each in path.parent.iterdir() if ".damaged-" in each.name] == kept


async def test_a_journal_without_its_database_is_kept(path: Path) -> None:
    """SQLite would remove it; commits that nobody else has may be in it."""
    old = await filled(path)
    journal = path.with_name(f"{path.name}-wal").read_bytes()
    await old.close()
    path.unlink()
    path.with_name(f"{path.name}-wal").write_bytes(journal)
    database = Database(path)
    await database.open()
    assert await ids(database) == []
    await database.close()
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.name.endswith("Z-wal")
    assert kept.read_bytes() == journal


async def test_two_damages_in_one_second_are_both_kept(path: Path) -> None:
    """Neither takes the other's name."""
    for number in range(3):
        path.write_bytes(b"%d" % number * 5000)
        database = Database(path)
        await database.open()
        await database.close()
    kept = {each.read_bytes()[:1] for each in path.parent.glob("*.damaged-*")}
    assert kept == {b"0", b"1", b"2"}


async def test_a_very_large_file_is_not_read_through(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its damage is found when it is met, and then it is told apart from a full disk."""
    await (await filled(path)).close()
    DAMAGES["a page in the middle"](path)
    monkeypatch.setattr(damage, "CHECKED_BYTES", 1000)
    database = Database(path)
    await database.open()
    with pytest.raises(StoreDamagedError, match="malformed"):
        await database.run(lambda db: [db.execute(each).fetchall() for each in EVERYTHING])
    assert database.damaged.is_set()
    await database.close()


async def test_beginning_anew_keeps_what_is_known(path: Path, database: Database) -> None:
    """The new file has what it was filled with; the old one is kept; numbers go on growing."""
    newest = await database.run(latest)
    sessions, _ = await database.run(load_sessions)

    def fill(connection: sqlite3.Connection) -> None:
        continue_life(connection, newest, NOW)
        for session in sessions:
            commit_change(connection, session, EventKind.UPDATE, NOW)

    await database.begin_anew(fill)
    with pytest.raises(StoreError, match="not open"):
        await database.run(latest)
    assert len(list(path.parent.glob("*.damaged-*Z"))) == 1
    other = Database(path)
    await other.open()
    life = await other.run(lambda db: begin_life(db, NOW))
    assert life.is_whole
    assert life.first_seq > newest
    assert (await other.run(load_sessions))[0] == sessions
    await other.close()


@pytest.mark.parametrize("which", ["database", "journal", "both", "replaced", "directory"])
async def test_what_went_missing_is_put_back(path: Path, database: Database, which: str) -> None:
    """Everything that was committed is at the path again, for whoever opens it next."""
    known = await ids(database)
    newest = await database.run(latest)
    journal = path.with_name(f"{path.name}-wal")
    assert not await database.put_back()
    match which:
        case "database":
            path.unlink()
        case "journal":
            journal.unlink()
        case "both":
            path.unlink()
            journal.unlink()
        case "replaced":
            path.unlink()
            path.write_bytes(GARBAGE)
        case "directory":
            into_directory(path)
    await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    assert await database.put_back()
    assert not await database.put_back()
    other = Database(path)
    await other.open()
    assert await ids(other) == [*known, SESSION.id]
    assert await other.run(latest) == newest + 1
    await other.close()
    assert await ids(database) == [*known, SESSION.id]
    strangers = [each for each in path.parent.iterdir() if ".damaged-" in each.name]
    assert bool(strangers) == (which in {"replaced", "directory"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_putting_back_can_be_tried_again(path: Path, database: Database) -> None:
    """Without room for it, the daemon goes on with the file that nobody else sees."""
    known = await ids(database)
    path.unlink()
    (path.parent / "supervisor.db.new").mkdir()
    with pytest.raises(StoreError):
        await database.put_back()
    assert await ids(database) == known
    (path.parent / "supervisor.db.new").rmdir()
    assert await database.put_back()
    assert await ids(database) == known


async def test_a_damaged_journal_costs_its_last_commits(path: Path) -> None:
    """What stands before the damage is there; the file works; numbers do not come twice."""
    old = await filled(path)
    newest = await old.run(latest)
    raw, journal = path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()
    await old.close()
    path.write_bytes(raw)
    journal_path = path.with_name(f"{path.name}-wal")
    journal_path.write_bytes(journal)
    overwrite(journal_path, len(journal) // 2, GARBAGE)
    database = Database(path)
    await database.open()
    found = await ids(database)
    assert 0 < len(found) < SESSIONS
    assert await database.run(latest) < newest
    assert (await database.run(lambda db: begin_life(db, NOW + 1))).first_seq > newest
    await database.close()


@pytest.mark.parametrize("column", ["id", "body"])
@pytest.mark.parametrize("raw", [b"\xff\xfe\xfd", b"", b"../../etc"])
async def test_a_row_overwritten_on_the_disk(database: Database, column: str, raw: bytes) -> None:
    """Whatever stands in it, it is named, and the others are read."""
    await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    known = await ids(database)
    await database.run(
        lambda db: db.execute(
            f"UPDATE sessions SET {column} = CAST(? AS TEXT) WHERE id = ?",  # noqa: S608 ours
            (raw, SESSION.id),
        )
    )
    sessions, unreadable = await database.run(load_sessions)
    assert [session.id for session in sessions] == known[:-1] == sorted(set(known) - {SESSION.id})
    assert len(unreadable) == 1


async def test_an_unreadable_row_is_kept_aside(database: Database) -> None:
    """Its session is told to be gone; what stood in the row can be looked at."""
    await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    await database.run(
        lambda db: db.execute("UPDATE sessions SET body = '{x' WHERE id = ?", (SESSION.id,))
    )
    item = await database.run(lambda db: drop_unreadable(db, SESSION.id, NOW))
    assert (item.kind, item.session_id, item.user) == (EventKind.DELETE, SESSION.id, "alice")
    assert (await database.run(load_sessions))[1] == []
    kept = await database.run(lambda db: db.execute("SELECT * FROM damaged_sessions").fetchall())
    assert kept == [(SESSION.id, NOW, b"{x")]


async def test_an_outbox_overwritten_on_the_disk(database: Database) -> None:
    """Its readers start over, instead of failing each time they come back."""
    newest = await database.run(latest)
    await database.run(
        lambda db: db.execute(
            "UPDATE outbox SET kind = CAST(x'FF' AS TEXT) WHERE seq = ?", (newest,)
        )
    )
    assert await database.run(lambda db: replay(db, newest - 1)) is None
    assert await database.run(lambda db: replay(db, newest)) == []

"""The schema: every older file is brought up to date, whole or not at all, with what is in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from supervisor.errors import StoreError
from supervisor.lifecycle.delivery import Position, Stretch
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, Session
from supervisor.store import schema
from supervisor.store.database import Database
from supervisor.store.delivery import load_position, read_events
from supervisor.store.images import find_image
from supervisor.store.logs import load_log
from supervisor.store.outbox import latest, replay
from supervisor.store.schema import VERSION, migrate
from supervisor.store.sessions import commit_change, find_claim, load_sessions
from supervisor.store.tickets import load_tickets
from tests.support.sessions import NOW, session_in

VERSION_1 = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    phase TEXT NOT NULL,
    created_at REAL NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user TEXT NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    request_hash TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE images (
    image_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
"""
"""As the first release wrote it."""

SESSION = session_in(Phase.RUNNING)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the first release: a session, ten events of which four are pruned, and the rest."""
    path = tmp_path / "supervisor.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        connection.execute("PRAGMA user_version=1")
        body = TypeAdapter(Session).dump_json(SESSION).decode()
        connection.execute(
            "INSERT INTO sessions VALUES (?, 'alice', 'running', ?, ?)", (SESSION.id, NOW, body)
        )
        connection.executemany(
            "INSERT INTO outbox (kind, session_id, user, data) VALUES ('update', ?, 'alice', ?)",
            [(SESSION.id, b'{"version":%d}' % number) for number in range(1, 11)],
        )
        connection.execute("DELETE FROM outbox WHERE seq <= 4")
        connection.execute(
            "INSERT INTO idempotency VALUES ('alice/k', 'hash', ?, ?)", (SESSION.id, NOW)
        )
        connection.execute(
            "INSERT INTO images VALUES ('sha256:1', ?)",
            ('{"image_id": "sha256:1", "passwd": "", "group": "", "perl": "/usr/bin/perl"}',),
        )
        connection.commit()
    return path


@pytest.fixture
def old(path: Path) -> Iterator[sqlite3.Connection]:
    """That file, opened but not migrated."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def described(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """What the file is made of."""
    return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


async def test_an_old_file_keeps_its_content(path: Path) -> None:
    """Sessions, keys, images and events are there afterwards; readers go on where they were."""
    database = Database(path)
    await database.open()
    sessions, unreadable = await database.run(load_sessions)
    assert (list(sessions), unreadable) == ([SESSION], [])
    assert await database.run(lambda db: find_claim(db, "alice/k", NOW)) is not None
    assert await database.run(lambda db: find_image(db, "sha256:1")) is not None
    assert await database.run(latest) == 10
    replayed = await database.run(lambda db: replay(db, 4))
    assert replayed is not None
    assert [item.seq for item in replayed] == [5, 6, 7, 8, 9, 10]
    assert await database.run(lambda db: replay(db, 3)) is None
    item = await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    assert item.seq == 11
    await database.close()


def test_last_lines_of_an_old_file_move(old: sqlite3.Connection) -> None:
    """Out of their session's row; one that cannot be understood stays as it is."""
    body = json.loads(TypeAdapter(Session).dump_json(SESSION))
    del body["has_log"]
    text = json.dumps({**body, "log_tail": "good-bye\n"})
    old.execute("UPDATE sessions SET body = ?", (text,))
    old.execute("INSERT INTO sessions VALUES ('broken', 'alice', 'running', 0, '{')")
    migrate(old)
    (found,), unreadable = load_sessions(old)
    assert found == replace(SESSION, has_log=True)
    assert unreadable == ["broken"]
    assert load_log(old, SESSION.id) == "good-bye\n"


async def test_events_of_an_old_file_can_be_delivered(path: Path) -> None:
    """A webhook begins with the oldest that is kept; its age counts from the migration."""
    database = Database(path)
    await database.open()
    assert await database.run(load_position) == Position()
    events = await database.run(lambda db: read_events(db, Stretch(SESSION.id, 1, 99), 99))
    assert [event.data for event in events] == [b'{"version":%d}' % n for n in range(5, 11)]
    assert {event.at for event in events} == {events[0].at}
    assert events[0].at > NOW
    await database.close()


def test_an_old_empty_outbox_has_holes_all_the_same(old: sqlite3.Connection) -> None:
    """What was pruned before cannot be replayed after."""
    old.execute("DELETE FROM outbox")
    migrate(old)
    assert replay(old, 9) is None
    assert replay(old, 10) == []


def test_old_and_new_files_are_the_same(old: sqlite3.Connection) -> None:
    """Whichever way a file has come, it has one schema; a second time changes nothing."""
    migrate(old)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        migrate(new)
        names = [name for name, _ in described(new)]
        assert [name for name, _ in described(old)] == names
        for table in ("outbox", "sessions", "cursors", "lanes", "origin", "tickets", "logs"):
            columns = f"PRAGMA table_info({table})"
            assert old.execute(columns).fetchall() == new.execute(columns).fetchall()
    before = described(old), old.execute("SELECT id FROM origin").fetchall()
    migrate(old)
    assert (described(old), old.execute("SELECT id FROM origin").fetchall()) == before
    assert old.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_file_that_has_tickets_already(old: sqlite3.Connection) -> None:
    """They were made in files of the first version for a while; what is in them stays."""
    for statement in schema._TICKETS:
        old.execute(statement)
    old.execute("INSERT INTO tickets VALUES ('key', ?, 'view', NULL, ?, 3)", (SESSION.id, NOW + 1))
    migrate(old)
    (kept,) = load_tickets(old, NOW)
    assert (kept.ticket.session_id, kept.ticket.label, kept.uses) == (SESSION.id, None, 3)


def test_a_first_file_that_lacks_its_version(old: sqlite3.Connection) -> None:
    """The first release could die between its tables and the version."""
    old.execute("PRAGMA user_version=0")
    migrate(old)
    assert latest(old) == 10


async def test_a_step_is_all_or_nothing(
    path: Path, old: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that fails leaves the file as it was, for the older version too."""
    broken = (*schema._DELIVERY, "INSERT INTO nowhere VALUES (1)")
    before = described(old)
    with monkeypatch.context() as faulty:
        faulty.setattr(schema, "_STEPS", (schema._FIRST, broken))
        database = Database(path)
        with pytest.raises(StoreError, match="nowhere"):
            await database.open()
        await database.close()
    assert described(old) == before
    assert old.execute("PRAGMA user_version").fetchone() == (1,)
    migrate(old)
    assert old.execute("SELECT count(*) FROM outbox").fetchone() == (6,)


def test_each_database_is_another(tmp_path: Path) -> None:
    """Its events cannot be mistaken for those of one that was there before."""
    origins = set()
    for name in ("a", "b"):
        with closing(sqlite3.connect(tmp_path / name, isolation_level=None)) as connection:
            migrate(connection)
            origins |= set(connection.execute("SELECT id FROM origin").fetchall())
    assert len(origins) == 2

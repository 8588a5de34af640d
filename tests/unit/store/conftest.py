"""A database with enough in it to be damaged, or to be lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.store.database import Database
from supervisor.store.lives import begin_life, mark_whole
from supervisor.store.sessions import commit_change, load_sessions
from tests.support.sessions import NOW, pending_session, session_in

SESSION = session_in(Phase.RUNNING)
"""One more than ``filled`` has."""
SESSIONS = 100
"""Few enough for SQLite not to have begun its journal again."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "supervisor.db"


@pytest_asyncio.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """A database with enough in it to have inner pages."""
    database = await filled(path)
    yield database
    await database.close()


async def filled(path: Path) -> Database:
    """A new database with some sessions, all still in its journal."""
    database = Database(path)
    await database.open()
    await database.run(lambda db: begin_life(db, NOW))
    await database.run(mark_whole)
    for number in range(SESSIONS):
        session = pending_session(f"01he0000000000000000000{number:03d}")
        await database.run(partial(commit_change, session=session, kind=EventKind.UPDATE, at=NOW))
    return database


async def ids(database: Database) -> list[SessionId]:
    """Whose sessions it has."""
    sessions, _ = await database.run(load_sessions)
    return [session.id for session in sessions]

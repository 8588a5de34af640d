"""Those who wait for something to be committed are answered, whatever else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
import pytest_asyncio

from supervisor.errors import StoreError
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import AgentTitle, TerminateRequested
from supervisor.lifecycle.feed import FeedItem
from supervisor.lifecycle.session import Phase
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.directory import Directory
from supervisor.reactor.service import Completeness, SessionService
from supervisor.reactor.watcher import EngineHealth
from supervisor.reactor.worker import Reactor
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW, session_in
from tests.support.turning import settled, until
from tests.unit.reactor.fakes import BreakableDatabase, Tasks

FOR_EVER = 1_000_000


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[BreakableDatabase]:
    """One whose disk can be full."""
    database = BreakableDatabase(tmp_path / "supervisor.db")
    await database.open()
    yield database
    await database.close()


async def test_a_wish_behind_a_fact_that_cannot_be_stored(
    database: BreakableDatabase, tasks: Tasks
) -> None:
    """The wish is refused at once, the fact is kept until it can be stored."""
    directory = Directory()
    reactor = Reactor(database=database, directory=directory, now=lambda: NOW, spawn=tasks.spawn)
    session = session_in(Phase.RUNNING)
    await database.run(lambda db: commit_change(db, session, EventKind.UPDATE, NOW))
    directory.put(session)
    database.failures = FOR_EVER
    reactor.post(session.id, AgentTitle(1, "kept"))
    for _ in range(2):
        with pytest.raises(StoreError):
            await asyncio.wait_for(reactor.submit(session.id, TerminateRequested()), 5)
    database.failures = 0
    await until(lambda: directory.get(session.id).title == "kept")
    assert directory.get(session.id).phase is Phase.RUNNING
    await tasks.cancel()


async def test_a_purge_among_very_many_changes() -> None:
    """Its news may be lost among others': the answer still comes after the end, not before."""
    directory, broadcast, session = Directory(), Broadcast(0), session_in(Phase.TERMINATING)
    directory.put(session)
    service = SessionService(
        intake=Mock(),
        changes=Mock(),
        quotas=Mock(),
        directory=directory,
        reactor=AsyncMock(),
        broadcast=broadcast,
        all_adopted=lambda: True,
        complete=Completeness(EngineHealth(adopted=True), lambda: True),
    )
    purging = asyncio.create_task(service.purge(session.id))
    await settled()
    for seq in range(5000):
        broadcast.publish(FeedItem(seq, EventKind.UPDATE, session.id, session.user, b"{}"))
    await settled()
    assert not purging.done()
    directory.drop(session.id)
    broadcast.publish(FeedItem(5000, EventKind.DELETE, session.id, session.user, b"{}"))
    await asyncio.wait_for(purging, 5)

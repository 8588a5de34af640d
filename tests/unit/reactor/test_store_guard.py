"""The store's file while the daemon runs: put back when it is gone, left when it is damaged."""

from __future__ import annotations

import sqlite3

import pytest

from supervisor.errors import StoreDamagedError, StoreError
from supervisor.lifecycle.facts import AgentTitle
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import Phase
from supervisor.reactor import store_guard
from supervisor.store.damage import DamagedFileError
from supervisor.store.sessions import load_sessions
from tests.support.turning import until
from tests.unit.reactor.life import House, Life, stored


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_guard, "LOOK_SECONDS", 0.01)


async def test_a_file_that_was_removed_is_written_again(house: House) -> None:
    """Nothing is lost: not what was committed before, nor meanwhile, nor the events of it."""
    path = house.directory / "supervisor.db"
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        latest = life.core.feed.latest()
        house.lose_store()
        await life.core.sessions.submit(session.id, AgentTitle(3, "meanwhile"))
        await until(path.exists)
        await life.core.sessions.submit(session.id, AgentTitle(4, "after"))
        await life.crash()
    database = await stored(house.directory)
    (found,), _ = await database.run(load_sessions)
    await database.close()
    assert found.title == "after"
    async with house.life() as life:
        await life.ready()
        titles = [item.data for item in await life.core.feed.replay(latest)]
        assert [b"meanwhile" in data or b"after" in data for data in titles[:2]] == [True, True]


async def test_what_cannot_be_put_back_is_tried_again(house: House) -> None:
    """Until there is room for it; the daemon goes on meanwhile."""
    path = house.directory / "supervisor.db"
    blocked = house.directory / "supervisor.db.new"
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        house.lose_store()
        blocked.mkdir()
        await until(lambda: life.database.failed_calls > 3)
        await life.core.sessions.submit(session.id, AgentTitle(3, "meanwhile"))
        blocked.rmdir()
        await until(path.exists)


async def damage(life: Life) -> None:
    """Let the next transaction meet a damaged page."""

    def meet(_connection: sqlite3.Connection) -> None:
        raise DamagedFileError("database disk image is malformed")

    with pytest.raises(StoreDamagedError):
        await life.database.run(meet)


async def test_a_damaged_file_ends_the_daemon(house: House) -> None:
    """Loudly; the next life finds another file, in which everything is as it was."""
    life = Life(house)
    await life.begin()
    await life.ready()
    running, ended = await life.run(), await life.run()
    house.engine.exit(ended.id, 4)
    await life.reaches(ended.id, Phase.ENDED)
    before = {session.id: session for session in life.core.directory}
    latest = life.core.feed.latest()
    await damage(life)
    await until(lambda: bool(life.tasks.crashes))
    (crash,) = life.tasks.crashes
    assert isinstance(crash, StoreDamagedError)
    assert "another written from memory" in str(crash)
    with pytest.raises(StoreError):
        await life.core.sessions.submit(running.id, AgentTitle(3, "too late"))
    await life.crash()
    (kept,) = house.directory.glob("*.damaged-*Z")
    assert kept.read_bytes()
    async with house.life() as after:
        assert {session.id: session for session in after.core.directory} == before
        await after.ready()
        with pytest.raises(FeedGapError):
            await after.core.feed.replay(latest - 1)
        assert after.core.feed.latest() > latest
        assert after.core.tally.sessions_rebuilt == 0
        await after.core.sessions.submit(running.id, AgentTitle(3, "on"))


async def test_a_damaged_file_on_a_full_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon ends all the same; the next life takes over what runs."""
    life = Life(house)
    await life.begin()
    await life.ready()
    session = await life.run()

    def full(*_arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store_guard, "continue_life", full)
        await damage(life)
        await until(lambda: bool(life.tasks.crashes))
    assert "takes over what runs" in str(life.tasks.crashes[0])
    await life.crash()
    async with house.life() as after:
        await after.ready()
        assert after.session(session.id).token_hash == session.token_hash
        assert after.core.tally.sessions_rebuilt == 1

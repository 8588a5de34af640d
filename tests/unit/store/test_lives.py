"""Lives of a store: their numbers are above all of the past, whatever file and clock say."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from supervisor.lifecycle.effects import EventKind
from supervisor.store.database import Database
from supervisor.store.lives import begin_life, mark_whole
from supervisor.store.outbox import latest, leap, replay
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW
from tests.unit.store.conftest import SESSION, filled


async def test_numbers_are_above_all_that_were_lost(path: Path) -> None:
    """A new file begins above the old one's numbers, whoever has read those."""
    old = await filled(path)
    newest = await old.run(latest)
    await old.close()
    path.unlink()
    database = Database(path)
    await database.open()
    life = await database.run(lambda db: begin_life(db, NOW + 5))
    assert life.first_seq > newest
    assert not life.is_whole
    assert await database.run(lambda db: replay(db, newest)) is None
    item = await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    assert item.seq > newest
    assert await database.run(lambda db: replay(db, newest)) is None
    assert await database.run(lambda db: replay(db, life.first_seq)) == [item]
    await database.close()


async def test_a_file_that_went_back_in_time_shows_it(path: Path) -> None:
    """Numbers whose commits got lost are not given to others: their readers start over."""
    old = await filled(path)
    before = path.read_bytes()
    copied = path.with_name(f"{path.name}-wal").read_bytes()
    kept = await old.run(latest)
    for _ in range(5):
        await old.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
    await old.close()
    path.write_bytes(before)
    path.with_name(f"{path.name}-wal").write_bytes(copied)
    database = Database(path)
    await database.open()
    life = await database.run(lambda db: begin_life(db, NOW + 1))
    assert life.is_whole
    items = [
        await database.run(lambda db: commit_change(db, SESSION, EventKind.UPDATE, NOW))
        for _ in range(10)
    ]
    for lost in range(kept + 1, kept + 6):
        assert await database.run(partial(replay, after=lost)) is None
    assert await database.run(lambda db: replay(db, kept)) == items
    assert await database.run(lambda db: replay(db, life.first_seq)) == items
    await database.close()


async def test_a_file_that_is_lost_within_the_second_it_was_begun_in(path: Path) -> None:
    """A quick restart: the new file begins above whatever the short life before has given out."""
    short = await filled(path)
    newest = await short.run(latest)
    await short.close()
    path.unlink()
    database = Database(path)
    await database.open()
    assert (await database.run(lambda db: begin_life(db, NOW + 0.1))).first_seq > newest
    await database.close()


async def test_a_file_that_has_gone_back_under_a_clock_that_is_behind(path: Path) -> None:
    """Neither the file nor the time tells how far the numbers had come: there is room for them."""
    await (await filled(path)).close()
    copy = path.read_bytes()
    lost = Database(path)
    await lost.open()
    await lost.run(lambda db: leap(db, latest(db) + 100_000, is_complete=True))
    newest = await lost.run(latest)
    await lost.close()
    path.write_bytes(copy)
    database = Database(path)
    await database.open()
    assert (await database.run(lambda db: begin_life(db, NOW - 3600))).first_seq > newest
    await database.close()


async def test_a_file_is_whole_once_what_runs_was_taken_over(path: Path) -> None:
    """Not before, however often the daemon is started meanwhile."""
    for number in range(3):
        database = Database(path)
        await database.open()
        assert not (await database.run(partial(begin_life, now=NOW + number))).is_whole
        if number == 2:
            await database.run(mark_whole)
        await database.close()
    await database_is_whole(path)


async def database_is_whole(path: Path) -> None:
    """The next life takes it as it is."""
    database = Database(path)
    await database.open()
    assert (await database.run(lambda db: begin_life(db, NOW))).is_whole
    await database.close()


async def test_lives_are_forgotten_in_time(database: Database) -> None:
    """As many as readers can still know of are kept."""
    for number in range(150):
        await database.run(partial(begin_life, now=NOW + number))
    (count,) = await database.run(lambda db: db.execute("SELECT count(*) FROM lives").fetchone())
    assert count == 100

"""Retention: what is over is remembered for its time, and then forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from supervisor.lifecycle.delivery import Position
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import PurgeRequested
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.reactor import retention as module
from supervisor.reactor.directory import Directory
from supervisor.reactor.retention import Retention, RetentionBounds
from supervisor.store import pruning
from supervisor.store.database import Database
from supervisor.store.delivery import save_position
from supervisor.store.outbox import replay
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW, session_in
from tests.support.turning import until
from tests.unit.reactor.fakes import BreakableDatabase, Clock, Posts, Tasks

YOUNG = SessionId("01hf000000000000000000000b")
RUNNING = SessionId("01hf000000000000000000000c")


BOUNDS = RetentionBounds(ended_seconds=100, outbox_items=3)


def retention(
    database: Database, clock: Clock, bounds: RetentionBounds = BOUNDS
) -> tuple[Retention, Posts]:
    """A sweep over an old session, a young one, and one that runs."""
    directory, posts = Directory(), Posts()
    old = replace(session_in(Phase.ENDED), ended_at=NOW - 101)
    directory.put(old)
    directory.put(replace(old, id=YOUNG, ended_at=NOW - 99))
    directory.put(replace(session_in(Phase.RUNNING), id=RUNNING))
    swept = Retention(
        directory=directory,
        database=database,
        post=posts,
        now=clock,
        bounds=lambda: bounds,
    )
    return swept, posts


async def test_what_is_past_its_time_is_forgotten(database: Database, clock: Clock) -> None:
    """Ended sessions go when their time is over; what lives is not touched."""
    swept, posts = retention(database, clock)
    await swept.sweep()
    assert posts.made == [(session_in(Phase.ENDED).id, PurgeRequested())]
    clock.at += 3600
    await swept.sweep()
    assert {session_id for session_id, _ in posts.made[1:]} == {session_in(Phase.ENDED).id, YOUNG}


async def test_the_outbox_is_kept_short(database: Database, clock: Clock) -> None:
    """The newest rows stay, as many as configured."""
    for _ in range(10):
        await database.run(
            lambda db: commit_change(db, session_in(Phase.RUNNING), EventKind.UPDATE, NOW)
        )
    await retention(database, clock)[0].sweep()
    items = await database.run(lambda db: replay(db, 7))
    assert items is not None
    assert [item.seq for item in items] == [8, 9, 10]
    assert await database.run(lambda db: replay(db, 6)) is None


async def change(database: Database, at: float, *, times: int = 1) -> None:
    """Commit changes at this time."""
    for _ in range(times):
        await database.run(
            lambda db: commit_change(db, session_in(Phase.RUNNING), EventKind.UPDATE, at)
        )


async def kept(database: Database) -> list[int]:
    """The numbers of the outbox's rows."""
    rows = await database.run(lambda db: db.execute("SELECT seq FROM outbox").fetchall())
    return [row[0] for row in rows]


@pytest.mark.parametrize(("most", "gone"), [(2, 1), (1, 1), (0, 2)])
async def test_of_many_that_ended_the_newest_are_remembered(
    database: Database, clock: Clock, most: int, gone: int
) -> None:
    """By number as by age; each is told to go once."""
    bounds = RetentionBounds(ended_seconds=100, ended_sessions=most)
    swept, posts = retention(database, clock, bounds)
    await swept.sweep()
    old_first = [session_in(Phase.ENDED).id, YOUNG]
    assert sorted(session_id for session_id, _ in posts.made) == old_first[:gone]


async def test_old_events_go_however_few_they_are(database: Database, clock: Clock) -> None:
    """By age as by number."""
    bounds = RetentionBounds(outbox_seconds=60)
    for age in (100, 61, 59):
        await change(database, clock.at - age)
    await retention(database, clock, bounds)[0].sweep()
    assert await kept(database) == [3]


async def test_a_webhook_holds_what_it_has_not_delivered(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as much, in as many portions as it takes; what is lost then is told loudly."""
    monkeypatch.setattr(pruning, "PORTION_ROWS", 4)
    bounds = RetentionBounds(outbox_items=3, hold_seconds=1000)
    swept, _ = retention(database, clock, bounds)
    await change(database, clock.at, times=30)
    with capture_logs() as logs:
        await swept.sweep()
    assert (len(await kept(database)), logs) == (30, [])
    await change(database, clock.at, times=13)
    with capture_logs() as logs:
        await swept.sweep()
    assert await kept(database) == list(range(14, 44))
    (line,) = logs
    assert line == {"event": "webhook_events_dropped", "events": 13, "log_level": "error"}


async def test_without_a_webhook_nothing_is_held(database: Database, clock: Clock) -> None:
    """Also when there was one once, and its cursor is still there."""
    await database.run(lambda db: save_position(db, Position(1)))
    await change(database, clock.at, times=30)
    await retention(database, clock)[0].sweep()
    assert await kept(database) == [28, 29, 30]


async def test_a_full_disk_does_not_end_it(
    database: Database, clock: Clock, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that fails is logged; the next one comes."""
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.001)
    broken = BreakableDatabase(database._path)
    await broken.open()
    broken.failures = 3
    swept, posts = retention(broken, clock)
    tasks.spawn(swept.run())
    await until(lambda: len(posts.made) > 4)
    assert broken.failures == 0
    await tasks.cancel()
    await broken.close()

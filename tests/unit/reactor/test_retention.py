"""Retention: what is over is remembered for its time, and then forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import PurgeRequested
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.reactor import retention as module
from supervisor.reactor.directory import Directory
from supervisor.reactor.retention import Retention
from supervisor.store.database import Database
from supervisor.store.outbox import replay
from supervisor.store.sessions import commit_change
from tests.support.sessions import NOW, session_in
from tests.support.turning import until
from tests.unit.reactor.fakes import BreakableDatabase, Clock, Posts, Tasks

YOUNG = SessionId("01hf000000000000000000000b")
RUNNING = SessionId("01hf000000000000000000000c")


def retention(database: Database, clock: Clock) -> tuple[Retention, Posts]:
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
        ended_seconds=100,
        outbox_items=3,
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
            lambda db: commit_change(db, session_in(Phase.RUNNING), EventKind.UPDATE)
        )
    await retention(database, clock)[0].sweep()
    items = await database.run(lambda db: replay(db, 7))
    assert items is not None
    assert [item.seq for item in items] == [8, 9, 10]
    assert await database.run(lambda db: replay(db, 6)) is None


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

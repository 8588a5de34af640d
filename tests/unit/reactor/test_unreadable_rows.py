"""A row of the store cannot be understood: its session is made again, or dropped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.store.sessions import load_sessions
from tests.support.turning import settled, until
from tests.unit.reactor.life import House, stored

Spoil = Callable[[str], str]


@pytest.mark.parametrize("spoil", [lambda _: "{", lambda body: body.replace("running", "ran")])
async def test_a_row_that_cannot_be_read_is_rebuilt(house: House, spoil: Spoil) -> None:
    """From the session's record; what stood in the row is kept aside; the others are adopted."""
    async with house.life() as life:
        await life.ready()
        good, bad = await life.run(), await life.run()
    await spoil_row(house, bad.id, spoil)
    async with house.life() as life:
        await life.ready()
        await settled()
        assert life.session(good.id) == good
        after = life.session(bad.id)
        assert (after.phase, after.token_hash) == (Phase.RUNNING, bad.token_hash)
    database = await stored(house.directory)
    assert (await database.run(load_sessions))[1] == []
    ((kept_id, _, body),) = await database.run(
        lambda db: db.execute("SELECT * FROM damaged_sessions").fetchall()
    )
    await database.close()
    assert kept_id == bad.id
    assert body


async def test_a_row_of_nothing_is_dropped(house: House) -> None:
    """Neither container nor files: its readers are told that it is gone, once."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        house.engine.exit(session.id)
        await life.reaches(session.id, Phase.ENDED)
        await until(lambda: not house.files.path(session.id).exists())
    await spoil_row(house, session.id, lambda _: "")
    async with house.life() as life:
        with life.core.feed.subscribe() as items:
            await life.ready()
            item = await anext(items)
        assert (item.kind, item.session_id) == (EventKind.DELETE, session.id)
        assert item.user == "alice"
        latest = life.core.feed.latest()
        assert list(await life.core.feed.replay(item.seq - 1)) == [item]
    async with house.life() as life:
        await life.ready()
        await settled()
        assert list(await life.core.feed.replay(latest)) == []


async def spoil_row(house: House, session_id: SessionId, spoil: Spoil) -> None:
    """Overwrite what the store has of a session."""
    database = await stored(house.directory)
    (body,) = await database.run(
        lambda db: db.execute("SELECT body FROM sessions WHERE id = ?", (session_id,)).fetchone()
    )
    await database.run(
        lambda db: db.execute(
            "UPDATE sessions SET body = ? WHERE id = ?", (spoil(body), session_id)
        )
    )
    await database.close()

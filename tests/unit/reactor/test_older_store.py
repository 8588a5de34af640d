"""The store goes back in time between two lives: what runs is as new as it was."""

from __future__ import annotations

import pytest

from supervisor.lifecycle.facts import AgentReady, AgentStarted, AgentTitle
from supervisor.lifecycle.session import Phase, Session, SessionId
from tests.support.turning import settled
from tests.unit.reactor.life import House, Life


async def behind(house: House, phase: Phase, *, is_late: bool = False) -> Session:
    """A session that runs, and a store from the time when it was in ``phase``."""
    copies: dict[Phase, dict[str, bytes]] = {}

    def copy(life: Life, session_id: SessionId) -> None:
        raw = {path.name: path.read_bytes() for path in house.directory.glob("supervisor.db*")}
        copies[life.session(session_id).phase] = raw

    async with house.life() as life:
        await life.ready()
        gate = house.engine.hold("find_image")
        session_id = (await life.start()).id
        copy(life, session_id)
        await gate.entered.wait()
        copy(life, session_id)
        gate.release()
        await life.launched(session_id)
        if phase is Phase.STARTING and is_late:
            copy(life, session_id)
        await life.core.sessions.submit(session_id, AgentStarted(1))
        await life.core.sessions.submit(session_id, AgentReady(2))
        session = life.session(session_id)
    house.lose_store()
    house.clock.at += 1
    for name, raw in copies[phase].items():
        (house.directory / name).write_bytes(raw)
    return session


@pytest.mark.parametrize("phase", [Phase.PENDING, Phase.STARTING])
async def test_a_store_that_went_back_in_time(house: House, phase: Phase) -> None:
    """It does not know the token of what runs: the session's record does, and it runs on."""
    before = await behind(house, phase)
    async with house.life() as life:
        await life.ready()
        await settled()
        after = life.session(before.id)
        assert after.phase is Phase.RUNNING
        assert after.token_hash == before.token_hash
        assert after.container_id == before.container_id
        assert after.version > before.version
        assert life.token_hash(before.id) == before.token_hash
    assert house.engine.calls.count("launch") == 1


async def test_a_ready_that_was_lost_is_made_up_for(house: House) -> None:
    """An agent says once that it is ready; that it goes on with later numbers proves it."""
    before = await behind(house, Phase.STARTING, is_late=True)
    async with house.life() as life:
        await life.ready()
        assert life.session(before.id).phase is Phase.STARTING
        after = await life.core.sessions.submit(before.id, AgentTitle(3, "here"))
        assert (after.phase, after.title) == (Phase.RUNNING, "here")


async def test_a_store_that_has_never_heard_of_a_session(house: House) -> None:
    """It is put back, though the store is whole: its files prove it."""
    async with house.life() as life:
        await life.ready()
        raw = {path.name: path.read_bytes() for path in house.directory.glob("supervisor.db*")}
        before = await life.run()
    house.lose_store()
    for name, content in raw.items():
        (house.directory / name).write_bytes(content)
    async with house.life() as life:
        await life.ready()
        assert life.session(before.id).token_hash == before.token_hash

"""Sessions that cannot be taken over: they hold up nobody, are unknown, and are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from supervisor.errors import StoreError
from supervisor.lifecycle.decide import decide
from supervisor.lifecycle.facts import Adopted, AgentTitle, EngineLost, Fact
from supervisor.lifecycle.session import Phase, Session, SessionId, Timestamp
from supervisor.lifecycle.transitions import Decision
from supervisor.reactor import adoption, worker
from supervisor.store.lives import mark_whole
from supervisor.store.sessions import commit_change
from tests.support.turning import settled, until
from tests.unit.reactor.life import House, Life

T = TypeVar("T")


async def two(house: House) -> tuple[Session, Session]:
    """Two sessions that a life has left running."""
    async with house.life() as life:
        await life.ready()
        return await life.run(), await life.run()


def refuse(
    monkeypatch: pytest.MonkeyPatch, session_id: SessionId, *facts: type[Fact]
) -> Callable[[], None]:
    """Let these facts of this session crash; returns what ends that."""
    broken = True

    def judge(session: Session, fact: Fact, now: Timestamp) -> Decision:
        if broken and session.id == session_id and isinstance(fact, facts):
            raise ZeroDivisionError
        return decide(session, fact, now)

    def mend() -> None:
        nonlocal broken
        broken = False

    monkeypatch.setattr(worker, "decide", judge)
    return mend


@pytest.mark.parametrize("facts", [(Adopted,), (Adopted, EngineLost)])
async def test_a_session_that_cannot_be_understood(
    house: House, monkeypatch: pytest.MonkeyPatch, facts: tuple[type[Fact], ...]
) -> None:
    """It is unknown, runs on, and is as it was once it can be; the daemon is ready all the same."""
    house.relist_seconds = 0.01
    good, bad = await two(house)
    mend = refuse(monkeypatch, bad.id, *facts)
    async with house.life() as life:
        await life.ready()
        unknown = await life.reaches(bad.id, Phase.UNKNOWN)
        assert unknown.known_phase is Phase.RUNNING
        assert life.session(good.id).phase is Phase.RUNNING
        assert not life.core.sessions.knows_every_token()
        assert life.core.tally.adoptions_failed >= 1
        # It can be used meanwhile: the agent is heard, and nothing is forced away.
        assert (await life.core.sessions.submit(bad.id, AgentTitle(3, "here"))).title == "here"
        await settled(500)
        assert house.engine.container(bad.id).exit_code is None
        mend()
        assert (await life.reaches(bad.id, Phase.RUNNING)).title == "here"
        await until(life.core.sessions.knows_every_token)
        assert life.core.tally.sessions_adopted == 2


async def test_a_start_that_is_taken_up_while_others_are_adopted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its container is younger than the listing that is adopted, and is not missed in it."""
    async with house.life() as life:
        await life.ready()
        slow = await life.run()
        gate = house.engine.hold("launch")
        started = await life.start()
        await gate.entered.wait()
        await life.crash()
        gate.release()
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        hanging = Hanging(life, monkeypatch)
        hanging.session_id = slow.id
        listing.release()
        await life.launched(started.id)
        hanging.released.set()
        await life.ready()
        await settled(500)
        assert life.session(started.id).phase is Phase.STARTING


class Hanging:
    """A database in which the commits of one session do not come back."""

    def __init__(self, life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
        self.released = asyncio.Event()
        self.session_id: SessionId | None = None
        before = life.core.reactor._judge

        async def judge(session_id: SessionId, news: Any) -> Session:  # noqa: ANN401 a fact or more
            if session_id == self.session_id:
                await self.released.wait()
            return await before(session_id, news)

        monkeypatch.setattr(life.core.reactor, "_judge", judge)


async def test_a_session_that_hangs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its deadline passes, the others are adopted, the daemon is ready; later it is told."""
    monkeypatch.setattr(adoption, "ADOPT_SECONDS", 0.05)
    house.relist_seconds = 0.01
    good, bad = await two(house)
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        hanging = Hanging(life, monkeypatch)
        hanging.session_id = bad.id
        listing.release()
        await life.ready()
        assert life.session(good.id).phase is Phase.RUNNING
        assert life.core.tally.sessions_adopted == 1
        assert not life.core.sessions.knows_every_token()
        hanging.released.set()
        await until(life.core.sessions.knows_every_token)
        await life.reaches(bad.id, Phase.RUNNING)
        assert house.engine.container(bad.id).exit_code is None


async def test_a_session_that_is_purged_before_it_is_adopted(house: House) -> None:
    """It is over, whatever an older listing shows of it: it is not put back."""
    house.relist_seconds = 0.01
    good, bad = await two(house)
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        await life.core.sessions.purge(bad.id)
        listing.release()
        await life.ready()
        listings = house.engine.calls.count("list_containers")
        await until(lambda: house.engine.calls.count("list_containers") > listings + 2)
        assert life.core.directory.find(bad.id) is None
        assert life.core.tally.sessions_rebuilt == 0
        assert life.core.sessions.knows_every_token()
        assert life.session(good.id).phase is Phase.RUNNING


@pytest.mark.parametrize("has_files", [True, False])
async def test_a_session_that_cannot_be_put_back_yet(
    house: House, monkeypatch: pytest.MonkeyPatch, *, has_files: bool
) -> None:
    """The store was lost and cannot take it: it is no orphan, and comes when the store can."""
    house.relist_seconds = 0.01
    good, bad = await two(house)
    house.lose_store()
    if not has_files:
        house.files.remove(bad.id)
    broken = True

    def refusing(connection: Any, session: Session, kind: Any, at: Any) -> Any:  # noqa: ANN401 as it is
        if broken and session.id == bad.id:
            raise StoreError("The disk is full.")
        return commit_change(connection, session, kind, at)

    monkeypatch.setattr(worker, "commit_change", refusing)
    async with house.life() as life:
        await life.ready()
        assert life.session(good.id).phase is Phase.RUNNING
        assert life.core.directory.find(bad.id) is None
        assert not life.core.sessions.knows_every_token()
        house.clock.at += 10_000
        await until(lambda: life.core.tally.adoptions_failed > 3)
        assert house.engine.container(bad.id).exit_code is None
        assert house.files.path(bad.id).exists() is has_files
        broken = False
        await until(lambda: life.core.directory.find(bad.id) is not None)
        await life.reaches(bad.id, Phase.RUNNING)
        if has_files:
            await until(life.core.sessions.knows_every_token)


async def test_a_store_that_cannot_note_that_it_is_whole(house: House) -> None:
    """It is noted with a later listing; until then nothing is taken for an orphan."""
    house.relist_seconds = 0.01
    await two(house)
    house.lose_store()
    async with house.life() as life:
        run = life.database.run
        refused = 0

        async def refusing(function: Callable[..., T]) -> T:
            nonlocal refused
            if function is mark_whole and refused < 3:
                refused += 1
                raise StoreError("The disk is full.")
            return await run(function)

        life.database.run = refusing  # type: ignore[method-assign] # for this test
        await life.ready()
        assert not life.core.sessions.knows_every_token()
        await until(life.core.sessions.knows_every_token)
        assert refused == 3

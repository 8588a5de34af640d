"""Mailboxes and workers: the only writers of sessions, and what they do when something fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from supervisor.errors import StoreError
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError, UnavailableError
from supervisor.lifecycle.facts import (
    AgentHeartbeat,
    AgentReady,
    AgentTitle,
    ContainerListed,
    ContainerStatus,
    DeadlinePassed,
    Fact,
    InputSeen,
    PurgeRequested,
    QueueMoved,
    TerminateRequested,
)
from supervisor.lifecycle.session import DeadlineName, Phase, Session, SessionId, Usage
from supervisor.lifecycle.transitions import Decision
from supervisor.reactor import worker
from supervisor.reactor.directory import Directory
from supervisor.reactor.worker import Reactor
from supervisor.store.sessions import commit_change, load_sessions
from tests.support.sessions import CONTAINER, NOW, pending_session, session_in
from tests.support.turning import settled, until
from tests.unit.reactor.fakes import BreakableDatabase, Observed, Tasks

SESSION = session_in(Phase.RUNNING)


@dataclass
class Desk:
    """A reactor and everything around it."""

    reactor: Reactor
    directory: Directory
    database: BreakableDatabase
    observed: Observed

    async def take_in(self, session: Session) -> SessionId:
        """Put a session into store and directory."""
        await self.database.run(lambda db: commit_change(db, session, EventKind.UPDATE, NOW))
        self.directory.put(session)
        return session.id

    async def stored(self) -> dict[str, Session]:
        """What the database holds."""
        sessions, _ = await self.database.run(load_sessions)
        return {session.id: session for session in sessions}


@pytest_asyncio.fixture
async def desk(tmp_path: Path, tasks: Tasks) -> AsyncIterator[Desk]:
    """A reactor over a database that can fail."""
    database = BreakableDatabase(tmp_path / "supervisor.db")
    await database.open()
    directory, observed = Directory(), Observed()
    reactor = Reactor(database=database, directory=directory, now=lambda: NOW, spawn=tasks.spawn)
    reactor.observe(observed)
    yield Desk(reactor, directory, database, observed)
    await tasks.cancel()
    await database.close()


async def test_facts_of_a_session_are_taken_in_order(desk: Desk) -> None:
    """However fast they come, one session's facts are committed one by one, as posted."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    for seq in range(1, 51):
        desk.reactor.post(session_id, AgentTitle(seq, f"title {seq}"))
    await until(lambda: desk.directory.get(session_id).title == "title 50")
    assert [session.title for session in desk.observed.sessions] == [
        f"title {seq}" for seq in range(1, 51)
    ]
    assert [session.version for session in desk.observed.sessions] == list(range(2, 52))
    items = [item for _, item in desk.observed.decisions if item is not None]
    assert [item.seq for item in items] == sorted(item.seq for item in items)


async def test_what_is_told_is_committed(desk: Desk) -> None:
    """When an observer or a caller hears of a change, the database holds it already."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    answered = await desk.reactor.submit(session_id, TerminateRequested())
    assert answered.phase is Phase.TERMINATING
    assert (await desk.stored())[session_id] == answered == desk.directory.get(session_id)
    assert desk.observed.sessions == [answered]


async def test_sessions_do_not_wait_for_each_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the commit of one session hangs, another's is made."""
    slow = await desk.take_in(session_in(Phase.RUNNING))
    quick = await desk.take_in(pending_session("01hf000000000000000000000b"))
    gate, before = asyncio.Event(), desk.reactor._judge

    async def judge(session_id: SessionId, fact: Fact) -> Session:
        if session_id == slow:
            await gate.wait()
        return await before(session_id, fact)

    monkeypatch.setattr(desk.reactor, "_judge", judge)
    desk.reactor.post(slow, TerminateRequested())
    assert (await desk.reactor.submit(quick, QueueMoved(4))).queue_position == 4
    assert desk.directory.get(slow).phase is Phase.RUNNING
    gate.set()
    await until(lambda: desk.directory.get(slow).phase is Phase.TERMINATING)


async def test_a_wish_that_cannot_be_stored_did_not_happen(desk: Desk) -> None:
    """submit() raises StoreError, nothing is changed or told, and the next one succeeds."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.database.failures = 1
    with pytest.raises(StoreError):
        await desk.reactor.submit(session_id, TerminateRequested())
    assert desk.directory.get(session_id).phase is Phase.RUNNING
    assert desk.observed.decisions == []
    assert (await desk.stored())[session_id].phase is Phase.RUNNING
    assert (await desk.reactor.submit(session_id, TerminateRequested())).version == 2


async def test_a_posted_fact_is_retried_in_its_place(desk: Desk) -> None:
    """What the engine says is not lost to a full disk, and nothing overtakes it meanwhile."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.database.failures = 3
    desk.reactor.post(session_id, AgentTitle(1, "first"))
    desk.reactor.post(session_id, AgentTitle(2, "second"))
    await until(lambda: len(desk.observed.decisions) == 2)
    assert [session.title for session in desk.observed.sessions] == ["first", "second"]
    assert desk.database.failures == 0


async def test_a_fact_without_consequence_commits_nothing(desk: Desk) -> None:
    """What changes nothing costs no transaction and is told to nobody."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.database.failures = 1
    unchanged = await desk.reactor.submit(session_id, QueueMoved(3))
    assert unchanged == desk.directory.get(session_id)
    assert desk.observed.decisions == []


@pytest.mark.parametrize("where", ["decide", "commit", "observer"])
async def test_a_crash_stays_with_its_fact(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A defect is answered to whoever submitted the fact; the worker takes the next one."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))

    def crash(*_arguments: object) -> Decision:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        if where == "decide":
            broken.setattr(worker, "decide", crash)
        elif where == "commit":
            broken.setattr(worker, "commit_change", crash)
        else:
            broken.setattr(desk.reactor, "_observer", None)
            broken.setattr(Observed, "committed", crash)
            desk.reactor.observe(desk.observed)
        desk.reactor.post(session_id, AgentTitle(1, "posted"))
        with pytest.raises(ZeroDivisionError):
            await desk.reactor.submit(session_id, AgentHeartbeat(2, Usage(1, 1.0, 1)))
    answered = await desk.reactor.submit(session_id, AgentTitle(3, "after"))
    assert answered.title == "after"
    assert (await desk.stored())[session_id] == answered


async def test_a_purged_session_is_forgotten(desk: Desk) -> None:
    """It is gone from directory and store; what is posted to it later goes nowhere."""
    session_id = await desk.take_in(session_in(Phase.ENDED))
    late = [
        asyncio.ensure_future(desk.reactor.submit(session_id, fact))
        for fact in (PurgeRequested(), AgentReady(9))
    ]
    done = await asyncio.gather(*late, return_exceptions=True)
    assert isinstance(done[1], SessionNotFoundError)
    assert desk.directory.find(session_id) is None
    assert await desk.stored() == {}
    with pytest.raises(SessionNotFoundError):
        await desk.reactor.submit(session_id, PurgeRequested())
    desk.reactor.post(session_id, AgentReady(10))
    await settled()
    (told,) = desk.observed.decisions
    assert told[1] is not None
    assert told[1].kind is EventKind.DELETE


async def test_a_caller_who_leaves_takes_nothing_along(desk: Desk, tasks: Tasks) -> None:
    """A submitted fact is judged even if nobody waits for the answer any more."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    waiting = asyncio.ensure_future(desk.reactor.submit(session_id, TerminateRequested()))
    await asyncio.sleep(0)
    waiting.cancel()
    await until(lambda: desk.directory.get(session_id).phase is Phase.TERMINATING)
    await until(lambda: not tasks.running)


async def test_a_revision_is_taken_in_its_place(desk: Desk) -> None:
    """After what was posted before; it is a change like any other, with a version above."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.reactor.post(session_id, AgentTitle(1, "before"))
    revised = await desk.reactor.revise(
        session_id, lambda session: replace(session or SESSION, message="was wrong")
    )
    assert (revised.title, revised.message, revised.version) == ("before", "was wrong", 3)
    assert (await desk.stored())[session_id] == revised == desk.directory.get(session_id)
    assert desk.observed.sessions[-1] == revised
    told = len(desk.observed.decisions)
    assert await desk.reactor.revise(session_id, lambda session: session or SESSION) == revised
    assert len(desk.observed.decisions) == told


async def test_a_session_is_put_back(desk: Desk) -> None:
    """One that nobody knows is in directory and store afterwards, and is told of."""
    put_back = await desk.reactor.revise(SESSION.id, lambda before: before or SESSION)
    assert put_back == SESSION == desk.directory.get(SESSION.id)
    assert (await desk.stored())[SESSION.id] == SESSION
    assert desk.observed.sessions == [SESSION]
    desk.database.failures = 1
    with pytest.raises(StoreError):
        await desk.reactor.revise(SESSION.id, lambda _: replace(SESSION, title="never"))
    desk.database.failures = 2
    desk.reactor.post_revision(SESSION.id, lambda _: replace(SESSION, title="at last"))
    await until(lambda: desk.directory.get(SESSION.id).title == "at last")


async def test_a_full_disk_is_not_filled_by_complaints(desk: Desk) -> None:
    """A line when it begins and one when it is over, however many sessions try how often."""
    ids = [
        await desk.take_in(pending_session(f"01hf00000000000000000000{number:02d}"))
        for number in range(20)
    ]
    with structlog.testing.capture_logs() as lines:
        desk.database.failures = 200
        for session_id in ids:
            desk.reactor.post(session_id, QueueMoved(7))
        await until(lambda: len(desk.observed.decisions) == 20)
    told = [(line["event"], line["failures"]) for line in lines if "failures" in line]
    assert told == [("commit_failed", 1), ("commits_resumed", 200)]


async def test_what_is_told_again_and_again_waits_once(desk: Desk) -> None:
    """An outage of hours does not fill the mailboxes; what differs is kept, in order."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.database.failures = 1_000_000
    desk.reactor.post(session_id, AgentTitle(1, "stuck"))
    await settled()
    for at in range(100):
        desk.reactor.post(session_id, InputSeen(NOW + at))
        desk.reactor.post(session_id, DeadlinePassed(DeadlineName.IDLE, NOW))
        desk.reactor.post(session_id, DeadlinePassed(DeadlineName.LIFETIME, NOW))
        desk.reactor.post(session_id, ContainerListed(CONTAINER, ContainerStatus.RUNNING))
    desk.reactor.post(session_id, AgentTitle(2, "second"))
    desk.reactor.post(session_id, AgentTitle(3, "third"))
    assert [letter.news for letter in desk.reactor._mailboxes[session_id]] == [
        AgentTitle(1, "stuck"),
        InputSeen(NOW + 99),
        DeadlinePassed(DeadlineName.IDLE, NOW),
        DeadlinePassed(DeadlineName.LIFETIME, NOW),
        ContainerListed(CONTAINER, ContainerStatus.RUNNING),
        AgentTitle(2, "second"),
        AgentTitle(3, "third"),
    ]
    desk.database.failures = 0
    await until(lambda: desk.directory.get(session_id).title == "third")


async def test_draining_finishes_what_is_in_the_mailboxes(desk: Desk, tasks: Tasks) -> None:
    """What was delivered is committed, nothing more is taken in, and no worker is left."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    for seq in range(1, 21):
        desk.reactor.post(session_id, AgentTitle(seq, str(seq)))
    assert await desk.reactor.drain(10)
    assert desk.directory.get(session_id).title == "20"
    desk.reactor.post(session_id, AgentTitle(21, "late"))
    with pytest.raises(UnavailableError):
        await desk.reactor.submit(session_id, TerminateRequested())
    await settled()
    assert desk.directory.get(session_id).title == "20"
    assert not tasks.running


async def test_draining_has_a_deadline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that hangs does not hold the daemon for ever."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))

    async def hang(*_arguments: object) -> Session:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(desk.reactor, "_judge", hang)
    desk.reactor.post(session_id, TerminateRequested())
    assert not await desk.reactor.drain(0.01)


async def test_a_full_disk_does_not_hold_up_the_end(desk: Desk) -> None:
    """While draining, a posted fact that cannot be committed is given up: adoption will see it."""
    session_id = await desk.take_in(session_in(Phase.RUNNING))
    desk.database.failures = 1_000_000
    desk.reactor.post(session_id, TerminateRequested())
    assert await desk.reactor.drain(10)
    assert desk.directory.get(session_id).phase is Phase.RUNNING

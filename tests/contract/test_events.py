"""What every engine tells of containers, and what happens when it stops telling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from supervisor.engine import labels
from supervisor.engine.base import EngineEvent, EngineEventKind
from supervisor.errors import EngineUnreachableError
from supervisor.lifecycle.session import SessionId
from tests.contract.conftest import EXIT_3, IDS, Subject, specification

SECONDS = 20.0


async def read_until(
    events: AsyncIterator[EngineEvent], kind: EngineEventKind
) -> list[EngineEvent]:
    """Everything up to the first event of this kind."""
    read: list[EngineEvent] = []
    async with asyncio.timeout(SECONDS):
        while not read or read[-1].kind is not kind:
            read.append(await anext(events))
    return read


async def test_a_containers_life(subject: Subject, session_id: SessionId, began_at: float) -> None:
    """An auto-removed container starts, dies with its exit code, and is destroyed: in order."""
    async with subject.engine.watch(began_at) as events:
        container_id = await subject.engine.launch(
            session_id, specification(subject, session_id, entrypoint=EXIT_3)
        )
        read = await read_until(events, EngineEventKind.DESTROY)
    assert [event.kind for event in read] == [
        EngineEventKind.START,
        EngineEventKind.DIE,
        EngineEventKind.DESTROY,
    ]
    assert {(event.session_id, event.container_id) for event in read} == {
        (session_id, container_id)
    }
    assert [event.exit_code for event in read] == [None, 3, None]
    stamps = [event.at_nanoseconds for event in read]
    assert stamps == sorted(stamps)
    assert stamps[0] >= began_at * 1e9 - 1e6


async def test_a_removal_from_outside(
    subject: Subject, session_id: SessionId, began_at: float
) -> None:
    """Whoever removes a container, its end is told: killed, then destroyed."""
    async with subject.engine.watch(began_at) as events:
        await subject.engine.launch(session_id, specification(subject, session_id))
        await subject.kill_outside(session_id)
        read = await read_until(events, EngineEventKind.DESTROY)
    assert [(event.kind, event.exit_code) for event in read] == [
        (EngineEventKind.START, None),
        (EngineEventKind.DIE, 137),
        (EngineEventKind.DESTROY, None),
    ]


async def test_since_replays(subject: Subject, session_id: SessionId, began_at: float) -> None:
    """A stream that begins in the past starts with what happened since, and goes on from there."""
    await subject.engine.launch(session_id, specification(subject, session_id))
    async with subject.engine.watch(began_at) as events:
        (start,) = await read_until(events, EngineEventKind.START)
        await subject.engine.remove(session_id)
        read = await read_until(events, EngineEventKind.DESTROY)
    assert [event.kind for event in read] == [EngineEventKind.DIE, EngineEventKind.DESTROY]
    async with subject.engine.watch(start.at_nanoseconds / 1e9) as events:
        again = await read_until(events, EngineEventKind.DESTROY)
    assert again[-2:] == read


async def test_only_ours_are_told(subject: Subject, session_id: SessionId, began_at: float) -> None:
    """Another owner's containers make no events here."""
    other, theirs = f"{subject.owner}-other", IDS.next()
    spec = specification(subject, theirs, labels={labels.OWNER: other, labels.SESSION: theirs})
    async with subject.engine.watch(began_at) as events:
        await subject.engine_of(other).launch(theirs, spec)
        await subject.engine.launch(session_id, specification(subject, session_id))
        (first,) = await read_until(events, EngineEventKind.START)
    assert first.session_id == session_id


async def test_the_stream_ends_with_the_engine(
    subject: Subject, session_id: SessionId, began_at: float
) -> None:
    """A broken stream ends or says that the engine is gone; it never just falls silent."""
    async with subject.engine.watch(began_at) as events:
        await subject.engine.launch(session_id, specification(subject, session_id))
        await read_until(events, EngineEventKind.START)
        await subject.go_away()
        async with asyncio.timeout(SECONDS):
            try:
                rest = [event async for event in events]
            except EngineUnreachableError:
                rest = []
    assert rest == []
    await subject.come_back()
    async with subject.engine.watch(began_at) as events:
        assert (await read_until(events, EngineEventKind.START))[-1].session_id == session_id


async def test_a_reader_may_leave(subject: Subject, session_id: SessionId, began_at: float) -> None:
    """A stream can be left while it is being waited for, and another one opened."""
    async with subject.engine.watch(began_at) as events:
        waiting = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with subject.engine.watch(began_at) as events:
        await subject.engine.launch(session_id, specification(subject, session_id))
        await read_until(events, EngineEventKind.START)

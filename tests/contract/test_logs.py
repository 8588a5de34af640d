"""What every engine tells of what containers have printed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from supervisor.errors import EngineError, EngineUnreachableError, LogUnavailableError
from supervisor.lifecycle.session import SessionId
from tests.contract.conftest import EXIT_3, TALK, WAIT, Subject, specification

ALL = {b"one", b"two", b"three"}


async def read(subject: Subject, session_id: SessionId, tail: int | None = None) -> bytes:
    """What there is at present."""
    async with subject.engine.read_log(session_id, tail=tail, follow=False) as pieces:
        return b"".join([piece async for piece in pieces])


async def launch_talking(
    subject: Subject,
    session_id: SessionId,
    **changes: Any,  # noqa: ANN401 fields have types of their own
) -> None:
    """Launch a container that has said all it has to say when this returns."""
    spec = specification(subject, session_id, entrypoint=TALK, **changes)
    await subject.engine.launch(session_id, spec)
    async with asyncio.timeout(10):
        while len((await read(subject, session_id)).splitlines()) < len(ALL):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("tty", [False, True])
async def test_both_outputs_are_read(subject: Subject, session_id: SessionId, *, tty: bool) -> None:
    """What was printed and nothing else, with or without a terminal; again the same."""
    await launch_talking(subject, session_id, tty=tty)
    for _ in range(2):
        assert set((await read(subject, session_id)).splitlines()) == ALL


async def test_the_last_lines_can_be_asked_for(subject: Subject, session_id: SessionId) -> None:
    """So many, or none at all."""
    await launch_talking(subject, session_id)
    assert len((await read(subject, session_id, 2)).splitlines()) == 2
    assert await read(subject, session_id, 0) == b""
    assert len((await read(subject, session_id, 99)).splitlines()) == len(ALL)


async def test_following_ends_with_the_container(subject: Subject, session_id: SessionId) -> None:
    """What is there comes at once; then the reader waits, and is let go at the end."""
    await launch_talking(subject, session_id)
    seen = b""
    async with asyncio.timeout(20):
        async with subject.engine.read_log(session_id, tail=None, follow=True) as pieces:
            while len(seen.splitlines()) < len(ALL):
                seen += await anext(pieces)
            await subject.engine.remove(session_id)
            seen += b"".join([piece async for piece in pieces])
    assert set(seen.splitlines()) == ALL


async def test_a_silent_container_can_be_followed(subject: Subject, session_id: SessionId) -> None:
    """Nothing has to come for it; the reader may leave whenever it likes."""
    await launch_talking(subject, session_id)
    async with asyncio.timeout(20):
        async with subject.engine.read_log(session_id, tail=0, follow=True) as pieces:
            waiting = asyncio.ensure_future(anext(pieces))
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            assert not done
            waiting.cancel()
            await asyncio.wait({waiting})
    assert await read(subject, session_id, 1)


async def test_a_broken_connection_is_no_end(subject: Subject, session_id: SessionId) -> None:
    """Whoever follows is told that the engine went, not that the container did."""
    await launch_talking(subject, session_id)
    async with asyncio.timeout(20):
        async with subject.engine.read_log(session_id, tail=0, follow=True) as pieces:
            waiting = asyncio.ensure_future(anext(pieces))
            await asyncio.sleep(0)
            await subject.go_away()
            with pytest.raises(EngineUnreachableError):
                await waiting
    await subject.come_back()


async def test_no_container_has_no_log(subject: Subject, session_id: SessionId) -> None:
    """404: never there, gone, or another owner's."""
    for engine in (subject.engine, subject.engine_of(f"{subject.owner}-other")):
        with pytest.raises(EngineError) as refusal:
            async with engine.read_log(session_id, tail=None, follow=True):
                pass
        assert refusal.value.status == 404
        await subject.engine.launch(session_id, specification(subject, session_id, entrypoint=WAIT))


async def test_a_driver_that_cannot_be_read(subject: Subject, session_id: SessionId) -> None:
    """Has an error of its own, whether followed or not."""
    spec = specification(subject, session_id, entrypoint=WAIT, log_driver="none")
    await subject.engine.launch(session_id, spec)
    for follow in (False, True):
        with pytest.raises(LogUnavailableError):
            async with subject.engine.read_log(session_id, tail=1, follow=follow):
                pass


async def test_what_has_exited_can_still_be_read(subject: Subject, session_id: SessionId) -> None:
    """As long as the engine keeps it; following it ends at once."""
    raw = {"AutoRemove": False}
    spec = specification(subject, session_id, entrypoint=EXIT_3, raw_host_config=raw)
    await subject.engine.launch(session_id, spec)
    async with asyncio.timeout(20):
        async with subject.engine.read_log(session_id, tail=None, follow=True) as pieces:
            assert [piece async for piece in pieces] == []

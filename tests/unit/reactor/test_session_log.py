"""Where a session's log comes from, in each part of its life."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.errors import EngineUnreachableError, LogUnavailableError
from supervisor.lifecycle.errors import SessionNotFoundError
from supervisor.lifecycle.facts import CommandExited
from supervisor.lifecycle.session import Phase, SessionId
from tests.support.turning import settled, until
from tests.unit.reactor.life import TEMPLATE, Life


async def read(life: Life, session_id: str, tail: int | None = None, *, follow: bool) -> bytes:
    """All that is handed out, in time."""
    async with (
        asyncio.timeout(10),
        life.core.logs.open(session_id, tail=tail, follow=follow) as pieces,
    ):
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("follow", [False, True])
async def test_a_living_session_has_the_log_of_its_container(life: Life, *, follow: bool) -> None:
    """What it has printed; followed, also what it will have printed at the end."""
    session = await life.run()
    log = life.engine.container(session.id).log
    log.print(b"one\ntwo\n")
    reading = asyncio.create_task(read(life, session.id, 1, follow=follow))
    await settled()
    log.print(b"three\n")
    life.engine.exit(session.id)
    assert await reading == (b"two\nthree\n" if follow else b"two\n")


@pytest.mark.parametrize("follow", [False, True])
async def test_a_session_that_is_over_has_what_its_agent_reported(
    life: Life, *, follow: bool
) -> None:
    """Its last lines, also before the engine's news of the end is here."""
    session = await life.run()
    await life.core.sessions.submit(session.id, CommandExited(3, 0, "one\ntwo\n"))
    with life.engine.host.dropped_events():
        life.engine.exit(session.id)
    assert life.session(session.id).phase is Phase.TERMINATING
    assert await read(life, session.id, follow=follow) == b"one\ntwo\n"
    life.engine.host.break_streams()
    await life.reaches(session.id, Phase.ENDED)
    assert await read(life, session.id, 1, follow=follow) == b"two\n"
    assert await read(life, session.id, 0, follow=follow) == b""


async def test_a_session_without_a_container_has_printed_nothing(life: Life) -> None:
    """Neither before it has one nor when it never got one."""
    gate = life.engine.hold("find_image")
    session = await life.start()
    assert await read(life, session.id, follow=False) == b""
    following = asyncio.create_task(read(life, session.id, follow=True))
    await settled()
    assert not following.done()
    await life.core.sessions.purge(session.id)
    assert await following == b""
    gate.release()


async def test_a_session_that_only_begins_is_followed_from_its_beginning(life: Life) -> None:
    """The reader waits for the container, whatever else happens meanwhile."""
    gate = life.engine.hold("find_image")
    session = await life.start()
    following = asyncio.create_task(read(life, session.id, 1, follow=True))
    await settled()
    life.core.broadcast._buffer_items = 1
    for _ in range(3):
        await life.start()
    gate.release()
    await life.launched(session.id)
    log = life.engine.container(session.id).log
    log.print(b"one\n")
    await until(lambda: bool(log._readers))
    log.print(b"two\n")
    life.engine.exit(session.id)
    assert await following == b"one\ntwo\n"


async def test_what_the_engine_has_lost_of_the_end_is_made_up_for(life: Life) -> None:
    """The agent has reported it, be that before or after the log of the container ended."""
    for early in (True, False):
        session = await life.run()
        log = life.engine.container(session.id).log
        log.print(b"one\ntwo\n")
        following = asyncio.create_task(read(life, session.id, 1, follow=True))
        await until(lambda: bool(log._readers))  # noqa: B023 awaited in this turn
        report = CommandExited(3, 0, "one\ntwo\nthree\n")
        if early:
            await life.core.sessions.submit(session.id, report)
            life.engine.exit(session.id)
        else:
            log.end()
            await settled()
            assert not following.done()
            await life.core.sessions.submit(session.id, report)
        assert await following == b"two\nthree\n"


async def test_a_report_that_does_not_come_is_not_waited_for(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log ends without it."""
    monkeypatch.setattr("supervisor.reactor.session_log.REPORT_SECONDS", 0.05)
    session = await life.run()
    life.engine.container(session.id).log.end()
    assert await read(life, session.id, follow=True) == b""


async def test_what_cannot_be_read_is_said_at_once(life: Life) -> None:
    """Unknown sessions, drivers that keep nothing, an engine that is away."""
    with pytest.raises(SessionNotFoundError):
        await read(life, SessionId("none"), follow=True)
    life.house.write_template("docker", f"{TEMPLATE}logging: {{driver: none}}\n")
    silent = await life.run()
    with pytest.raises(LogUnavailableError):
        await read(life, silent.id, follow=False)
    life.engine.go_away()
    with pytest.raises(EngineUnreachableError):
        await read(life, silent.id, follow=False)
    life.engine.come_back()

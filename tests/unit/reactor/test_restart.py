"""Several lives of the daemon on one database: what runs is taken over, what broke is mended."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from supervisor.errors import EngineDeniedError
from supervisor.host.session_files import SessionFiles
from supervisor.lifecycle.facts import AgentReady, AgentTitle, PurgeRequested, TerminateRequested
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, SessionId
from supervisor.store.sessions import load_sessions
from tests.support.turning import settled, until
from tests.unit.reactor.life import TEMPLATE, House, Life, stored

ORPHAN = SessionId("01hf000000000000000000000z")


async def test_running_sessions_are_adopted(house: House) -> None:
    """A restart is not noticed: same container, same token, same session, and it goes on."""
    async with house.life() as life:
        await life.ready()
        before = await life.run()
    container = house.engine.container(before.id)
    async with house.life() as life:
        assert life.core.directory.find_by_token_hash(life.token_hash(before.id)) == before.id
        await life.ready()
        await settled()
        assert life.session(before.id) == before
        assert house.engine.container(before.id) is container
        after = await life.core.sessions.submit(before.id, AgentTitle(3, "still here"))
        assert after.title == "still here"
    assert house.engine.calls.count("launch") == 1


async def test_the_feed_goes_on(house: House) -> None:
    """Numbers only grow across lives, and what happened before the restart can be replayed."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        latest = life.core.feed.latest()
    async with house.life() as life:
        await life.ready()
        begun = life.core.feed.latest()
        assert begun > latest
        await life.core.sessions.submit(session.id, AgentTitle(3, "new"))
        items = await life.core.feed.replay(latest - 1)
        assert [item.seq for item in items] == [latest, begun + 1]
        for never_given in (latest + 1, begun - 1, begun + 2):
            with pytest.raises(FeedGapError):
                await life.core.feed.replay(never_given)


async def test_what_ended_meanwhile_has_ended(house: House) -> None:
    """A container that went while nobody watched is missed at the next start."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
    house.engine.exit(session.id, 3)
    async with house.life() as life:
        await life.ready()
        assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.CONTAINER_GONE
        await until(lambda: not house.files.path(session.id).exists())


async def test_an_unanswering_engine_kills_nobody(house: House) -> None:
    """While the engine cannot be asked after a start, nothing is concluded from that."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
    house.engine.go_away()
    async with house.life() as life:
        await until(lambda: house.engine.calls.count("list_containers") > 4)
        covered = life.session(session.id)
        assert (covered.phase, covered.known_phase) == (Phase.UNKNOWN, Phase.RUNNING)
        assert not life.core.health.ready()[0]
        house.engine.come_back()
        await life.ready()
        await life.reaches(session.id, Phase.RUNNING)


async def crashed_in(life: Life) -> SessionId:
    """A daemon that dies when it has committed that a container is to be started."""
    await life.ready()
    gate = life.engine.hold("launch")
    session = await life.start()
    await gate.entered.wait()
    await life.crash()
    gate.release()
    return session.id


async def test_a_crash_between_commit_and_launch(house: House) -> None:
    """What was decided and not done is done by the next life."""
    async with house.life() as life:
        session_id = await crashed_in(life)
    assert house.engine.host.containers == {}
    async with house.life() as life:
        session = await life.launched(session_id)
        assert session.container_id == house.engine.container(session_id).container_id
        assert life.core.directory.find_by_token_hash(life.token_hash(session_id)) == session_id
        await life.core.sessions.submit(session_id, AgentReady(1))
    assert len(house.engine.host.containers) == 1


async def test_a_launch_that_the_engine_comes_to_late(house: House) -> None:
    """Its agent may have read its token when the next life prepares the session: it stays good."""
    async with house.life() as life:
        session_id = await crashed_in(life)
        token = life.token_hash(session_id)
    async with house.life() as life:
        await life.launched(session_id)
        assert life.core.directory.find_by_token_hash(token) == session_id
        assert life.token_hash(session_id) == token


async def test_a_token_that_is_not_known_is_replaced(house: House) -> None:
    """What stands in the session's files is good only if the store says so."""
    async with house.life() as life:
        session_id = await crashed_in(life)
        token = life.token_hash(session_id)
    document = house.files.path(session_id) / "session.json"
    document.write_text(document.read_text().replace('"token":', '"token": "x", "was":'))
    async with house.life() as life:
        await life.launched(session_id)
        known = life.session(session_id).token_hash
        assert known == life.token_hash(session_id)
        assert known not in (token, hashlib.sha256(b"x").hexdigest())


async def test_a_crash_after_the_launch(house: House) -> None:
    """A container that was started and never recorded is found by its label, its token valid."""
    async with house.life() as life:
        await life.ready()
        gate = house.engine.hold("launch", after_work=True)
        session_id = (await life.start()).id
        await gate.entered.wait()
        with house.engine.host.dropped_events():
            await life.crash()
        token = life.token_hash(session_id)
    gate.release()
    async with house.life() as life:
        await life.launched(session_id)
        await settled()
        assert life.core.directory.find_by_token_hash(token) == session_id
        assert life.token_hash(session_id) == token
    assert house.engine.calls.count("launch") == 1


async def test_a_crash_between_commit_and_removal(house: House) -> None:
    """A session that was to be ended is ended by the next life."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        gate = house.engine.hold("stop")
        await life.core.sessions.submit(session.id, TerminateRequested())
        await gate.entered.wait()
        await life.crash()
        gate.release()
    async with house.life() as life:
        assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.TERMINATED
    assert house.engine.host.containers == {}


async def test_a_crash_between_commit_and_purge(house: House) -> None:
    """A session that was to be forgotten is forgotten by the next life, container and all."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        gate = house.engine.hold("remove")
        await life.core.sessions.submit(session.id, PurgeRequested())
        await gate.entered.wait()
        await life.crash()
        gate.release()
    async with house.life() as life:
        await until(lambda: life.core.directory.find(session.id) is None)
        assert life.core.feed.snapshot() == ()
    assert house.engine.host.containers == {}


async def test_pending_sessions_start_after_a_restart(house: House) -> None:
    """An accepted session is durable: it is started by the next life, with one token."""
    async with house.life() as life:
        await life.ready()
        gate = house.engine.hold("find_image")
        session = await life.start()
        await gate.entered.wait()
        await life.crash()
        gate.release()
    database = await stored(house.directory)
    (before,), _ = await database.run(load_sessions)
    await database.close()
    assert before.id == session.id
    async with house.life() as life:
        await life.launched(session.id)
        assert life.core.directory.find_by_token_hash(life.token_hash(session.id)) == session.id


async def test_adoption_starts_nothing_twice(house: House) -> None:
    """A pending session's start does not begin before adoption has seen what there is.

    Otherwise it would be taken for a start that was cut short, and its agent's token replaced.
    """
    async with house.life() as life:
        await life.ready()
        none = replace(house.limits, concurrent_starts=0)
        life.core._admission._limits = lambda: none
        session = await life.start()
        assert life.session(session.id).phase is Phase.PENDING
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        await settled(500)
        listing.release()
        await life.ready()
        await life.launched(session.id)
        token = life.token_hash(session.id)
        await settled(500)
        assert life.token_hash(session.id) == token
        assert life.core.directory.find_by_token_hash(token) == session.id
    assert house.engine.calls.count("find_image") == 1


async def test_leftover_files_are_removed(house: House) -> None:
    """Files of sessions that are over or unknown go; those of running ones stay."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        house.files.write(ORPHAN, SessionFiles("", "", "{}"))
    async with house.life() as life:
        await life.ready()
        assert list(house.files.session_ids()) == [session.id]


async def test_a_refused_adoption_is_no_end(house: House) -> None:
    """A session that cannot be told of its container, for want of disk, is told later."""
    house.relist_seconds = 0.02
    async with house.life() as life:
        await life.ready()
        lost, kept = await life.run(), await life.run()
    house.engine.exit(lost.id)
    async with house.life() as life:
        life.database.failures = 5
        await life.ready()
        assert (await life.reaches(lost.id, Phase.ENDED)).reason is Reason.CONTAINER_GONE
        assert life.session(kept.id).phase is Phase.RUNNING


async def test_a_socket_that_is_not_ours_ends_the_daemon(house: House) -> None:
    """At start, a denied engine is an error of the installation: waiting would not mend it."""
    house.engine.go_away(EngineDeniedError)
    life = Life(house)
    await life.begin()
    await until(lambda: bool(life.tasks.crashes))
    assert isinstance(life.tasks.crashes[0], EngineDeniedError)
    await life.end()


async def test_limits_wait_for_adoption(house: House) -> None:
    """An agent that is heard first does not end a session whose limits are to begin anew."""
    house.write_template("docker", TEMPLATE.replace("60s,", "60s, idle_timeout: 60s,"))
    async with house.life() as life:
        await life.ready()
        session = await life.run()
    house.clock.at += 3600
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        await life.core.sessions.submit(session.id, AgentTitle(3, "early"))
        await settled()
        listing.release()
        await life.ready()
        await settled()
        adopted = life.session(session.id)
        assert (adopted.phase, adopted.reason) == (Phase.RUNNING, None)
        assert adopted.deadlines == {DeadlineName.IDLE: house.clock.at + 60}

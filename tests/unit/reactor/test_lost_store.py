"""The store is lost between two lives: what runs is known again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.errors import SessionNotFoundError, UnavailableError
from supervisor.lifecycle.facts import AgentTitle, TerminateRequested
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import DeadlineName, Phase, Reason
from tests.support.turning import settled, until
from tests.unit.reactor.life import House, ran

LIMITED = """
image: fx-any:image
command: xterm
session: {idle_timeout: 600s, lifetime: 8h}
"""


async def test_a_lost_store_is_not_noticed_by_a_session(house: House) -> None:
    """Same container, token and parameters; its agent is taken up, viewers are, and it ends."""
    house.write_template("docker", LIMITED)
    before = await ran(house)
    container = house.engine.container(before.id)
    house.lose_store()
    house.clock.at += 1000
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert house.engine.container(before.id) is container
        assert after.phase is Phase.RUNNING
        same = ("user", "name", "template", "image", "command", "params", "rules", "spec", "node")
        for field in (*same, "created_at", "container_id", "token_hash", "image_id", "message"):
            assert getattr(after, field) == getattr(before, field), field
        assert after.version > before.version
        assert after.deadlines[DeadlineName.LIFETIME] == before.deadlines[DeadlineName.LIFETIME]
        assert after.deadlines[DeadlineName.IDLE] == house.clock.at + 600
        assert life.core.sessions.find_by_token_hash(life.token_hash(before.id)) == before.id
        assert life.core.sessions.knows_every_token()
        await settled()
        assert (await life.core.sessions.submit(before.id, AgentTitle(3, "a"))).title == "a"
        await life.core.sessions.submit(before.id, TerminateRequested())
        await life.reaches(before.id, Phase.ENDED)
        await until(lambda: not house.files.path(before.id).exists())
    assert house.engine.calls.count("launch") == 1


async def test_readers_of_the_lost_store_start_over(house: House) -> None:
    """Their numbers are below every new one and replay nothing; what was put back is an update."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        latest = life.core.feed.latest()
    house.lose_store()
    house.clock.at += 10
    async with house.life() as life:
        with life.core.feed.subscribe() as items:
            await life.ready()
            item = await anext(items)
        assert item.seq > latest
        assert (item.kind, item.session_id) == (EventKind.UPDATE, session.id)
        assert json.loads(item.data)["phase"] == "running"
        for number in (latest, latest - 1, 1):
            with pytest.raises(FeedGapError):
                await life.core.feed.replay(number)


async def test_nothing_is_told_to_be_gone_before_adoption(house: House) -> None:
    """What is not known may run: no list without it, no snapshot, no 404."""
    session = await ran(house)
    house.lose_store()
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        sessions = life.core.sessions
        with pytest.raises(UnavailableError, match="is new, or was lost"):
            sessions.list(user=None, phase=None, limit=10, cursor=None)
        with pytest.raises(UnavailableError):
            sessions.get(session.id)
        with pytest.raises(UnavailableError):
            await sessions.submit(session.id, TerminateRequested())
        with pytest.raises(UnavailableError):
            life.core.feed.require_complete()
        listing.release()
        await life.ready()
        assert sessions.get(session.id).phase is Phase.RUNNING
        assert len(sessions.list(user=None, phase=None, limit=10, cursor=None).sessions) == 1
        life.core.feed.require_complete()
        with pytest.raises(SessionNotFoundError):
            sessions.get("01hf0000000000000000000000")


async def test_no_token_is_wrong_before_adoption(house: House) -> None:
    """An agent that calls early is not told that its session is unknown, for it would end it."""
    session = await ran(house)
    house.lose_store()
    listing = house.engine.hold("list_containers", after_work=True)
    async with house.life() as life:
        await listing.entered.wait()
        assert life.core.sessions.find_by_token_hash(life.token_hash(session.id)) is None
        assert not life.core.sessions.knows_every_token()
        listing.release()
        await life.ready()
        assert life.core.sessions.knows_every_token()


async def test_a_frozen_container_is_a_suspended_session(house: House) -> None:
    """Its agent says nothing, and it is not taken for one that runs."""
    before = await ran(house)
    house.engine.host.freeze(house.engine.container(before.id), frozen=True)
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        assert life.session(before.id).phase is Phase.SUSPENDED


async def test_what_ended_meanwhile_is_told(house: House) -> None:
    """A record without a container is a session that is over; its files go."""
    before = await ran(house)
    house.engine.exit(before.id, 3)
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        ended = await life.reaches(before.id, Phase.ENDED)
        assert (ended.reason, ended.user) == (Reason.CONTAINER_GONE, "alice")
        await until(lambda: not house.files.path(before.id).exists())
    assert house.engine.calls.count("launch") == 1


async def test_an_exited_container_ends_its_session(house: House) -> None:
    """One that was kept by its template is seen, told with its exit code, and removed."""
    before = await ran(house)
    container = house.engine.container(before.id)
    container.spec = replace(container.spec, raw_host_config={"AutoRemove": False})
    house.engine.exit(before.id, 3)
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        ended = await life.reaches(before.id, Phase.ENDED)
        assert (ended.reason, ended.exit_code) == (Reason.CONTAINER_DIED, 3)
    assert house.engine.host.containers == {}


async def test_a_store_is_lost_until_what_runs_is_in_it(house: House) -> None:
    """A life that ends before its first listing leaves the next one to do it."""
    before = await ran(house)
    shutil.rmtree(house.files.path(before.id))
    house.lose_store()
    listing = house.engine.hold("list_containers")
    async with house.life() as life:
        await listing.entered.wait()
        await life.crash()
    listing.release()
    async with house.life() as life:
        await life.ready()
        assert life.session(before.id).phase is Phase.RUNNING
    async with house.life() as life:
        await life.ready()
        assert life.session(before.id).phase is Phase.RUNNING

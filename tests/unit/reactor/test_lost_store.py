"""The store is lost, or goes back in time, between two lives: what runs is known again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from supervisor.engine import labels
from supervisor.engine.base import container_name
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import AgentReady, AgentStarted, AgentTitle, TerminateRequested
from supervisor.lifecycle.feed import FeedGapError
from supervisor.lifecycle.session import DeadlineName, Phase, Reason, Session, SessionId
from supervisor.store.sessions import load_sessions
from supervisor.template.spec import ContainerSpec
from tests.support.turning import settled, until
from tests.unit.reactor.life import IMAGE, House, Life, stored


async def ran(house: House) -> Session:
    """A session that a life has left running."""
    async with house.life() as life:
        await life.ready()
        return await life.run()


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


LIMITED = """
image: fx-any:image
command: xterm
session: {idle_timeout: 600s, lifetime: 8h}
"""


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


async def test_a_session_without_its_record(house: House) -> None:
    """What its agent was told and its labels say is enough to go on, and to end in order."""
    before = await ran(house)
    (house.files.path(before.id) / "record.json").unlink()
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert after.phase is Phase.RUNNING
        for field in ("user", "name", "template", "image", "command", "geometry", "dpi"):
            assert getattr(after, field) == getattr(before, field), field
        for field in ("container_id", "token_hash", "image_id", "node"):
            assert getattr(after, field) == getattr(before, field), field
        assert after.rules.stop_grace_seconds == before.rules.stop_grace_seconds != 10
        assert "database was lost" in after.message
        await life.core.sessions.submit(before.id, TerminateRequested())
        assert (await life.reaches(before.id, Phase.ENDED)).reason is Reason.TERMINATED
    assert house.engine.calls.count("stop") == 1


async def test_a_session_with_nothing_but_its_labels(house: House) -> None:
    """It runs on, says what is the matter, and no token is called wrong while it does."""
    before = await ran(house)
    shutil.rmtree(house.files.path(before.id))
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert (after.phase, after.user, after.template) == (Phase.RUNNING, "alice", "docker")
        assert after.container_id == before.container_id
        assert "display cannot be connected" in after.message
        assert not life.core.sessions.knows_every_token()
        await life.core.sessions.submit(before.id, TerminateRequested())
        await life.reaches(before.id, Phase.ENDED)
        assert life.core.sessions.knows_every_token()


@pytest.mark.parametrize("file", ["record.json", "session.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"session": 3}', "\udcff", "[" * 100_000])
async def test_files_that_cannot_be_read(house: House, file: str, text: str) -> None:
    """What is left of the other file and the labels is used."""
    before = await ran(house)
    path = house.files.path(before.id) / file
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert (after.phase, after.user) == (Phase.RUNNING, "alice")
        assert after.token_hash == before.token_hash


async def test_anothers_record_is_not_believed(house: House) -> None:
    """A record of another session or user than the container's labels have counts for nothing."""
    async with house.life() as life:
        await life.ready()
        first, second = await life.run(), await life.run()
    paths = [house.files.path(each.id) / "record.json" for each in (first, second)]
    paths[0].write_text(paths[1].read_text())
    paths[1].write_text(paths[1].read_text().replace('"user":"alice"', '"user":"mallory"'))
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        for before in (first, second):
            after = life.session(before.id)
            assert (after.id, after.user) == (before.id, "alice")
            assert after.token_hash == before.token_hash
            assert "record" in after.message


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


async def created_only(house: House) -> SessionId:
    """A life that ends between the creation of a container and its start."""
    async with house.life() as life:
        await life.ready()
        gate = house.engine.hold("launch")
        session_id = (await life.start()).id
        await gate.entered.wait()
        await life.crash()
    del house.engine._before["launch"]
    named = {
        labels.OWNER: house.engine.owner,
        labels.SESSION: session_id,
        labels.USER: "alice",
        labels.TEMPLATE: "docker",
    }
    house.engine.host.create(container_name(session_id), ContainerSpec(image=IMAGE, labels=named))
    return session_id


async def test_a_container_that_was_only_created(house: House) -> None:
    """Its start is completed, by that one container, and its agent's token is good."""
    session_id = await created_only(house)
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        await life.launched(session_id)
        token = life.token_hash(session_id)
        assert life.core.sessions.find_by_token_hash(token) == session_id
        ready = await life.core.sessions.submit(session_id, AgentReady(1))
        assert ready.phase is Phase.RUNNING
    assert len(house.engine.host.containers) == 1


async def test_a_created_container_without_a_record(house: House) -> None:
    """How it was to be started is not known any more: its session is over, and says so."""
    session_id = await created_only(house)
    (house.files.path(session_id) / "record.json").unlink()
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        ended = await life.reaches(session_id, Phase.ENDED)
        assert ended.reason is Reason.START_TIMEOUT
        assert "start it again" in ended.message
        await until(lambda: not house.files.path(session_id).exists())
    assert house.engine.host.containers == {}


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

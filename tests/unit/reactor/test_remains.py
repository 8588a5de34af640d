"""The store is lost, and not everything else is left: what there is must do."""

from __future__ import annotations

import shutil

import pytest

from supervisor.engine import labels
from supervisor.engine.base import container_name
from supervisor.lifecycle.facts import AgentReady, TerminateRequested
from supervisor.lifecycle.session import ClipboardPolicy, Phase, Reason, SessionId
from supervisor.template.spec import ContainerSpec
from tests.support.turning import until
from tests.unit.reactor.life import IMAGE, TEMPLATE, House, ran


async def test_a_session_without_its_record(house: House) -> None:
    """What its agent was told and its labels say is enough to go on, and to end in order."""
    house.write_template("docker", TEMPLATE.replace("7s}", "7s, clipboard: in}"))
    before = await ran(house)
    (house.files.path(before.id) / "record.json").unlink()
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert after.phase is Phase.RUNNING
        assert after.clipboard is before.clipboard is ClipboardPolicy.IN
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


async def test_a_token_that_is_none(house: House) -> None:
    """What a failing disk has made of it does not keep the session from being put back."""
    before = await ran(house)
    document = house.files.path(before.id) / "session.json"
    document.write_text(document.read_text().replace('"token": "', '"token": "\\ud800'))
    house.lose_store()
    async with house.life() as life:
        await life.ready()
        after = life.session(before.id)
        assert (after.phase, after.token_hash) == (Phase.RUNNING, before.token_hash)


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

"""Orphans go after their grace, others' containers never; whoever asks is told the same."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from supervisor.engine import labels
from supervisor.engine.base import container_name
from supervisor.errors import EngineError, EngineUnreachableError
from supervisor.host.session_files import SessionDirectory, SessionFiles
from supervisor.lifecycle.errors import UnavailableError
from supervisor.lifecycle.session import Phase, SessionId
from supervisor.reactor import reconcile
from supervisor.reactor.adoption import Adoption
from supervisor.reactor.reconcile import OrphanRules
from supervisor.template.spec import ContainerSpec
from tests.support.memory_host import MemoryContainer
from tests.support.turning import settled, until
from tests.unit.reactor.life import IMAGE, OWNER, House

ORPHAN = SessionId("01hf000000000000000000000z")
FOREIGN = SessionId("01hf000000000000000000000y")


@pytest.fixture
def house(house: House) -> House:
    """A daemon that lists all the time."""
    house.relist_seconds = 0.005
    return house


def container(
    house: House, session_id: SessionId = ORPHAN, owner: str | None = OWNER, name: str = ""
) -> MemoryContainer:
    """A container that runs and that no session stands for."""
    named = {} if owner is None else {labels.OWNER: owner, labels.SESSION: session_id}
    spec = ContainerSpec(image=IMAGE, labels=named)
    made = house.engine.host.create(name or container_name(session_id), spec)
    house.engine.host.start(made)
    return made


async def listed(house: House, times: int = 3) -> None:
    """Wait until so many more listings were made, and put in order."""
    before = house.engine.calls.count("tidy")
    await until(lambda: house.engine.calls.count("tidy") >= before + times)


async def in_order(house: House, listings: int) -> None:
    """Wait until so many listings since the daemon's start were put in order."""
    # One more of these calls belongs to the start itself.
    await until(lambda: house.engine.calls.count("tidy") > listings)


async def test_an_orphan_goes_after_its_grace(house: House) -> None:
    """Not while it could be a creation under way, nor right after the daemon's start."""
    house.orphans = OrphanRules(grace_seconds=60, initial_delay_seconds=100)
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        container(house)
        house.clock.at += 99
        await listed(house)
        assert container_name(ORPHAN) in house.engine.host.containers
        young = container(house, FOREIGN)
        house.clock.at += 1
        await until(lambda: container_name(ORPHAN) not in house.engine.host.containers)
        await listed(house)
        assert house.engine.host.named(FOREIGN) is young
        assert life.core.tally.orphans_removed == 1
        assert (life.core.tally.orphans_found, life.core.upkeep.orphans) == (2, 1)
        assert life.session(session.id).phase is Phase.RUNNING
        house.clock.at += 60
        await until(lambda: house.engine.host.named(FOREIGN) is None)
        assert life.core.tally.orphans_removed == 2
        assert house.engine.container(session.id).exit_code is None


async def test_a_session_that_starts_meanwhile_keeps_its_files(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are found are compared with the sessions there are then, not with those before."""

    async def nothing_to_adopt(_adoption: Adoption, _records: object) -> None:
        """So that files are listed for the comparison alone."""

    monkeypatch.setattr(Adoption, "again", nothing_to_adopt)
    async with house.life() as life:
        await life.ready()
        looking, started = threading.Event(), threading.Event()
        session_ids = SessionDirectory.session_ids

        def slow(files: SessionDirectory) -> list[SessionId]:
            looking.set()
            started.wait()
            return list(session_ids(files))

        monkeypatch.setattr(SessionDirectory, "session_ids", slow)
        await asyncio.to_thread(looking.wait)
        session = await life.run()
        started.set()
        await listed(house)
        assert house.files.read(session.id) is not None
        assert life.session(session.id).phase is Phase.RUNNING


async def test_others_containers_are_not_touched(house: House) -> None:
    """Another instance's, and nobody's, though they have our sessions' names or an orphan's age."""
    async with house.life() as life:
        await life.ready()
        theirs = container(house, ORPHAN, "another")
        nobodys = container(house, FOREIGN, None)
        house.clock.at += 10_000
        await listed(house)
        told = await life.core.upkeep.reconcile(dry_run=False)
        assert told["orphans"] == []
    assert house.engine.host.named(ORPHAN) is theirs
    assert house.engine.host.named(FOREIGN) is nobodys
    assert (theirs.exit_code, nobodys.exit_code) == (None, None)


async def test_an_orphan_that_cannot_be_removed_is_tried_again(house: House) -> None:
    """With each listing; nothing else is held up by it."""
    house.engine.fail("discard", EngineError("device busy"), times=3)
    async with house.life() as life:
        await life.ready()
        container(house)
        house.clock.at += 10_000
        await until(lambda: house.engine.host.named(ORPHAN) is None)
        assert house.engine.calls.count("discard") == 4
        assert life.core.tally.orphans_removed == 1


async def test_what_an_unanswering_engine_leaves_is_taken_up_later(house: House) -> None:
    """An engine that goes away in the middle ends nothing for good."""
    async with house.life() as life:
        await life.ready()
        house.engine.fail("tidy", EngineUnreachableError("gone"), times=2)
        container(house)
        house.clock.at += 10_000
        await until(lambda: house.engine.host.named(ORPHAN) is None)


async def test_a_dry_run_tells_and_does_nothing(house: House) -> None:
    """What would be done, in sentences; asked for in earnest, the same is done."""
    house.relist_seconds = 3600
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        session = await life.run()
        made = container(house)
        house.files.write(FOREIGN, SessionFiles("", "", "{}"))
        house.clock.at += 61
        container(house, SessionId("01hf000000000000000000000x"))
        with house.engine.host.dropped_events():
            house.engine.exit(session.id, 3)
        told = await life.core.upkeep.reconcile(dry_run=True)
        assert told["dry_run"] is True
        assert [each["message"] for each in told["orphans"]] == [
            "No session stands for it: it would be removed.",
            "No session stands for it: it is removed once it is 60 s old.",
        ]
        assert told["orphans"][0]["container_id"] == made.container_id
        (leftover,) = told["leftover_files"]
        assert leftover["session_id"] == FOREIGN
        assert "would be removed" in leftover["message"]
        (drift,) = told["drift"]
        assert (drift["session_id"], drift["phase"], drift["container"]) == (
            session.id,
            "running",
            None,
        )
        assert drift["message"] == "Its container is gone: the session would be ended."
        await settled()
        assert house.engine.host.named(ORPHAN) is made
        assert FOREIGN in list(house.files.session_ids())
        assert life.session(session.id).phase is Phase.RUNNING

        done = await life.core.upkeep.reconcile(dry_run=False)
        assert done["orphans"][0]["message"] == "No session stood for it: it was removed."
        assert "were removed" in done["leftover_files"][0]["message"]
        assert "the session was told" in done["drift"][0]["message"]
        assert house.engine.host.named(ORPHAN) is None
        assert FOREIGN not in list(house.files.session_ids())
        await life.reaches(session.id, Phase.ENDED)
        await until(lambda: not house.files.path(session.id).exists())
        again = await life.core.upkeep.reconcile(dry_run=True)
        assert len(again["orphans"]) == 1
        assert (again["leftover_files"], again["drift"]) == ([], [])


async def test_a_failed_removal_is_told(house: House) -> None:
    """With the engine's reason."""
    house.relist_seconds = 3600
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        container(house)
        house.clock.at += 61
        house.engine.fail("discard", EngineError("device busy"))
        told = await life.core.upkeep.reconcile(dry_run=False)
        (orphan,) = told["orphans"]
        assert "could not be removed: device busy" in orphan["message"]


async def test_nothing_is_concluded_before_adoption(house: House) -> None:
    """Whoever asks too early is told to come again."""
    listing = house.engine.hold("list_containers")
    async with house.life() as life:
        await listing.entered.wait()
        with pytest.raises(UnavailableError, match="not adopted yet"):
            await life.core.upkeep.reconcile(dry_run=True)
        listing.release()


async def test_nobody_waits_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one reconciliation hangs, the next is refused after its deadline."""
    monkeypatch.setattr(reconcile, "TURN_SECONDS", 0.01)
    house.relist_seconds = 3600
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        gate = house.engine.hold("list_containers")
        asking = asyncio.create_task(life.core.upkeep.reconcile(dry_run=True))
        await gate.entered.wait()
        with pytest.raises(UnavailableError, match="still under way"):
            await life.core.upkeep.reconcile(dry_run=True)
        gate.release()
        await asking
        await life.core.upkeep.reconcile(dry_run=True)


async def test_drift_is_counted_once(house: House) -> None:
    """What events told is none; what only a listing showed is one."""
    house.relist_seconds = 3600
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        first, second = await life.run(), await life.run()
        house.engine.exit(first.id)
        await life.reaches(first.id, Phase.ENDED)
        house.engine.host.break_streams()
        await in_order(house, 2)
        assert life.core.tally.drift_found == 0
        with house.engine.host.dropped_events():
            house.engine.exit(second.id)
        house.engine.host.break_streams()
        await life.reaches(second.id, Phase.ENDED)
        await in_order(house, 3)
        house.engine.host.break_streams()
        await in_order(house, 4)
        assert life.core.tally.drift_found == 1


async def test_drift_that_lasts_is_counted_once(house: House) -> None:
    """While the store cannot take what a listing showed, the next ones show it again."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        life.database.failures = sys.maxsize
        with house.engine.host.dropped_events():
            house.engine.exit(session.id)
        await listed(house, 5)
        assert life.session(session.id).phase is Phase.RUNNING
        life.database.failures = 0
        await life.reaches(session.id, Phase.ENDED)
        assert life.core.tally.drift_found == 1


async def test_an_orphan_is_removed_once(house: House) -> None:
    """An older listing that still shows it may be put in order when one without it is made."""
    house.relist_seconds = 3600
    house.orphans = OrphanRules(grace_seconds=0, initial_delay_seconds=0)
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        container(house)
        older = await house.engine.list_containers()
        life.core.upkeep.note({}, older)
        await in_order(house, 2)
        life.core.upkeep.note({}, older)
        await settled(2)
        assert life.core.upkeep._at_work.locked()
        life.core.upkeep.note({}, [])
        await in_order(house, 4)
        assert house.engine.calls.count("discard") == 1
        assert life.core.tally.orphans_removed == 1


async def test_a_probe_that_was_left_is_removed(house: House) -> None:
    """Not one that an image is being read by."""
    async with house.life() as life:
        await life.ready()
        spec = ContainerSpec(image=IMAGE, labels={labels.OWNER: OWNER, labels.PROBE: "true"})
        house.engine.host.create("fx-probe", spec)
        await listed(house)
        assert "fx-probe" in house.engine.host.containers
        house.clock.at += 61
        await until(lambda: "fx-probe" not in house.engine.host.containers)


async def test_a_stray_takes_nothing_from_its_session(house: House) -> None:
    """A container made from a session's image lives and dies without the session."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        stray = container(house, session.id, OWNER, "debugging")
        await listed(house)
        house.engine.host.exit(stray, 1)
        await listed(house)
        assert life.session(session.id) == session
        second = container(house, session.id, OWNER, "debugging")
        house.clock.at += 1000
        await listed(house)
        assert house.engine.host.containers["debugging"] is second


async def test_a_session_that_ends_meanwhile_is_not_put_back(house: House) -> None:
    """Its container was in the listing, its files are still there, and it is over."""
    house.relist_seconds = 3600
    async with house.life() as life:
        await life.ready()
        await in_order(house, 1)
        session = await life.run()
        record = house.engine.container(session.id).record(session.id)
        await life.core.sessions.purge(session.id)
        house.files.write(session.id, SessionFiles("", "", "{}"))
        await life.core._adoption.again([record])
        assert life.core.directory.find(session.id) is None


@pytest.mark.parametrize("name", ["../../etc", "x", "01hf", ""])
async def test_a_label_may_be_anything(house: House, name: str) -> None:
    """What is no session's id is nobody's container, whatever it would mean as a path."""
    house.lose_store()
    container(house, SessionId(name), OWNER, "any")
    async with house.life() as life:
        await life.ready()
        house.clock.at += 10_000
        await until(lambda: "any" not in house.engine.host.containers)

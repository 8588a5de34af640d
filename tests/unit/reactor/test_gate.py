"""The node's gate: closed, nothing new is taken, whatever else happens; what runs is left alone."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from supervisor.errors import StoreDamagedError, StoreError
from supervisor.lifecycle.cordon import NodeDrainingError
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.facts import ResumeRequested, SuspendRequested
from supervisor.lifecycle.session import Phase, Reason
from supervisor.reactor.admission import AdmissionLimits
from tests.support.turning import until
from tests.unit.reactor.life import House, Life

WHY = "kernel update"


async def close(life: Life, reason: str = WHY) -> None:
    """By an administrator."""
    await life.core.gate.close(by="root", reason=reason)


async def test_nothing_new_is_taken_and_what_runs_goes_on(life: Life) -> None:
    """The refusal says who and why; a session can be put aside and taken up again."""
    session = await life.run()
    await close(life)
    with pytest.raises(NodeDrainingError, match=f"by order of root: {WHY}") as refused:
        await life.start()
    assert (refused.value.code, refused.value.retryable) == ("draining", True)
    await life.core.sessions.submit(session.id, SuspendRequested())
    await life.core.sessions.submit(session.id, ResumeRequested())
    assert life.session(session.id).phase is Phase.RUNNING
    await life.core.gate.open(by="root")
    assert (await life.start()).phase is Phase.PENDING


async def test_a_cordon_outlives_the_daemon(house: House) -> None:
    """In order or not; it is told at each start, and lifted for good."""
    async with house.life() as life:
        await life.ready()
        session = await life.run()
        await close(life)
        before = life.core.health.node()["cordon"]
        await life.crash()
    with capture_logs() as logged:
        async with house.life() as life:
            with pytest.raises(NodeDrainingError, match=WHY):
                await life.start()
            await life.ready()
            assert life.core.health.node()["cordon"] == before
            assert life.session(session.id).phase is Phase.RUNNING
            await life.core.gate.open(by="root")
    assert [line["by"] for line in logged if line["event"] == "node_still_cordoned"] == ["root"]
    async with house.life() as life:
        await life.ready()
        await life.start()


async def test_a_start_that_is_repeated_is_answered(life: Life) -> None:
    """Its session was accepted before; another key is another start."""
    session = await life.start(key="k")
    await close(life)
    assert (await life.start(key="k")).id == session.id
    with pytest.raises(NodeDrainingError):
        await life.start(key="other")


async def test_a_start_is_before_the_cordon_or_refused(life: Life) -> None:
    """However they race: what is accepted is known once the cordon stands."""
    starts = [asyncio.ensure_future(life.start()) for _ in range(20)]
    await asyncio.sleep(0)
    await close(life)
    known = {session.id for session in life.core.directory}
    outcomes = await asyncio.gather(*starts, return_exceptions=True)
    accepted = {each.id for each in outcomes if not isinstance(each, BaseException)}
    refused = [each for each in outcomes if isinstance(each, BaseException)]
    assert accepted == known
    assert all(isinstance(each, NodeDrainingError) for each in refused)


async def test_what_passed_the_first_look_is_looked_at_again(life: Life) -> None:
    """The store has the last word: the cordon may come while a template is rendered."""
    await close(life)
    life.core.gate.cordon = None
    with pytest.raises(NodeDrainingError):
        await life.start()
    assert not list(life.core.directory)


async def test_who_waits_for_a_turn_gets_it(house: House) -> None:
    """They were told that their session is accepted."""
    house.limits = AdmissionLimits(max_sessions=1)
    async with house.life() as life:
        await life.ready()
        first = await life.run()
        second = await life.start()
        await close(life)
        assert life.core.health.node()["load"]["pending"] == 1
        await life.core.sessions.purge(first.id)
        await life.launched(second.id)


async def test_emptied_all_of_them_end(house: House) -> None:
    """Those that wait as well as those that run, as when each is terminated."""
    house.limits = AdmissionLimits(max_sessions=1)
    async with house.life() as life:
        await life.ready()
        running, waiting = await life.run(), await life.start()
        await life.core.gate.empty(by="root", reason=WHY)
        for session in (running, waiting):
            assert (await life.reaches(session.id, Phase.ENDED)).reason is Reason.TERMINATED
        with pytest.raises(NodeDrainingError):
            await life.start()


async def test_orders_are_idempotent(life: Life) -> None:
    """The first counts; another reason and its author are told; news is told once."""
    with life.core.broadcast.subscribe() as reader:
        await close(life)
        since = life.core.health.node()["cordon"]["since"]
        life.house.clock.at += 100
        await close(life)
        await close(life, "")
        await life.core.gate.close(by="bob", reason="a new disk")
        told = life.core.health.node()["cordon"]
        await life.core.gate.open(by="bob")
        await life.core.gate.open(by="bob")
        async with asyncio.timeout(10):
            items = await reader.take(100)
        news = [item for item in items if item.kind is EventKind.NODE]
    assert told == {"by": "bob", "since": since, "reason": "a new disk"}
    assert [json.loads(item.data)["draining"] for item in news] == [True, True, False]
    assert life.core.health.node()["cordon"] is None


async def test_what_cannot_be_stored_is_not_so(life: Life) -> None:
    """A full disk: the order is refused, and the node is as it was."""
    life.database.failures = 1
    with pytest.raises(StoreError):
        await close(life)
    assert life.core.health.node()["draining"] is False
    await life.start()


async def test_a_damaged_store_keeps_the_cordon(house: House) -> None:
    """What is written anew from memory has it."""
    life = Life(house)
    await life.begin()
    await life.ready()
    await close(life)
    life.database.damaged.set()
    await until(lambda: any(isinstance(each, StoreDamagedError) for each in life.tasks.crashes))
    await life.crash()
    async with house.life() as life:
        with pytest.raises(NodeDrainingError, match=WHY):
            await life.start()

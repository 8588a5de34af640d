"""However a life of the daemon ends, the next one goes on where it was."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from supervisor.reactor.broadcast import Broadcast
from supervisor.store.delivery import load_position
from tests.support.turning import until
from tests.support.webhook_receiver import accept, refuse, refuse_session
from tests.unit.relay.posting import PROMPT, Office


async def test_the_next_life_goes_on(office: Office) -> None:
    """After an orderly end nothing is told twice, and nothing is missed."""
    office.receiver.answer = refuse_session("a", refuse(500))
    await office.commit("abc" * 5)
    async with office.life() as webhook:
        await office.delivered(10)
        await until(lambda: webhook.state()["sessions_behind"] == 1)
    office.receiver.answer = accept
    await office.commit("abcd")
    office.broadcast = Broadcast(office.broadcast.latest())
    async with office.life():
        await office.delivered()
    office.require_order()
    accepted = [each.id for each in office.receiver.accepted]
    assert len(set(accepted)) == len(accepted)


async def test_a_killed_life_loses_nothing(office: Office) -> None:
    """Killed at any moment, what may have been lost on the way is told again under its name."""
    chance = random.Random(2)  # noqa: S311 the same each time
    office.limits = replace(PROMPT, turn_events=2, page_events=5)
    for _ in range(12):
        await office.commit("abcdab")
        running = asyncio.create_task(office.webhook().run())
        goal = len(office.receiver.came) + chance.randrange(6)
        await until(lambda: len(office.receiver.came) >= goal)  # noqa: B023
        running.cancel()
        await asyncio.wait([running])
        await until(lambda: not office.receiver.under_way)
    async with office.life():
        await office.delivered()
    office.require_order()


async def test_what_is_there_at_the_end_is_told_before(office: Office) -> None:
    """An orderly stop delivers what was committed just before."""
    webhook = office.webhook()
    running = asyncio.create_task(webhook.run())
    await office.commit("abc" * 50)
    await webhook.stop(30.0)
    await running
    office.require_order()
    assert (await office.database.run(load_position)).lanes == {}


async def test_a_dead_receiver_does_not_delay_the_end(office: Office) -> None:
    """A stop does not wait for somebody who is not there."""
    await office.receiver.stop()
    office.limits = replace(PROMPT, first_retry_seconds=3600.0, last_probe_seconds=3600.0)
    webhook = office.webhook()
    running = asyncio.create_task(webhook.run())
    await office.commit("abc" * 5)
    await until(lambda: webhook.state()["state"] == "failing")
    async with asyncio.timeout(10):
        await webhook.stop(3600.0)
        await running
    assert len((await office.database.run(load_position)).lanes) == 3


async def test_a_store_that_is_gone_does_not_delay_the_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop has its deadline also when nothing can be read or remembered."""
    monkeypatch.setattr("relay.webhook.webhook._SAVE_SECONDS", 0.01)
    office.database.failures = 10**9
    webhook = office.webhook()
    running = asyncio.create_task(webhook.run())
    await until(lambda: office.database.failures < 10**9)
    async with asyncio.timeout(10):
        await webhook.stop(0.01)
    running.cancel()
    await asyncio.wait([running])

"""Many sessions at once: what is held of them is bounded, and none holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from relay.ports import StoredEvent, Stretch
from relay.webhook.post import Post, Verdict
from supervisor.reactor.service import OutboxService
from tests.support.turning import settled, until
from tests.support.webhook_receiver import Delivery, accept, refuse, refuse_session
from tests.unit.relay.posting import PROMPT, Office


async def test_one_request_per_session_and_a_few_at_once(office: Office) -> None:
    """Many sessions share a bounded number of connections; none has two requests at a time."""
    held = asyncio.Event()

    async def hold(delivery: Delivery, request: web.Request) -> web.StreamResponse:
        await held.wait()
        return await accept(delivery, request)

    office.receiver.answer = hold
    await office.commit("abcdefghij" * 5)
    async with office.life():
        await until(lambda: len(office.receiver.under_way) == PROMPT.connections)
        await settled()
        assert len(office.receiver.came) == PROMPT.connections
        held.set()
        await office.delivered()
    office.require_order()
    assert office.receiver.most_at_once == PROMPT.connections
    assert office.receiver.doubled == []


async def test_a_backlog_is_not_held_in_memory(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is, a few events of a few sessions are read at a time."""
    office.limits = replace(PROMPT, page_events=7, turn_events=3)
    await office.commit("abcde" * 20)
    sizes: list[int] = []
    read = OutboxService.events

    async def measured(self: OutboxService, stretch: Stretch, limit: int) -> Sequence[StoredEvent]:
        found = await read(self, stretch, limit)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(OutboxService, "events", measured)
    async with office.life():
        await office.delivered()
    office.require_order()
    assert max(sizes) == 3


async def test_more_sessions_than_lanes(office: Office) -> None:
    """What does not fit waits in the outbox until there is room."""
    held = asyncio.Event()

    async def hold(delivery: Delivery, request: web.Request) -> web.StreamResponse:
        await held.wait()
        return await accept(delivery, request)

    office.receiver.answer = hold
    office.limits = replace(PROMPT, lanes=3, page_events=2)
    await office.commit("abcdefghijkl" * 2)
    async with office.life() as webhook:
        await until(lambda: len(office.receiver.under_way) > 2)
        await settled()
        assert webhook.state()["sessions_behind"] <= 3 + 1
        held.set()
        await office.delivered()
    office.require_order()


@pytest.mark.parametrize("status", [400, 401, 404, 422, 500, 502, 503, 301])
async def test_a_poisonous_session_holds_up_nobody(office: Office, status: int) -> None:
    """What is never accepted of one session is tried again and again while the others go on."""
    office.receiver.answer = refuse_session("a", refuse(status))
    async with office.life() as webhook:
        for _ in range(10):
            await office.commit("abcd")
        await until(lambda: all(len(office.receiver.versions(each)) == 10 for each in "bcd"))
        tries = [each.version for each in office.receiver.came if each.session == "a"]
        assert set(tries) == {1}
        assert f"{status}" in webhook.state()["message"]
        behind = ("sessions_refused", "sessions_behind")
        await until(lambda: [webhook.state()[each] for each in behind] == [1, 1])
        office.receiver.answer = accept
        await office.delivered()
    office.require_order()


async def test_a_receiver_that_hangs_over_one_session(office: Office) -> None:
    """A request without an answer ends at its deadline; the others do not wait for it."""
    office.timeout_seconds = 0.05

    async def hang(_delivery: Delivery, _request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    office.receiver.answer = refuse_session("a", hang)
    async with office.life():
        for _ in range(5):
            await office.commit("abcd")
        await until(lambda: all(len(office.receiver.versions(each)) == 5 for each in "bcd"))
        assert office.receiver.versions("a") == []
        office.receiver.answer = accept
        await office.delivered()
    office.require_order()


async def test_a_defect_stays_with_its_lane(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash is logged with its session, and neither ends the daemon nor holds up the others."""
    deliver = Post.__call__

    async def crash(self: Post, event: StoredEvent) -> Verdict:
        if event.session_id.startswith("a"):
            raise ZeroDivisionError
        return await deliver(self, event)

    with capture_logs() as logs, monkeypatch.context() as broken:
        broken.setattr(Post, "__call__", crash)
        async with office.life():
            await office.commit("abc" * 5)
            await office.delivered(10)
    crashes = [line for line in logs if line["event"] == "webhook_crashed"]
    assert {line["session_id"] for line in crashes} == {"a" * 26}
    async with office.life():
        await office.delivered()
    office.require_order()

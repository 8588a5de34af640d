"""The webhook: every change is told, in order per session, whatever the receiver does."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import pytest_asyncio
from aiohttp import web
from structlog.testing import capture_logs

from relay.ports import Position, StoredEvent, Stretch
from relay.webhook_post import Post, Verdict
from supervisor.lifecycle.effects import EventKind
from supervisor.lifecycle.session import SessionId
from supervisor.reactor.broadcast import Broadcast
from supervisor.reactor.service import OutboxService
from supervisor.store.delivery import load_position, save_position
from tests.support.turning import settled
from tests.support.webhook_receiver import Delivery, Receiver, accept, refuse, refuse_session
from tests.unit.reactor.fakes import BreakableDatabase, Clock
from tests.unit.relay.conftest import until
from tests.unit.relay.posting import PROMPT, Office, advance
from tests.unit.relay.test_openapi import DOCUMENT

NOW = 1_700_000_000.0


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """A store with nothing in it, and a receiver that accepts everything."""
    database = BreakableDatabase(tmp_path / "supervisor.db")
    await database.open()
    async with Receiver().serving() as receiver:
        yield Office(database, receiver, Clock(NOW))
    await database.close()


async def test_every_change_is_posted(office: Office) -> None:
    """One POST each: the event stream's object, its type, and when it was committed."""
    async with office.life():
        (update,) = await office.commit("a")
        office.now.at += 1.5
        (delete,) = await office.commit("a", EventKind.DELETE)
        await until(lambda: len(office.receiver.came) == 2)
    first, second = office.receiver.came
    assert first.document == {
        "type": "session.update",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": json.loads(update.data),
    }
    assert second.document == {
        "type": "session.delete",
        "timestamp": "2023-11-14T22:13:21.500Z",
        "data": json.loads(delete.data),
    }
    assert first.headers["Content-Type"] == "application/json"
    assert (first.path, first.id != second.id) == ("/hook", True)


async def test_it_is_as_documented(office: Office) -> None:
    """What is posted, and what the node says of it, have the published form."""
    async with office.life() as webhook:
        await office.commit("a")
        await office.commit("a", EventKind.DELETE)
        await until(lambda: len(office.receiver.came) == 2)
        require_schema("Webhook", dict(webhook.state()))
    require_schema("Webhook", dict(office.webhook().state()))
    for delivery in office.receiver.came:
        require_schema("WebhookEvent", delivery.document)


def require_schema(name: str, document: dict[str, Any]) -> None:
    """Raises ValidationError unless the document is as the published schema says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    formats = jsonschema.FormatChecker()
    jsonschema.Draft202012Validator(schema, format_checker=formats).validate(document)


async def test_order_holds_per_session(office: Office) -> None:
    """However often the receiver fails, each change of a session comes after the one before."""
    chance = random.Random(1)  # noqa: S311 the same each time

    async def fickle(delivery: Delivery, request: web.Request) -> web.StreamResponse:
        if chance.randrange(5) == 0 and request.transport is not None:
            request.transport.abort()
        status = chance.choice([204, 204, 200, 500, 404, 302])
        return await refuse(status)(delivery, request)

    office.receiver.answer = fickle
    async with office.life():
        for _ in range(10):
            await office.commit("abcdefgh")
        await office.delivered()
    office.require_order()


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


async def test_connections_are_kept(office: Office) -> None:
    """Hundreds of changes of one session go over one connection."""
    await office.commit("a" * 300)
    async with office.life():
        await office.delivered()
    office.require_order()
    assert len({delivery.port for delivery in office.receiver.came}) == 1


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


async def test_a_dead_receiver_is_asked_now_and_then(office: Office) -> None:
    """Many sessions do not make many attempts: one probe after each pause, ever longer ones."""
    clock = Clock(0.0)
    office.limits = replace(PROMPT, first_retry_seconds=10.0, last_probe_seconds=1000.0)
    office.receiver.answer = refuse(502)
    letters = "".join(chr(0x61 + number) for number in range(26))
    await office.commit(letters)
    async with office.life(clock) as webhook:
        await until(lambda: webhook._endpoint.suspect and not webhook._busy)
        at_first = len(office.receiver.came)
        assert at_first <= 2 * PROMPT.connections
        for probe in range(1, 6):
            advance(webhook, clock, 10 * 2**probe)
            await until(lambda: len(office.receiver.came) == at_first + probe)  # noqa: B023
            await settled()
            assert len(office.receiver.came) == at_first + probe
        probed = [each.session for each in office.receiver.came]
        assert len(set(probed)) == len(probed), "each probe is another session's"
        office.receiver.answer = accept
        advance(webhook, clock, 1000)
        await office.delivered()
        assert webhook.state()["state"] == "delivering"
    office.require_order()


async def test_a_receiver_that_is_away(office: Office) -> None:
    """Nobody listens; once somebody does, all that was missed is told, in order."""
    await office.receiver.stop()
    with capture_logs() as logs:
        async with office.life() as webhook:
            for _ in range(20):
                await office.commit("abcde")
            await until(lambda: webhook.state()["state"] == "failing")
            assert "s3cret" not in json.dumps(webhook.state())
            # No session's own patience is used up by that.
            assert webhook.state()["sessions_refused"] == 0
            await office.receiver.start()
            await office.delivered()
            await until(lambda: webhook.state()["message"] == "")
    office.require_order()
    events = [line["event"] for line in logs]
    assert events.count("webhook_receiver_failed") == events.count("webhook_receiver_recovered")
    assert "webhook_receiver_failed" in events
    assert "s3cret" not in json.dumps(logs)


@pytest.mark.parametrize(("status", "seconds"), [(503, "120"), (429, "120"), (429, None)])
async def test_a_receiver_that_asks_for_a_pause_gets_it(
    office: Office, status: int, seconds: str | None
) -> None:
    """``Retry-After`` stops everything until then, and not a moment longer."""
    clock = Clock(0.0)
    office.limits = replace(PROMPT, connections=1)
    headers = {} if seconds is None else {"Retry_After": seconds}
    wait = 0.0005 if seconds is None else 120
    office.receiver.answer = refuse_session("a", refuse(status, **headers))
    await office.commit("abc")
    async with office.life(clock) as webhook:
        await until(lambda: webhook._endpoint.not_before > 0)
        advance(webhook, clock, wait - 0.0001)
        await settled()
        assert [each.session for each in office.receiver.came] == ["a"]
        office.receiver.answer = accept
        advance(webhook, clock, 0.01)
        await office.delivered()
    office.require_order()


async def test_a_pause_for_one_session(office: Office) -> None:
    """``Retry-After`` with another status is about that event; the others go on."""
    clock = Clock(0.0)
    office.receiver.answer = refuse_session("a", refuse(500, Retry_After="50"))
    await office.commit("ab" * 5)
    async with office.life(clock) as webhook:
        await office.delivered(5)
        advance(webhook, clock, 49)
        await office.commit("b")
        await office.delivered(6)
        assert len(office.receiver.came) == 7
        office.receiver.answer = accept
        advance(webhook, clock, 1.1)
        await office.delivered()
    office.require_order()


async def test_a_pause_has_a_bound(office: Office) -> None:
    """A receiver that asks for a year is asked again in an hour."""
    clock = Clock(0.0)
    office.receiver.answer = refuse(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")
    await office.commit("a")
    async with office.life(clock) as webhook:
        await until(lambda: webhook._endpoint.not_before > 0)
        assert webhook._endpoint.not_before == PROMPT.retry_after_seconds


async def test_gone_is_for_good(office: Office) -> None:
    """410 stops it, also in the next life; another address goes on where it was."""
    office.receiver.answer = refuse(410)
    await office.commit("a")
    with capture_logs() as logs:
        async with office.life() as webhook:
            await until(lambda: webhook.state()["state"] == "stopped")
            await office.commit("bcd")
            await settled()
        came = len(office.receiver.came)
        assert came == 1
        office.receiver.answer = accept
        async with office.life() as webhook:
            await until(lambda: webhook.state()["state"] == "stopped")
            assert "relay.webhook.url" in webhook.state()["message"]
            await settled()
        assert len(office.receiver.came) == came
    assert "webhook_stopped" in [line["event"] for line in logs]
    async with office.life(url=office.receiver.url + "&again"):
        await office.delivered()
    office.require_order()
    # ... and the address that was gone may be used again afterwards.
    await office.commit("a")
    async with office.life():
        await office.delivered()


async def test_redirects_are_not_followed(office: Office) -> None:
    """Whoever answers 307 does not make the daemon post events somewhere else."""
    office.receiver.answer = refuse_session("a", refuse(307, Location="/elsewhere"))
    await office.commit("a")
    async with office.life():
        await until(lambda: len(office.receiver.came) > 2)
    assert {each.path for each in office.receiver.came} == {"/hook"}
    assert office.receiver.accepted == []


@pytest.mark.parametrize("piece", [b"x" * 65536, b""])
async def test_endless_answers_are_cut_off(office: Office, piece: bytes) -> None:
    """The status is what counts; a body that does not end is not waited for."""

    async def endless(_delivery: Delivery, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        office.receiver.accepted.append(_delivery)
        while True:
            await response.write(piece) if piece else await asyncio.sleep(3600)

    office.receiver.answer = endless
    await office.commit("aab")
    async with office.life():
        await office.delivered()
    office.require_order()
    assert len(office.receiver.came) == 3, "each was delivered once"


async def test_connections_that_the_receiver_closes(office: Office) -> None:
    """A kept connection that is closed under a request is nobody's fault: no failure, no wait."""
    clock = Clock(0.0)

    async def close_afterwards(_delivery: Delivery, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        asyncio.get_running_loop().call_later(0.002, transport.abort)
        return web.Response(status=204)

    office.receiver.answer = close_afterwards
    with capture_logs() as logs:
        async with office.life(clock):
            for _ in range(20):
                await office.commit("a")
                await office.delivered()
                await until(lambda: not office.receiver.under_way)
    office.require_order()
    assert [line["event"] for line in logs] == ["webhook_started"]


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


async def test_what_is_never_accepted_is_given_up(office: Office) -> None:
    """After days an event is passed over, loudly; the next one is tried for as long."""
    office.receiver.answer = refuse_session("a", refuse(400))
    with capture_logs() as logs:
        async with office.life(give_up_seconds=100):
            await office.commit("a")
            office.now.at += 60
            await office.commit("a")
            office.now.at += 60
            await office.commit("a")
            await until(lambda: {each.version for each in office.receiver.came} == {1, 2})
            office.receiver.answer = accept
            await office.delivered(2)
    assert office.receiver.versions("a") == [2, 3]
    (line,) = [line for line in logs if line["event"] == "webhook_dead_lettered"]
    assert line["webhook_id"] == office.receiver.came[0].id
    assert (line["events"], line["log_level"]) == (1, "error")
    assert "400" in line["reason"]


async def test_what_is_accepted_late_is_not_given_up(office: Office) -> None:
    """However old: it is tried before it is given up."""
    await office.commit("aaa")
    office.now.at += 1e6
    async with office.life(give_up_seconds=100):
        await office.delivered()
    office.require_order()


async def test_an_age_of_old_events_is_given_up_at_once(office: Office) -> None:
    """One refusal is enough for all that is too old of that session."""
    office.receiver.answer = refuse_session("a", refuse(400))
    await office.commit("a" * 40)
    office.now.at += 101
    await office.commit("a")
    with capture_logs() as logs:
        async with office.life(give_up_seconds=100):
            await until(
                lambda: bool(office.receiver.came) and office.receiver.came[-1].version == 41
            )
    assert {each.version for each in office.receiver.came} == {1, 41}
    (line,) = [line for line in logs if line["event"] == "webhook_dead_lettered"]
    assert line["events"] == 40


async def test_what_was_pruned_is_passed_over(office: Office) -> None:
    """Events that are no longer kept hold up nothing."""
    await office.commit("ab" * 5)
    await office.database.run(lambda db: db.execute("DELETE FROM outbox WHERE seq < 8"))
    async with office.life():
        await office.delivered(3)
        await office.commit("ab")
        await office.delivered(5)
    assert (office.receiver.versions("a"), office.receiver.versions("b")) == ([5, 6], [4, 5, 6])


async def test_a_change_while_its_session_is_looked_at(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed while nothing is found of a session is not taken for found."""
    read = OutboxService.events
    more = ["a"]

    async def slow(self: OutboxService, stretch: Stretch, limit: int) -> Sequence[StoredEvent]:
        found = await read(self, stretch, limit)
        if more:
            await office.commit(more.pop())
            await settled()
            await until(lambda: webhook._backlog.all_known)
        return found

    await office.commit("a")
    await office.database.run(lambda db: db.execute("DELETE FROM outbox"))
    monkeypatch.setattr(OutboxService, "events", slow)
    # A lane of an earlier life, of which nothing is kept.
    await office.database.run(lambda db: save_position(db, Position(1, {SessionId("a" * 26): 1})))
    async with office.life() as webhook:
        await office.delivered(1)
    assert office.receiver.versions("a") == [2]


async def test_a_store_that_cannot_be_read_for_a_while(office: Office) -> None:
    """It is tried again until it can, also at the very beginning."""
    office.database.failures = 2
    with capture_logs() as logs:
        async with office.life():
            await until(lambda: office.database.failures == 0)
            for _ in range(10):
                await office.commit("abc")
                office.database.failures = 3
                await until(lambda: office.database.failures == 0)
            await office.delivered()
    office.require_order()
    assert {line["event"] for line in logs if line["log_level"] == "error"} <= {
        "webhook_outbox_unreadable",
        "webhook_position_not_saved",
    }


async def test_a_store_that_is_gone_does_not_delay_the_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop has its deadline also when nothing can be read or remembered."""
    monkeypatch.setattr("relay.webhook._SAVE_SECONDS", 0.01)
    office.database.failures = 10**9
    webhook = office.webhook()
    running = asyncio.create_task(webhook.run())
    await until(lambda: office.database.failures < 10**9)
    async with asyncio.timeout(10):
        await webhook.stop(0.01)
    running.cancel()
    await asyncio.wait([running])


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

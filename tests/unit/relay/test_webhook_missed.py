"""Events that are never accepted, or no longer kept: passed over, and nothing else with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from relay.ports import Position, StoredEvent, Stretch
from supervisor.lifecycle.session import SessionId
from supervisor.reactor.service import OutboxService
from supervisor.store.delivery import save_position
from tests.support.turning import settled, until
from tests.support.webhook_receiver import accept, refuse, refuse_session
from tests.unit.relay.posting import Office


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

"""A receiver that is away or wants to be left alone is, and misses nothing by it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.support.turning import settled, until
from tests.support.webhook_receiver import accept, refuse, refuse_session
from tests.unit.reactor.fakes import Clock
from tests.unit.relay.posting import PROMPT, Office, advance


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
    assert "webhook_refused" not in events, "nobody was there to refuse anything"
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

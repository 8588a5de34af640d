"""One session in a loop is slowed down; the others, and its own honest calls, are not."""

from __future__ import annotations

import aiohttp
import pytest
from structlog.testing import capture_logs

from relay.defence.pace import Pace
from relay.problems import ProblemError
from supervisor.lifecycle.session import SessionId
from tests.unit.relay.conftest import LIMITS, TOKEN, House

ALICE = SessionId("01jd0000000000000000000001")
BOB = SessionId("01jd0000000000000000000002")


def test_a_burst_and_then_so_many_a_second() -> None:
    """What was not used is not saved beyond the burst; sessions do not share."""
    now = 100.0
    pace = Pace(3, 2.0, lambda: now)

    def allowed(session_id: SessionId) -> int:
        for count in range(10):
            try:
                pace.take(session_id)
            except ProblemError:
                return count
        return 10

    assert allowed(ALICE) == 3
    now += 1.0
    assert allowed(ALICE) == 2
    assert allowed(BOB) == 3
    now += 3600.0
    assert allowed(ALICE) == 3
    with pytest.raises(ProblemError) as refusal:
        pace.take(ALICE)
    assert (refusal.value.status, refusal.value.code) == (429, "too_many_calls")
    pace.forget(ALICE)
    assert allowed(ALICE) == 3


async def call_back(house: House, seq: int, kind: str) -> aiohttp.ClientResponse:
    """A report on a connection of its own."""
    connector = aiohttp.UnixConnector(str(house.config.session_socket))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
        session.post("http://relay/v1/callbacks", json={"seq": seq, "type": kind}) as response,
    ):
        await response.read()
        return response


async def test_an_agent_in_a_loop_is_told_to_wait(house: House) -> None:
    """429 with Retry-After, which the agent keeps to; what came before is committed."""
    await house.sessions.run(TOKEN)
    answers = [await call_back(house, seq, "heartbeat") for seq in range(LIMITS.session_calls + 20)]
    statuses = [answer.status for answer in answers]
    assert statuses[: LIMITS.session_calls] == [204] * LIMITS.session_calls
    assert 429 in statuses
    refused = answers[statuses.index(429)]
    assert refused.headers["Retry-After"] == "1"


async def test_a_report_that_was_seen_is_not_logged_again(house: House) -> None:
    """Otherwise a session could fill the log with one sentence."""
    session_id = await house.sessions.run(TOKEN)
    seen = house.sessions.get(session_id).callback_seq
    with capture_logs() as logs:
        await call_back(house, seen + 1, "started")
        await call_back(house, seen, "started")
    assert [entry["event"] for entry in logs].count("agent_started") == 1


@pytest.mark.parametrize("kind", ["heartbeat", "started"])
async def test_without_a_token_nobody_is_slowed_down(house: House, kind: str) -> None:
    """A stranger's calls do not count against the session."""
    for seq in range(LIMITS.session_calls + 1):
        assert (await call_back(house, seq, kind)).status == 401
